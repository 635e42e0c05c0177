// Bytes of entries: numbers, flags and texts there and back, and nothing read that is not there.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EntryReader, EntryWriter } from '../../src/contracts/journal-bytes.ts'

const reader = (bytes: Uint8Array): EntryReader => new EntryReader(bytes, 0, bytes.length)
const read = <T>(bytes: readonly number[], how: (r: EntryReader) => T): T =>
  how(reader(new Uint8Array(bytes)))

describe('bytes of an entry', () => {
  test('numbers, checksums and texts there and back', () => {
    const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
    const crc = fc.integer({ min: 0, max: 0xffffffff })
    const text = fc.string({ unit: 'grapheme', maxLength: 100 })
    fc.assert(
      fc.property(number, crc, text, fc.boolean(), (n, c, t, f) => {
        const back = reader(new EntryWriter().number(n).uint32(c).text(t).flag(f).done())
        expect([back.number(), back.uint32(), back.text(), back.flag()]).toEqual([n, c, t, f])
        back.finish()
      }),
    )
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('%d is not a number of the journal', (value) => {
    expect(() => new EntryWriter().number(value)).toThrow(RangeError)
  })

  test.each([
    ['a number that never ends', Array.from({ length: 9 }, () => 0xff), 'longer than 8 bytes'],
    ['a number above 2^53 - 1', [...Array.from({ length: 7 }, () => 0xff), 0x7f], 'larger than'],
    ['a number cut off', [0x80], 'ends before'],
  ])('%s', (_what, bytes, message) => {
    expect(() => read(bytes, (r) => r.number())).toThrow(message)
  })

  test.each([
    ['a text that is not there', [5, 65], 'ends before'],
    ['a text that is too long', [0xff, 0x7f], 'a text of 16383 bytes'],
    ['a text that is not UTF-8', [1, 0xc0], 'not UTF-8'],
  ])('%s', (_what, bytes, message) => {
    expect(() => read(bytes, (r) => r.text())).toThrow(message)
  })

  test('a count that cannot be true is refused before anything is made', () => {
    expect(() => read([100, 0, 0], (r) => r.count(3))).toThrow('100 things do not fit')
  })

  test('a flag is 0 or 1; an entry ends where it ends', () => {
    expect(() => read([2], (r) => r.flag())).toThrow('neither yes nor no')
    expect(() => read([1, 1], (r) => r.finish())).toThrow('2 bytes behind the end')
  })
})
