// What a tail costs to step again: time in the core, reading, and what every step costs anyway.
import { expect, test } from 'vitest'
import { NO_TAIL, replayMs, withStep } from '../../src/runtime/snapshot-tail.ts'

test('a tail adds up, and each part of it costs time', () => {
  const one = withStep(NO_TAIL, [{ records: 3, bytes: 30 }], 2)
  const two = withStep(
    one,
    [
      { records: 1, bytes: 10 },
      { records: 6, bytes: 60 },
    ],
    0.5,
  )
  expect(two).toEqual({ steps: 2, records: 10, bytes: 100, coreMs: 2.5 })
  expect(replayMs(NO_TAIL)).toBe(0)
  expect(replayMs(two)).toBeGreaterThan(2.5)
  expect(replayMs({ ...two, steps: 3 })).toBeGreaterThan(replayMs(two))
  expect(replayMs({ ...two, records: 1_000 })).toBeGreaterThan(replayMs(two))
})
