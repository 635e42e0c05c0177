// The host's clock: sleeps end, and end at once when they are aborted.
import { describe, expect, test } from 'vitest'
import { after, systemClock } from '../../src/runtime/clock.ts'
import type { Clock } from '../../src/runtime/ports.ts'

test('monotonic time moves on over a sleep', async () => {
  const before = systemClock.monotonicMs()
  await systemClock.sleep(20)
  const passed = systemClock.monotonicMs() - before
  expect(passed).toBeGreaterThan(15)
  expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(5_000)
})

test('an aborted sleep rejects with the reason, before and during', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const sleeping = systemClock.sleep(60_000, stop.signal)
  stop.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  await expect(systemClock.sleep(60_000, stop.signal)).rejects.toBe(reason)
})

// Node turns a timer of more than 2^31 ms into one of 1 ms: a sleep of a month would end at once.
test('a sleep longer than a Node timer takes does not end at once', async () => {
  const stop = new AbortController()
  let ended = false
  const sleeping = systemClock.sleep(40 * 86_400_000, stop.signal).then(
    () => {
      ended = true
    },
    () => {},
  )
  await systemClock.sleep(30)
  expect(ended).toBe(false)
  stop.abort()
  await sleeping
})

const sleeper: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: (ms, signal) => systemClock.sleep(ms, signal),
}

describe.each([
  ['of the clock', systemClock],
  ['made of its sleep', sleeper],
])('a timer %s', (_what, clock) => {
  test('acts once, not before its time', async () => {
    const startMs = clock.monotonicMs()
    const rung: number[] = []
    after(clock, 20, () => rung.push(clock.monotonicMs() - startMs))
    await clock.sleep(80)
    expect(rung).toHaveLength(1)
    expect(rung[0]).toBeGreaterThan(15)
  })

  test('does nothing once it is cancelled, nor one of a month', async () => {
    let acts = 0
    const cancel = [5, 40 * 86_400_000].map((ms) => after(clock, ms, () => acts++))
    cancel[0]?.()
    await clock.sleep(30)
    cancel[1]?.()
    expect(acts).toBe(0)
  })
})
