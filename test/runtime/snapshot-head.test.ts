// The runtime's head: what is written is what is read, and nothing else is read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/core/kernel/assert.ts'
import { HsError } from '../../src/contracts/failure.ts'
import { decodeHead, encodeHead } from '../../src/runtime/snapshot-head.ts'
import { head } from './snapshot-head.fixture.ts'

describe('a head', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(head, (written) => {
        expect(decodeHead(encodeHead(written))).toEqual({ ...written, asOf: { ...written.asOf } })
      }),
    )
  })

  test('that was cut or changed is refused or read, but never anything worse', () => {
    fc.assert(
      fc.property(head, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, at, flip) => {
        const bytes = new Uint8Array(encodeHead(written))
        const cut = at % bytes.length
        expect(() => decodeHead(bytes.subarray(0, cut))).toThrow(AssertionError)
        bytes[cut] = (bytes[cut] ?? 0) ^ flip
        try {
          decodeHead(bytes)
        } catch (error) {
          expect(error instanceof AssertionError || error instanceof HsError).toBe(true)
        }
      }),
    )
  })
})
