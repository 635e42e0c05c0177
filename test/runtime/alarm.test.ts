// One timer, set earlier or let ring.
import { expect, test } from 'vitest'
import { Alarm } from '../../src/runtime/alarm.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function rig(): { clock: VirtualClock; rings: number[]; alarm: Alarm } {
  const clock = new VirtualClock()
  const rings: number[] = []
  return { clock, rings, alarm: new Alarm(clock, () => rings.push(clock.monotonicMs())) }
}

test('rings once, at the earliest time it was set to', async () => {
  const { clock, rings, alarm } = rig()
  alarm.set(500)
  alarm.set(200)
  alarm.set(300)
  await clock.advance(1_000)
  expect(rings).toEqual([200])
})

test('can be set again from its own ring', async () => {
  const clock = new VirtualClock()
  const rings: number[] = []
  const alarm = new Alarm(clock, () => {
    rings.push(clock.monotonicMs())
    if (rings.length < 3) alarm.set(clock.monotonicMs() + 10)
  })
  alarm.set(10)
  await clock.advance(100)
  expect(rings).toEqual([10, 20, 30])
})

test('a time that has passed rings at once, never does not ring', async () => {
  const { clock, rings, alarm } = rig()
  await clock.advance(50)
  alarm.set(Number.POSITIVE_INFINITY)
  await clock.advance(50)
  expect(rings).toEqual([])
  alarm.set(10)
  await clock.advance(1)
  expect(rings).toEqual([100])
})

test('a part of a millisecond is waited for as a whole one', async () => {
  const { clock, rings, alarm } = rig()
  alarm.set(10.3)
  await clock.advance(20)
  expect(rings).toEqual([11])
})

test('closed it rings no more and leaves no sleeper', async () => {
  const { clock, rings, alarm } = rig()
  alarm.set(10)
  alarm.close()
  alarm.set(5)
  await clock.advance(100)
  expect(rings).toEqual([])
  expect(clock.sleeping).toBe(0)
})
