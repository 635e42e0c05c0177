// What may be an id, told from text and from bytes: both have to agree.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ID_BYTES_MAX,
  idProblem,
  isIdBytes,
  isTextBytes,
  serviceId,
} from '../../src/contracts/ids.ts'

const encoder = new TextEncoder()
const isId = (bytes: Uint8Array): boolean => isIdBytes(bytes, 0, bytes.length)

describe('an id', () => {
  it.each([
    ['', 'is empty'],
    ['.', 'is a path step'],
    ['..', 'is a path step'],
    ['a\tb', 'has a control character at 1'],
    ['\u007f', 'has a control character at 0'],
    ['a\ud800', 'has half a surrogate pair at 1'],
    ['\udc00', 'has half a surrogate pair at 0'],
    ['x'.repeat(256), 'is 256 bytes long, at most 255 are allowed'],
    ['é'.repeat(128), 'is 256 bytes long, at most 255 are allowed'],
  ])('may not be %j', (text, problem) => {
    expect(idProblem(text)).toBe(problem)
    expect(() => serviceId(text)).toThrow(`ServiceId ${problem}`)
  })

  it.each(['a', '...', '.a', 'a.', 'orders/eu west', '服务-𝕏', 'x'.repeat(255)])(
    'may be %j',
    (text) => {
      expect(idProblem(text)).toBeNull()
      expect(serviceId(text)).toBe(text)
    },
  )

  it('is the same from its bytes', () => {
    const unit = fc.constantFrom('.', 'a', 'é', '服', '𝕏', '\u0000', '\u001f', '\u007f', '\u0080')
    const text = fc.oneof(fc.string({ unit, maxLength: 4 }), fc.string({ unit, maxLength: 300 }))
    fc.assert(
      fc.property(text, (id) => {
        expect(isId(encoder.encode(id))).toBe(idProblem(id) === null)
      }),
      { numRuns: 3_000 },
    )
  })

  it('is not what is no UTF-8', () => {
    for (const bytes of [[0xff], [0x61, 0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]])
      expect(isId(Uint8Array.from(bytes))).toBe(false)
  })

  it('is read from its place in a buffer alone', () => {
    const bytes = encoder.encode('\u0000ab\u0000')
    expect(isIdBytes(bytes, 1, 3)).toBe(true)
    expect(isIdBytes(bytes, 0, 3)).toBe(false)
    expect(isTextBytes(bytes, 1, 1)).toBe(true)
    expect(isIdBytes(bytes, 1, 1)).toBe(false)
    expect(isTextBytes(new Uint8Array(ID_BYTES_MAX + 1).fill(0x61), 0, ID_BYTES_MAX + 1)).toBe(
      false,
    )
  })
})
