// When a running task commits and ticks.
import { describe, expect, test } from 'vitest'
import { LogTime } from '../../src/runtime/log-time.ts'
import { CommitSchedule, nextTickMs } from '../../src/runtime/running-schedule.ts'

const idle = { suspended: false, waits: false, urgent: false, snapshotMs: Infinity }

describe('a commit', () => {
  test('of steps comes in the own phase of the second, after the first of them', () => {
    const schedule = new CommitSchedule(0.25, 10_000)
    schedule.begun(10_100)
    expect(schedule.dueMs({ ...idle, waits: true })).toBe(10_250)
    schedule.begun(10_250)
    expect(schedule.dueMs({ ...idle, waits: true })).toBe(11_250)
    expect(schedule.isDue({ ...idle, waits: true }, 11_249)).toBe(false)
    expect(schedule.isDue({ ...idle, waits: true }, 11_250)).toBe(true)
  })

  test('that is urgent comes at once, but not while the clock is wrong', () => {
    const schedule = new CommitSchedule(0, 0)
    expect(schedule.isDue({ ...idle, urgent: true }, 1)).toBe(true)
    const suspended = { ...idle, urgent: true, suspended: true }
    expect(schedule.isDue(suspended, 1_999)).toBe(false)
    expect(schedule.isDue(suspended, 2_000)).toBe(true)
    schedule.committed(2_000)
    expect(schedule.isDue(suspended, 3_999)).toBe(false)
  })

  test('is a sign of life once an hour, and carries snapshots when they ask', () => {
    const schedule = new CommitSchedule(0, 500)
    expect(schedule.dueMs(idle)).toBe(3_600_500)
    expect(schedule.dueMs({ ...idle, snapshotMs: 700 })).toBe(700)
  })
})

test('a tick is due at its log time, and never two within 25 ms', () => {
  const time = new LogTime(['signals'], 1_000, {})
  time.answered(5_000, 100)
  time.read(0, { caughtUp: true, heldBack: false, maxAppendMs: 0, sentMs: 100 }, 100)
  expect(nextTickMs(time, { wakeAtMs: 5_400, stepMs: 0 }, 100)).toBe(501)
  expect(nextTickMs(time, { wakeAtMs: 5_400, stepMs: 490 }, 100)).toBe(515)
  // Its time has come, but what is read lags behind it: the next record will make the step.
  time.read(0, { caughtUp: false, heldBack: false, maxAppendMs: 4_000, sentMs: 100 }, 100)
  expect(nextTickMs(time, { wakeAtMs: 5_000, stepMs: 0 }, 200)).toBe(Infinity)
})
