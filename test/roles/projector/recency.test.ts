// Up to when is everything known: the oldest of all partitions counts, and a clock cannot be
// outrun by a time stamp.
import { expect, test } from 'vitest'
import { Recency } from '../../../src/roles/projector/recency.ts'
import type { Fetched, RecordBatch } from '../../../src/runtime/ports.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const START = 1_000_000
const places = [0, 1].map((partition) => ({ topic: 'hs.x', partition }))
const batch = (atMs: number): RecordBatch => ({
  topic: 'hs.x',
  partition: 0,
  baseOffset: 0,
  lastOffset: 0,
  recordCount: 1,
  crc: 0,
  maxTimestampMs: atMs,
  bytes: new Uint8Array(0),
  visit: () => undefined,
  unreadable: () => null,
})
const heard = (partition: number, more: Partial<Fetched>): Fetched => ({
  topic: 'hs.x',
  partition,
  from: 0,
  to: 1,
  batches: [],
  gap: null,
  endOffset: 1,
  logStartOffset: 0,
  caughtUp: true,
  heldBack: false,
  sentMs: 0,
  ...more,
})

test('nothing is known before every partition was heard of; then the oldest counts', async () => {
  const clock = new VirtualClock(START)
  const recency = new Recency(places, clock)
  await clock.advance(10_000)
  recency.heard(heard(0, { sentMs: 9_000 }))
  expect(recency.asOfMs()).toBe(0)
  // One that is behind is known up to what was read of it.
  recency.heard(heard(1, { caughtUp: false, batches: [batch(START + 4_000)] }))
  expect(recency.asOfMs()).toBe(START + 4_000)
  expect(recency.lags()).toEqual([
    { partition: 0, seconds: 1 },
    { partition: 1, seconds: 6 },
  ])
  expect(recency.lags()).toEqual([])
  recency.heard(heard(1, { sentMs: 10_000 }))
  expect(recency.asOfMs()).toBe(START + 9_000)
})

test('a time stamp from days to come is not believed, and time does not go back', async () => {
  const clock = new VirtualClock(START)
  const recency = new Recency(places.slice(0, 1), clock)
  await clock.advance(1_000)
  recency.heard(heard(0, { caughtUp: false, batches: [batch(START + 86_400_000)] }))
  expect(recency.asOfMs()).toBe(START + 1_000)
  recency.heard(heard(0, { caughtUp: false, batches: [batch(START - 5)] }))
  expect(recency.asOfMs()).toBe(START + 1_000)
})
