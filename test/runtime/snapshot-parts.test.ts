// A snapshot as records: pieces of at most 240 KiB that come to the image again, and a header whose
// hash covers all of it.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SnapshotPart } from '../../src/contracts/records.ts'
import { encodeHead, headerBytes } from '../../src/runtime/snapshot-head.ts'
import { HEADER_BYTES_MAX, PART_BYTES, SnapshotParts } from '../../src/runtime/snapshot-parts.ts'
import type { Encoder } from '../../src/contracts/decode.ts'
import { head } from './snapshot-head.fixture.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('the pieces are the head and the image, the header their hashes', () => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 400_000 })), { maxLength: 6 })
  fc.assert(
    fc.property(head, sizes, fc.nat(), (about, lengths, seed) => {
      const pieces = lengths.map((length, i) => new Uint8Array(length).fill(seed + i))
      const records: SnapshotPart[] = []
      const encoder: Encoder = {
        encode: (_topic, record) => {
          records.push(record as SnapshotPart)
          return new Uint8Array(1)
        },
      }
      const place = { topic: 'snapshots', partition: 3, prefix: 'x.', atMs: 5 } as const
      const parts = new SnapshotParts({ head: about, pieces, encoder, ...place })
      const outgoing = []
      while (parts.left > 0) outgoing.push(parts.part())
      const hash = new Uint8Array(32).fill(9)
      outgoing.push(parts.header({ offset: 41, hash }, 17))
      expect(
        outgoing.every(({ topic, partition }) => topic === 'x.snapshots' && partition === 3),
      ).toBe(true)
      const last = records.pop()
      const whole = Buffer.concat(records.map(({ bytes }) => bytes))
      const image = Buffer.concat(pieces)
      expect(Buffer.compare(whole, Buffer.concat([encodeHead(about), image]))).toBe(0)
      expect(records.map(({ index }) => index)).toEqual(records.map((_, i) => i))
      expect(records.slice(0, -1).every(({ bytes }) => bytes.length === PART_BYTES)).toBe(true)
      const header = last?.header
      if (header === null || header === undefined) throw new Error('no header')
      expect(header).toMatchObject({ parts: records.length, size_bytes: whole.length })
      expect(header).toMatchObject({ journal_offset: 41, first_offset: 17 })
      expect(header.state_digest).toBe(sha256(image))
      const covered = Buffer.concat([whole, headerBytes(parts.id, header)])
      expect(header.sha256).toBe(sha256(covered))
    }),
    { numRuns: 40 },
  )
})

test('a piece never looks like a header', () => {
  expect(HEADER_BYTES_MAX).toBeLessThan(PART_BYTES)
  expect(PART_BYTES).toBeLessThan(256 * 1_024 - 4_096)
})
