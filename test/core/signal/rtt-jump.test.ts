// S0-35: a sudden rise of the round trip.
import { expect, test } from 'vitest'
import { RttJump, type RttJumpOptions } from '../../../src/core/signal/rtt-jump.ts'
import { restored } from './kept.ts'

function settled(options: Partial<RttJumpOptions> = {}): RttJump {
  const detector = new RttJump(options)
  for (let i = 0; i < 100; i++) detector.push(2)
  return detector
}

test('S0-35: 3.9 times the baseline is none, 4.0 times is one', () => {
  expect(settled().push(7.8).deviates).toBe(false)
  expect(settled().push(8)).toMatchObject({ deviates: true, limit: 8, parts: { baseline: 2 } })
})

test('S0-35: as a ratio, three times is one', () => {
  expect(settled({ asRatio: true }).push(5.9).deviates).toBe(false)
  expect(settled({ asRatio: true }).push(6).deviates).toBe(true)
})

test('S0-35: the spike does not enter the baseline', () => {
  const detector = settled()
  for (let i = 0; i < 50; i++) expect(detector.push(20).deviates).toBe(true)
  expect(detector.push(2)).toMatchObject({ deviates: false, parts: { baseline: 2 } })
})

test('a longer way that stays is learnt after a bounded time', () => {
  const detector = settled()
  const flagged = Array.from({ length: 100 }, () => detector.push(20).deviates)
  expect(flagged.indexOf(false)).toBe(60)
  expect(flagged.slice(60)).not.toContain(true)
})

test('nothing before ten samples, nothing below the floor; an image keeps all of it', () => {
  const young = new RttJump()
  for (let i = 0; i < 9; i++) young.push(1)
  expect(young.push(50)).toMatchObject({ ready: false, deviates: false })
  expect(settled({ floor: 50 }).push(40).deviates).toBe(false)
  const detector = settled()
  detector.push(20)
  expect(restored(detector, () => new RttJump()).push(20)).toEqual(detector.push(20))
})
