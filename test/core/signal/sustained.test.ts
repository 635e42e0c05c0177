// S3-10: overload that lasts.
import { expect, test } from 'vitest'
import { OVERLOAD, Sustained } from '../../../src/core/signal/sustained.ts'
import { restored } from './kept.ts'

const fresh = (): Sustained => new Sustained(OVERLOAD.cpu)

test('S3-10: 59 s is none, 60 s is one', () => {
  const detector = fresh()
  const at = Array.from({ length: 61 }, (_, s) => detector.push(0.9, 1_000 * s).deviates)
  expect(at.indexOf(true)).toBe(60)
})

test('S3-10: a dip begins anew, and the limit itself is one', () => {
  const detector = fresh()
  for (let s = 0; s <= 90; s++) {
    const { deviates } = detector.push(s === 50 ? 0.8 : 0.9, 1_000 * s)
    expect(deviates).toBe(false)
  }
})

test('so does a break in the samples; an image keeps the run', () => {
  const detector = fresh()
  detector.push(0.9, 0)
  expect(detector.push(0.9, 60_000).deviates).toBe(false)
  const copy = restored(detector, fresh)
  for (let s = 1; s <= 60; s++) copy.push(0.9, 60_000 + 1_000 * s)
  expect(copy.push(0.9, 120_000).deviates).toBe(true)
})
