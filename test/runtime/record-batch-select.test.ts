// What a reader may show of what a log answered: checksums, markers, aborted transactions, holes.
import { LogError } from '../../src/runtime/log-error.ts'
import { expect, test } from 'vitest'
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import type { Fetched } from '../../src/runtime/ports.ts'
import { copyRecords, FIELD } from '../../src/runtime/record-batch.ts'
import { encodeBatch, encodeMarker, stampBatch } from '../../src/runtime/record-batch-encode.ts'
import {
  type AbortedTransaction,
  type SelectOptions,
  selectBatches,
} from '../../src/runtime/record-batch-select.ts'
import { AT, codeOf, NOW } from '../support/batches.ts'

interface Transactional {
  readonly producerId?: number
}

/** A batch of the offsets from…to whose values are the offsets. */
function batch(from: number, to: number, { producerId }: Transactional = {}): Uint8Array {
  const records = Array.from({ length: to - from + 1 }, (_, i) => ({
    key: null,
    value: new TextEncoder().encode(String(from + i)),
    timestampMs: NOW,
  }))
  const fields =
    producerId === undefined ? {} : { producerId, producerEpoch: 0, transactional: true }
  return encodeBatch(records, { baseOffset: from, ...fields }, crc32c)
}

function marker(offset: number, type: 'commit' | 'abort', producerId: number): Uint8Array {
  const bytes = encodeMarker(type, { producerId, producerEpoch: 0, nowMs: NOW }, crc32c)
  stampBatch(bytes, { baseOffset: offset, appendTimeMs: null }, crc32c)
  return bytes
}

function select(
  chunks: readonly Uint8Array[],
  options: Partial<SelectOptions> & {
    readonly aborted?: readonly AbortedTransaction[]
    readonly endOffset?: number
  } = {},
): Fetched {
  const { aborted = [], endOffset = 100 } = options
  const from = { endOffset, heldBack: false, logStartOffset: 0 }
  const answer = { ...AT, chunks, aborted, ...from }
  return selectBatches(answer, { from: 0, sentMs: 0, compacted: false, crc32c, ...options })
}

const offsets = (fetched: Fetched): number[] =>
  fetched.batches.flatMap((one) => copyRecords(one, fetched.from).map((record) => record.offset))

test('batches in one chunk or in several are the same', () => {
  const one = new Uint8Array(Buffer.concat([batch(0, 1), batch(2, 2), batch(3, 5)]))
  const several = [batch(0, 1), batch(2, 2), batch(3, 5)]
  for (const chunks of [[one], several]) {
    const fetched = select(chunks, { endOffset: 6 })
    expect(offsets(fetched)).toEqual([0, 1, 2, 3, 4, 5])
    expect(fetched).toMatchObject({ from: 0, to: 6, gap: null, caughtUp: true })
  }
})

test('a batch cut at the end of the answer is left for the next one', () => {
  const bytes = new Uint8Array(Buffer.concat([batch(0, 1), batch(2, 9)]))
  for (let cut = batch(0, 1).length; cut < bytes.length; cut++) {
    const fetched = select([bytes.subarray(0, cut)])
    expect(offsets(fetched)).toEqual([0, 1])
    expect([fetched.to, fetched.gap, fetched.caughtUp]).toEqual([2, null, false])
  }
})

test('nothing at all leaves the position', () => {
  expect(select([], { from: 7, endOffset: 7 })).toMatchObject({ from: 7, to: 7, caughtUp: true })
  expect(select([], { from: 7, endOffset: 9 })).toMatchObject({ to: 7, caughtUp: false })
})

test('markers are passed and not shown', () => {
  const fetched = select([
    batch(0, 1, { producerId: 5 }),
    marker(2, 'commit', 5),
    batch(3, 3),
    marker(4, 'commit', 6),
  ])
  expect(offsets(fetched)).toEqual([0, 1, 3])
  expect([fetched.to, fetched.gap]).toEqual([5, null])
})

// The list names where a transaction began; its end is only in the log. A reader that forgets
// the end loses everything its producer commits later.
test('an aborted transaction hides its own batches, up to its marker', () => {
  const fetched = select(
    [
      batch(0, 0, { producerId: 5 }),
      marker(1, 'commit', 5),
      batch(2, 3, { producerId: 5 }),
      batch(4, 4, { producerId: 6 }),
      batch(5, 5),
      batch(6, 6, { producerId: 5 }),
      marker(7, 'abort', 5),
      batch(8, 8, { producerId: 5 }),
      marker(9, 'commit', 6),
    ],
    { aborted: [{ producerId: 5, firstOffset: 2 }] },
  )
  expect(offsets(fetched)).toEqual([0, 4, 5, 8])
  expect(fetched.to).toBe(10)
})

test('a position inside an aborted transaction hides the rest of it', () => {
  const fetched = select(
    [
      batch(4, 6, { producerId: 5 }),
      marker(7, 'abort', 5),
      batch(8, 8, { producerId: 5 }),
      marker(9, 'commit', 5),
    ],
    { from: 5, aborted: [{ producerId: 5, firstOffset: 1 }] },
  )
  expect(offsets(fetched)).toEqual([8])
})

test('a position inside a batch shows the batch, and the records from there on', () => {
  const fetched = select([batch(0, 1), batch(2, 5)], { from: 4 })
  expect(offsets(fetched)).toEqual([4, 5])
  expect([fetched.batches.length, fetched.to]).toEqual([1, 6])
})

test('missing offsets are a gap, but not in a compacted topic', () => {
  const chunks = [batch(0, 1), batch(5, 5), batch(9, 9)]
  const fetched = select(chunks)
  expect([fetched.gap, fetched.to]).toEqual([{ from: 2, to: 5 }, 10])
  expect(select(chunks, { compacted: true }).gap).toBe(null)
  expect(select([batch(3, 3)], { from: 2 }).gap).toEqual({ from: 2, to: 3 })
})

test('going back is CORRUPT', () => {
  expect(codeOf(() => select([batch(0, 3), batch(2, 2)]))).toBe('CORRUPT')
})

test('a bad checksum is CORRUPT, also in a batch that is not shown', () => {
  for (const bytes of [batch(0, 0), marker(0, 'abort', 5)]) {
    const at = bytes.length - 1
    bytes[at] = (bytes[at] ?? 0) ^ 1
    expect(codeOf(() => select([bytes]))).toBe('CORRUPT')
  }
})

test('a compressed batch without a decompressor, or one that gives up, cannot be read', () => {
  const plain = batch(0, 2)
  const packed = Uint8Array.from(plain)
  packed[FIELD.attributes + 1] = 1
  stampBatch(packed, { baseOffset: 0, appendTimeMs: NOW }, crc32c)
  const [shown] = select([packed]).batches
  expect(shown?.unreadable()).toMatch('compressed with gzip; set compression.type=uncompressed')
  expect(shown?.bytes).toEqual(packed)
  const fails = (): Uint8Array => {
    throw new LogError('CORRUPT', 'it would unfold to a gigabyte')
  }
  const [bomb] = select([packed], { decompress: fails }).batches
  expect(bomb?.unreadable()).toBe('it would unfold to a gigabyte')
  const decompress = (): Uint8Array => plain.subarray(FIELD.records)
  const unpacked = select([packed], { decompress })
  expect(offsets(unpacked)).toEqual([0, 1, 2])
  expect(unpacked.batches[0]?.unreadable()).toBe(null)
})
