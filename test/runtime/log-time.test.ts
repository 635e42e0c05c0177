// The log's time: never back, with the slowest input while behind, and never a host clock's word.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DISAGREEMENT_MS,
  disagreement,
  type InputNews,
  LogTime,
} from '../../src/runtime/log-time.ts'

const START = 1_700_000_000_000
const TOPICS = ['signals', 'telemetry'] as const
const end = (sentMs: number): InputNews => ({
  caughtUp: true,
  heldBack: false,
  maxAppendMs: 0,
  sentMs,
})

function running(): LogTime {
  const time = new LogTime(TOPICS, START, {})
  time.answered(START + 1_000, 0)
  return time
}

describe('log time', () => {
  test('stands still until every input has reported', () => {
    const time = running()
    time.read(0, end(0), 0)
    expect(time.now(500)).toBe(START)
    expect(time.behind(500)).toBe(true)
    time.read(1, end(0), 0)
    expect(time.now(500)).toBe(START + 1_500)
    expect(time.behind(500)).toBe(false)
  })

  // Story: policies and signals of today were read at once, telemetry of yesterday was still being
  // caught up. With "the append time of what was read" as now, the windows of the whole backlog
  // were evicted before their deltas came.
  test('walks with the input that is furthest behind', () => {
    const time = running()
    time.read(0, end(0), 0)
    time.read(1, { caughtUp: false, heldBack: false, maxAppendMs: START + 10, sentMs: 0 }, 0)
    expect(time.now(60_000)).toBe(START + 10)
    time.read(1, { caughtUp: false, heldBack: false, maxAppendMs: START + 20, sentMs: 0 }, 0)
    expect(time.now(60_001)).toBe(START + 20)
    expect(time.behind(60_001)).toBe(true)
    time.read(1, end(60_001), 60_001)
    expect(time.now(60_002)).toBe(START + 61_002)
  })

  test('under steady load an input whose unread records are fresh is not behind', () => {
    const time = running()
    time.read(0, end(0), 0)
    time.read(1, { caughtUp: false, heldBack: false, maxAppendMs: START + 900, sentMs: 0 }, 0)
    expect(time.behind(500)).toBe(false)
    expect(time.behind(1_500)).toBe(true)
  })

  test('asOf is when the poll was sent, so that a stall of ours is no silence of theirs', () => {
    const time = running()
    time.read(0, end(100), 60_000)
    expect(time.asOf()).toEqual({ signals: START + 1_100 })
    time.read(0, end(60_100), 60_200)
    expect(time.asOf()).toEqual({ signals: START + 61_100 })
  })

  // Story: somebody else's writer died in the middle of a transaction on the telemetry topic. For
  // five seconds nothing behind it could be shown, the end that could be was reached, and every
  // instance of the partition was silent.
  test('what a transaction holds back is not silence', () => {
    const time = running()
    time.read(0, end(1_000), 1_000)
    for (let atMs = 1_250; atMs < 6_000; atMs += 250)
      time.read(0, { ...end(atMs), heldBack: true }, atMs)
    expect(time.asOf()).toEqual({ signals: START + 2_000 })
    expect(time.behind(6_000)).toBe(true)
    time.read(1, end(6_000), 6_000)
    expect(time.behind(6_000)).toBe(false)
    time.read(0, end(6_000), 6_000)
    expect(time.asOf()).toEqual({ signals: START + 7_000, telemetry: START + 7_000 })
  })

  test('what is not read to its end says nothing about silence', () => {
    const time = running()
    time.read(0, { caughtUp: false, heldBack: false, maxAppendMs: START, sentMs: 0 }, 0)
    time.read(0, { caughtUp: false, heldBack: false, maxAppendMs: 0, sentMs: 500 }, 500)
    expect(time.asOf()).toEqual({})
  })

  test('a broker with a wrong clock cannot move time by more than the tolerance', () => {
    const time = running()
    for (const i of [0, 1]) time.read(i, end(0), 0)
    time.read(0, { caughtUp: true, heldBack: false, maxAppendMs: START + 3_600_000, sentMs: 0 }, 0)
    expect(time.now(0)).toBe(START + 1_000)
    time.read(0, { caughtUp: true, heldBack: false, maxAppendMs: START + 2_500, sentMs: 0 }, 0)
    expect(time.now(0)).toBe(START + 2_500)
  })

  // Story: the clock of one broker ran away by a second and a half every minute. Each time it was
  // no more than the tolerance ahead of what it had itself made of the estimate, and took it along:
  // after ten minutes services whose broker had the right time were silent for 15 s.
  test('a broker whose clock runs away takes time along no further than the tolerance', () => {
    const time = running()
    for (const i of [0, 1]) time.read(i, end(0), 0)
    for (let minute = 1; minute <= 10; minute++) {
      const atMs = 60_000 * minute
      const maxAppendMs = START + 1_000 + atMs + 1_500 * minute
      time.read(0, { caughtUp: true, heldBack: false, maxAppendMs, sentMs: atMs }, atMs)
      time.answered(START + 1_000 + atMs, atMs)
      const aheadMs = time.estimate(atMs) - (START + 1_000 + atMs)
      expect(aheadMs).toBeLessThanOrEqual(DISAGREEMENT_MS)
    }
  })

  test('a late answer does not set the estimate back', () => {
    const time = running()
    for (const i of [0, 1]) time.read(i, end(0), 0)
    time.answered(START + 1_010, 5_000)
    expect(time.estimate(5_000)).toBeGreaterThan(START + 5_990)
  })

  test('after a disagreement the estimate begins anew', () => {
    const time = running()
    time.answered(START - 50_000, 1_000, true)
    expect(time.estimate(1_000)).toBe(START - 50_000)
  })

  test('the tick is due when the estimate says so', () => {
    const time = running()
    expect(time.monotonicAt(START + 3_000)).toBe(2_000)
  })

  test('now never goes back, asOf never either, whatever comes in whatever order', () => {
    const event = fc.record({
      afterMs: fc.nat({ max: 2_000 }),
      index: fc.nat({ max: 1 }),
      kind: fc.constantFrom('read', 'answered', 'restarted'),
      caughtUp: fc.boolean(),
      heldBack: fc.boolean(),
      appendMs: fc.integer({ min: START - 10_000, max: START + 100_000 }),
      lateMs: fc.nat({ max: 3_000 }),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const time = running()
        let monotonicMs = 0
        let nowMs = 0
        let asOf = 0
        for (const { afterMs, index, kind, caughtUp, heldBack, appendMs, lateMs } of events) {
          monotonicMs += afterMs
          const sentMs = Math.max(0, monotonicMs - lateMs)
          if (kind === 'read')
            time.read(index, { caughtUp, heldBack, maxAppendMs: appendMs, sentMs }, monotonicMs)
          if (kind === 'answered') time.answered(appendMs, monotonicMs)
          if (kind === 'restarted') time.restarted()
          const next = time.now(monotonicMs)
          expect(next).toBeGreaterThanOrEqual(nowMs)
          expect(Number.isInteger(next)).toBe(true)
          nowMs = next
          const signals = time.asOf().signals ?? 0
          expect(signals).toBeGreaterThanOrEqual(asOf)
          asOf = signals
        }
      }),
    )
  })
})

describe('disagreement of host and broker', () => {
  test.each([
    ['in between', { at: 1_500, sent: 1_000, answered: 2_000 }, 0],
    ['host ahead', { at: 1_000, sent: 4_000, answered: 4_100 }, 3_000],
    ['host behind', { at: 9_000, sent: 1_000, answered: 1_100 }, -7_900],
  ])('%s', (_what, { at, sent, answered }, expected) => {
    expect(disagreement(at, sent, answered)).toBe(expected)
  })

  test('the limit is that of the design', () => expect(DISAGREEMENT_MS).toBe(2_000))
})
