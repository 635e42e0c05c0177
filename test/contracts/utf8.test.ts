// Oracle: the platform's own encoder and decoder (WHATWG).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8, isUtf8, utf8Size } from '../../src/contracts/utf8.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** Text with half surrogates too. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff })))
  .map((units) => String.fromCharCode(...units))

/** Bytes that are nearly UTF-8: text with a few bytes replaced. */
const nearlyUtf8 = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([text, edits]) => {
    const bytes = encoder.encode(text)
    for (const [at, byte] of edits) if (at < bytes.length) bytes[at] = byte
    return bytes
  })

describe('utf8', () => {
  it('encodes as TextEncoder does', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(encodeUtf8(text)).toEqual(encoder.encode(text))
        expect(utf8Size(text)).toBe(encoder.encode(text).length)
      }),
      { numRuns: 2_000 },
    )
  })

  it('decodes as TextDecoder does, malformed bytes included', () => {
    const bytes = fc.oneof(nearlyUtf8, fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(bytes, (raw) => {
        expect(decodeUtf8(raw)).toBe(decoder.decode(raw))
        expect(isUtf8(raw, 0, raw.length)).toBe(wellFormed(raw))
      }),
      { numRuns: 10_000 },
    )
  })

  it('agrees on every lead byte with every second byte', () => {
    for (let lead = 0x80; lead < 0x100; lead++)
      for (let second = 0; second < 0x100; second += 1) {
        const raw = Uint8Array.of(lead, second, 0x80, 0x80, 0x41)
        expect(decodeUtf8(raw)).toBe(decoder.decode(raw))
      }
  })

  it('reads only the named part, and texts longer than a chunk', () => {
    const long = 'ü𝕏a'.repeat(1_000)
    const raw = encoder.encode(`<${long}>`)
    expect(decodeUtf8(raw, 1, raw.length - 1)).toBe(long)
    expect(decodeUtf8(encoder.encode('é'), 0, 1)).toBe('\ufffd')
  })
})

function wellFormed(raw: Uint8Array): boolean {
  try {
    strict.decode(raw)
    return true
  } catch {
    return false
  }
}
