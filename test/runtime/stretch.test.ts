// Work in stretches: others have their turn in between, and an end that was asked for is met there.
import { expect, test } from 'vitest'
import type { Clock } from '../../src/runtime/ports.ts'
import { Stretch } from '../../src/runtime/stretch.ts'

function counting(): { readonly clock: Clock; nowMs: number; turns: number } {
  const counted = { nowMs: 0, turns: 0 }
  const clock: Clock = {
    nowMs: () => counted.nowMs,
    monotonicMs: () => counted.nowMs,
    sleep: () => Promise.resolve(),
    turn: () => {
      counted.turns++
      return Promise.resolve()
    },
  }
  return Object.assign(counted, { clock })
}

test('turns after some thousand records, many steps, or a few milliseconds', async () => {
  const counted = counting()
  const { signal } = new AbortController()
  const stretch = new Stretch(counted.clock)
  await stretch.before([{ records: 4_000 }], signal)
  expect(counted.turns).toBe(0)
  await stretch.before([{ records: 1_000 }], signal)
  expect(counted.turns).toBe(1)
  for (let i = 0; i < 99; i++) await stretch.before([{ records: 0 }], signal)
  expect(counted.turns).toBe(1)
  await stretch.before([{ records: 0 }], signal)
  expect(counted.turns).toBe(2)
  counted.nowMs += 8
  await stretch.before([{ records: 0 }], signal)
  expect(counted.turns).toBe(3)
})

test('ends where it turns', async () => {
  const stretch = new Stretch(counting().clock)
  const signal = AbortSignal.abort(new Error('no more'))
  await stretch.before([{ records: 10 }], signal)
  await expect(stretch.before([{ records: 5_000 }], signal)).rejects.toThrow('no more')
})
