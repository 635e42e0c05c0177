// Batches that no honest client makes, given to a real broker with a real worker behind it: what
// the broker lets through ends in its bucket, the records around it are used, nothing is held up,
// and whoever restores from the journal comes to the same state.
import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/adapters/client/error-codes.ts'
import type { DeadLetter } from '../../src/contracts/records.ts'
import type { TopicKind } from '../../src/contracts/topics.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import {
  batchAround,
  bomb,
  CODECS,
  flipped,
  gzipBatch,
  oldMessage,
  type RawRecord,
  rawBatch,
  rawRecords,
  sealed,
} from './hostile-batches.ts'
import { Stalls } from './stalls.ts'
import { type RigWorker, WorkerRig } from './worker-rig.ts'

/** No work of ours may keep the loop for longer: heartbeats and probes wait behind it. */
const STALL_MS = 100

let kafka: TestKafka
let rig: WorkerRig
let worker: RigWorker
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: 1 })
  worker = await rig.worker()
})
afterAll(async () => {
  await rig?.end()
  await kafka?.stop()
})

const text = (value: string): Buffer => Buffer.from(value)

/** A service says that it is there, as any client may in plain JSON. */
function event(service: string): { key: Buffer; value: Buffer } {
  const record = { service_name: service, action: 'register', cluster_id: 'elsewhere' }
  const value = { ...record, timestamp: Date.now(), instance_id: service }
  return { key: text(service), value: text(JSON.stringify(value)) }
}

const good = (service: string) => rig.put('service-events', 0, rawBatch([event(service)]))

describe('refused by the broker', () => {
  const three = ['a', 'b', 'c'].map(event)
  const [first] = three
  assert.ok(first)
  const whole = rawBatch(three)
  const CORRUPT = 'CORRUPT_MESSAGE'
  const INVALID = 'INVALID_RECORD'
  const NOT_UNPACKED = 'UNKNOWN_SERVER_ERROR'
  const refusals: readonly (readonly [string, ErrorCode, Buffer])[] = [
    ['a flipped bit', CORRUPT, flipped(whole, 90)],
    ['cut', INVALID, whole.subarray(0, -10)],
    [
      'cut, its length and checksum right',
      INVALID,
      batchAround(rawRecords(three).subarray(0, -10), 3),
    ],
    [
      'bytes behind the records',
      INVALID,
      batchAround(Buffer.concat([rawRecords(three), first.key]), 3),
    ],
    ['claims more records', INVALID, rawBatch(three, { recordCount: 4, lastOffsetDelta: 3 })],
    ['claims fewer records', INVALID, rawBatch(three, { recordCount: 2, lastOffsetDelta: 1 })],
    ['claims more offsets', INVALID, rawBatch(three, { lastOffsetDelta: 9 })],
    ['no record', INVALID, batchAround(Buffer.alloc(0), 0, { lastOffsetDelta: 0 })],
    ['no batch', INVALID, Buffer.alloc(0)],
    ['two batches', INVALID, Buffer.concat([whole, whole])],
    ['a record longer than it says', INVALID, rawBatch([{ ...first, lengthLie: -1 }, first])],
    ['a record shorter than it says', INVALID, rawBatch([{ ...first, lengthLie: 1 }, first])],
    ['headers that are not there', INVALID, rawBatch([{ ...first, headerCount: 3 }])],
    ['less than no headers', INVALID, rawBatch([{ ...first, headerCount: -1 }])],
    ['a message of Kafka 0.8', INVALID, oldMessage(0, first.key, first.value)],
    ['a message of Kafka 0.10', INVALID, oldMessage(1, first.key, first.value)],
    ['format 1 in the frame of 2', INVALID, sealed(rawBatch(three, { magic: 1 }))],
    ['a format to come', CORRUPT, sealed(rawBatch(three, { magic: 3 }))],
    [
      'a marker of a transaction',
      INVALID,
      rawBatch([{ key: Buffer.alloc(4) }], { attributes: 0x20 }),
    ],
    ['somebody’s producer id', INVALID, rawBatch(three, { producerId: 4 })],
    ['a megabyte', 'MESSAGE_TOO_LARGE', rawBatch([{ ...first, value: Buffer.alloc(1_000_000) }])],
    ['a bomb', 'MESSAGE_TOO_LARGE', bomb(20_000_000)],
    ...[...Object.entries(CODECS), ['a codec to come', 5] as const].map(([name, attributes]) => {
      const what = `says it is ${name} and is not`
      return [what, NOT_UNPACKED, batchAround(text('x'.repeat(50)), 3, { attributes })] as const
    }),
  ]
  test.each(refusals)('%s: %s', async (_, error, batch) => {
    expect(await rig.put('service-events', 0, batch)).toMatchObject({ error })
  })
})

interface Taken {
  readonly kind: TopicKind
  readonly batch: () => Buffer
  /** Dead letters, and their reason. */
  readonly letters: number
  readonly reason?: string
  readonly check?: (letters: readonly DeadLetter[]) => void
}

/** Somebody who gets through: between two services that want to be looked after. */
async function check(name: string, { kind, batch, letters, reason, check }: Taken): Promise<void> {
  const bytes = batch()
  const count = bytes.readInt32BE(57)
  const service = name.replaceAll(/\W+/g, '-')
  const stalls = new Stalls()
  await good(`before-${service}`)
  const { error, baseOffset: from } = await rig.put(kind, 0, bytes)
  expect(error).toBe('NONE')
  await good(`after-${service}`)
  const found = await rig.letters(letters, { kind, from, to: from + count })
  await rig.registered([`before-${service}`, `after-${service}`])
  expect(stalls.stop()).toBeLessThan(STALL_MS)
  expect(found).toHaveLength(letters)
  for (const letter of found) {
    expect(letter.origin_partition).toBe(0)
    if (reason !== undefined) expect(letter.reason).toBe(reason)
    expect(letter.detail.length).toBeGreaterThan(10)
  }
  check?.(found)
  const running = { state: 'Running', reason: null, gen: 1 }
  expect(worker.handle.status().tasks).toMatchObject([running, { ...running, task: 'fleet' }])
}

/** Three events whose offsets in the batch are these. */
const placed = (...deltas: readonly number[]) => {
  return (): Buffer => rawBatch(deltas.map((offsetDelta) => ({ ...event('x'), offsetDelta })))
}
const headers = (count: number): Pick<RawRecord, 'headers'> => ({
  headers: Array.from({ length: count }, () => ['h', null] as const),
})
const asStored = ([letter]: readonly DeadLetter[]): void => {
  expect(letter?.count).toBe(3)
  expect(letter?.origin_last_offset).toBe((letter?.origin_offset ?? 0) + 2)
  // The batch, with the offset and the time that the broker gave it.
  expect(Buffer.from(letter?.value ?? []).includes('"service_name":"x"')).toBe(true)
}

describe('stored by the broker', () => {
  const UNREADABLE = { kind: 'service-events', letters: 1, reason: 'unreadable_batch' } as const
  const taken: Readonly<Record<string, Taken>> = {
    // Kafka counts the records of a batch and does not look at the offsets they have in it.
    'offsets that go back': { ...UNREADABLE, batch: placed(2, 1, 0), check: asStored },
    'one offset for all': { ...UNREADABLE, batch: placed(0, 0, 0), check: asStored },
    'an offset beyond the batch': { ...UNREADABLE, batch: placed(0, 1, 1_000), check: asStored },
    'an offset before the batch': { ...UNREADABLE, batch: placed(-5, 1, 2), check: asStored },
    '20,000 headers': {
      kind: 'service-events',
      batch: () => rawBatch([{ ...event('headers'), ...headers(20_000) }]),
      letters: 0,
    },
    '20,000 headers of nonsense': {
      kind: 'service-events',
      batch: () => rawBatch([{ key: text('nonsense'), value: text('?'), ...headers(20_000) }]),
      letters: 1,
      reason: 'not_avro',
      check: ([letter]) => expect(letter?.headers).toHaveLength(64),
    },
    'headers that are no text': {
      kind: 'service-events',
      batch: () => rawBatch([{ ...event('no-text'), headers: [['\0__proto__', text('\xff')]] }]),
      letters: 0,
    },
    'neither key nor value': {
      kind: 'telemetry',
      batch: () => rawBatch([{}, { key: text('k') }, { value: text('v') }]),
      letters: 3,
      check: (letters) =>
        expect(letters.map(({ reason }) => reason)).toEqual(['empty', 'empty', 'not_avro']),
    },
    // Beyond ten a minute and source there are only counts.
    '100,000 tiny records': {
      kind: 'operator',
      batch: () => rawBatch(Array.from({ length: 100_000 }, () => ({}))),
      letters: 10,
      reason: 'empty',
    },
    'a value of a megabyte': {
      kind: 'operator',
      batch: () => rawBatch([{ key: text('mega'), value: Buffer.alloc(1_048_480, 'x') }]),
      letters: 1,
      reason: 'not_avro',
      check: ([letter]) => expect(letter?.value).toHaveLength(1_048_480),
    },
    'gzip where the broker unpacks it': {
      kind: 'service-events',
      batch: () => gzipBatch([event('zipped'), event('zipped-too')]),
      letters: 0,
    },
    'a bomb where the broker keeps it': {
      kind: 'operator',
      batch: () => bomb(20_000_000),
      letters: 1,
      reason: 'unreadable_batch',
    },
    'a value that unpacks to more than a letter holds': {
      kind: 'operator',
      batch: () => bomb(3_500_000),
      letters: 1,
      reason: 'too_large',
      check: ([letter]) => expect(letter?.detail).toContain('only the first are kept'),
    },
    'header names of a megabyte, no text': {
      kind: 'operator',
      batch: () =>
        rawBatch([{ key: text('names'), headers: [[Buffer.alloc(1_000_000, 255), null]] }]),
      letters: 1,
      reason: 'empty',
      check: ([letter]) => expect(letter?.headers).toEqual([]),
    },
  }
  test.each(Object.entries(taken))('%s', (name, what) => check(name, what))

  test('a hold-up of the loop would be noticed', () => {
    const stalls = new Stalls()
    const before = process.cpuUsage()
    while (process.cpuUsage(before).user < 3_000 * STALL_MS);
    expect(stalls.stop()).toBeGreaterThan(STALL_MS)
  })

  test('ten megabytes at once, of ten sources', async () => {
    const stalls = new Stalls()
    const batches = Array.from({ length: 10 }, (_, i) =>
      rawBatch([{ key: text(`m${i}`), value: Buffer.alloc(1_000_000, 'x') }]),
    )
    const answers = await Promise.all(batches.map((batch) => rig.put('operator', 0, batch)))
    const from = Math.min(...answers.map(({ baseOffset }) => baseOffset))
    const letters = await rig.letters(10, { kind: 'operator', from, to: from + 10 })
    expect(letters).toHaveLength(10)
    expect(stalls.stop()).toBeLessThan(STALL_MS)
    expect(worker.handle.status().tasks).toMatchObject([
      { state: 'Running', reason: null },
      { task: 'fleet', state: 'Running', reason: null },
    ])
  })

  test('what was good among it is there, and another worker comes to the same state', async () => {
    await rig.registered(['headers', 'no-text', 'zipped', 'zipped-too'])
    const stalls = new Stalls()
    await rig.replays(worker)
    expect(stalls.stop()).toBeLessThan(STALL_MS)
  })
})
