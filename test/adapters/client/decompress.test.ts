// Compressed batches: what gzip holds is read, within bounds of size and time, and nothing else.
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../../src/adapters/client/crc32c.ts'
import { decompress } from '../../../src/adapters/client/decompress.ts'
import { FIELD, openBatch, readBatchHeader } from '../../../src/runtime/record-batch.ts'
import { encodeBatch } from '../../../src/runtime/record-batch-encode.ts'

const AT = { topic: 't', partition: 0 }
const MIB = 1_048_576

/** A batch with other bytes in the place of its records. */
function packed(codec: number, contents: Uint8Array, count: number): Uint8Array {
  const record = { key: null, value: null, timestampMs: 1 }
  const plain = encodeBatch(
    Array.from({ length: count }, () => record),
    {},
    crc32c,
  )
  const bytes = Buffer.concat([plain.subarray(0, FIELD.records), contents])
  bytes.writeInt32BE(bytes.length - FIELD.leaderEpoch, FIELD.length)
  bytes.writeInt16BE(codec, FIELD.attributes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(FIELD.attributes)), FIELD.crc)
  return bytes
}

function unpack(bytes: Uint8Array, maxMessageBytes: number = MIB): Uint8Array | null {
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('no whole batch')
  return decompress(bytes, header, maxMessageBytes)
}

function recordsOf(values: readonly string[]): Uint8Array {
  const records = values.map((value) => {
    return { key: null, value: Buffer.from(value), timestampMs: 1 }
  })
  return encodeBatch(records, {}, crc32c).subarray(FIELD.records)
}

describe('gzip', () => {
  test('its records are those of the plain batch', () => {
    const values = Array.from({ length: 500 }, (_, i) => `value ${i}`)
    const bytes = packed(1, gzipSync(recordsOf(values)), values.length)
    const header = readBatchHeader(bytes)
    if (header === null) throw new Error('no whole batch')
    const found: string[] = []
    openBatch(AT, bytes, header, unpack(bytes)).visit(({ buffer, valueStart, valueEnd }) => {
      found.push(Buffer.from(buffer.subarray(valueStart, valueEnd)).toString())
    })
    expect(found).toEqual(values)
  })

  test('a bomb stops at the bound, in a moment', () => {
    // A thousandth of its size when it comes: inflated whole it stops the loop, or the process.
    const bomb = packed(1, gzipSync(Buffer.alloc(32 * MIB)), 1)
    const startMs = performance.now()
    expect(() => unpack(bomb)).toThrow(`inflates to more than ${4 * MIB} bytes`)
    expect(() => unpack(bomb, 1_000)).toThrow('inflates to more than 16000 bytes')
    expect(performance.now() - startMs).toBeLessThan(500)
  })

  test('what is no gzip, or cut off, is CORRUPT', () => {
    const whole = gzipSync(recordsOf(['a']))
    for (const contents of [randomBytes(50), whole.subarray(0, -4), Buffer.alloc(0)])
      expect(() => unpack(packed(1, contents, 1))).toThrow(
        expect.objectContaining({ code: 'CORRUPT' }),
      )
  })
})

test.each([2, 3, 4, 5, 7])('codec %d is not read here', (codec) => {
  expect(unpack(packed(codec, randomBytes(50), 1))).toBeNull()
})
