// When snapshots are due: the tail decides, their share of the input within that, and checkpoints
// by log time.
import { describe, expect, test } from 'vitest'
import { Cadence, SNAPSHOT_PLAN, tailShareMs } from '../../src/runtime/snapshot-cadence.ts'
import { NO_TAIL } from '../../src/runtime/snapshot-tail.ts'

const HOUR_MS = 3_600_000
const fresh = (partitions = 1): Cadence =>
  new Cadence(SNAPSHOT_PLAN, { partitions, tail: NO_TAIL, checkpointMs: 0 })
const slice = (records: number, bytes: number): { records: number; bytes: number }[] => [
  { records, bytes },
]

describe('a snapshot', () => {
  test('is due when the tail takes 0.4 of its time, if it is cheap', () => {
    const cadence = fresh()
    cadence.stepped(slice(10, 1_000), 790)
    expect(cadence.due(0)).toBe(null)
    cadence.stepped(slice(10, 1_000), 20)
    expect(cadence.due(0)).toBe('snapshot')
  })

  test('waits up to 0.75 where it is more than a fifth of the input', () => {
    const cadence = fresh()
    cadence.taken('snapshot', 10_000, 0)
    cadence.stepped(slice(10, 49_000), 1_000)
    expect(cadence.due(0)).toBe(null)
    cadence.stepped(slice(10, 1_000), 1)
    expect(cadence.due(0)).toBe('snapshot')
    cadence.taken('snapshot', 1_000_000, 0)
    cadence.stepped(slice(10, 49_000), 1_490)
    expect(cadence.due(0)).toBe(null)
    cadence.stepped(slice(10, 1_000), 20)
    expect(cadence.due(0)).toBe('snapshot')
  })

  test('counts what reading and journalling cost, whatever the core takes', () => {
    const records = fresh()
    records.stepped(slice(2_100_000, 1e9), 0)
    expect(records.due(0)).toBe('snapshot')
    const steps = fresh()
    for (let i = 0; i < 16_001; i++) steps.stepped([], 0)
    expect(steps.due(0)).toBe('snapshot')
  })

  test('counts the tail that was restored', () => {
    const tail = { steps: 5, records: 10, bytes: 100, coreMs: 900 }
    const cadence = new Cadence(SNAPSHOT_PLAN, { partitions: 1, tail, checkpointMs: 0 })
    expect(cadence.due(0)).toBe('snapshot')
  })

  test('is due the sooner the more tasks a worker may take over at once', () => {
    expect([1, 2, 3, 12].map((partitions) => tailShareMs(SNAPSHOT_PLAN, partitions))).toEqual([
      2_000,
      2_000,
      1_000,
      2_000 / 6,
    ])
    const cadence = fresh(12)
    cadence.stepped(slice(10, 1_000_000), 140)
    expect(cadence.due(0)).toBe('snapshot')
  })

  test('of nothing new is never due', () => {
    const cadence = fresh()
    expect(cadence.due(HOUR_MS * 2)).toBe(null)
    cadence.stepped([], 900)
    cadence.taken('snapshot', 100, HOUR_MS)
    expect(cadence.due(HOUR_MS)).toBe('checkpoint')
    cadence.taken('checkpoint', 100, HOUR_MS)
    expect(cadence.due(HOUR_MS * 3)).toBe(null)
  })
})

describe('a checkpoint', () => {
  test('is due once an hour of log time, if there was a step since', () => {
    const cadence = fresh()
    cadence.stepped([], 0)
    expect(cadence.due(HOUR_MS - 1)).toBe(null)
    expect(cadence.due(HOUR_MS)).toBe('checkpoint')
    cadence.taken('checkpoint', 100, HOUR_MS)
    expect(cadence.checkpointMs).toBe(HOUR_MS)
    cadence.stepped([], 0)
    expect(cadence.due(2 * HOUR_MS - 1)).toBe(null)
    expect(cadence.due(2 * HOUR_MS)).toBe('checkpoint')
  })

  test('is renewed once a day, because the journal it stands for expires', () => {
    const cadence = fresh()
    expect(cadence.due(24 * HOUR_MS - 1)).toBe(null)
    expect(cadence.due(24 * HOUR_MS)).toBe('checkpoint')
  })
})
