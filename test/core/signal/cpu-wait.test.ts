// S0-37, C-30: waiting for a processor, summed over a sliding second.
import { expect, test } from 'vitest'
import { CpuWait } from '../../../src/core/signal/cpu-wait.ts'
import { restored } from './kept.ts'

test('S0-37, C-30: more than 200 ms of a second deviates, no single sample can', () => {
  const detector = new CpuWait()
  const verdicts = Array.from({ length: 200 }, (_, i) => detector.push(20, 20 * i))
  const first = verdicts.findIndex(({ deviates }) => deviates)
  expect(first).toBe(10)
  expect(verdicts.at(-1)?.value).toBe(1_000)
})

test('S0-37: 200 ms exactly does not; a second later it is forgotten', () => {
  const detector = new CpuWait()
  for (let i = 0; i < 10; i++) expect(detector.push(20, 20 * i).deviates).toBe(false)
  expect(detector.push(0, 2_000).value).toBe(0)
})

test('an image keeps the second', () => {
  const detector = new CpuWait()
  for (let i = 0; i < 30; i++) detector.push(15, 20 * i)
  const copy = restored(detector, () => new CpuWait())
  expect(copy.push(15, 620)).toEqual(detector.push(15, 620))
})
