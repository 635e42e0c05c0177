// S1-15: another configuration than the intended one.
import { expect, test } from 'vitest'
import { ConfigDrift } from '../../../src/core/signal/config-drift.ts'
import { restored } from './kept.ts'

const INTENDED = { version: 7, hash: 'b2' }
const fresh = (): ConfigDrift => new ConfigDrift()

test('S1-15: an old version is found after 10 s, not at 10 s', () => {
  const detector = fresh()
  const old = { version: 6, hash: 'a1' }
  expect(detector.push(old, INTENDED, 0).deviates).toBe(false)
  expect(detector.push(old, INTENDED, 10_000).deviates).toBe(false)
  const copy = restored(detector, fresh)
  const found = { deviates: true, value: 10_001, limit: 10_000, by: 'version' }
  expect(copy.push(old, INTENDED, 10_001)).toEqual(found)
  expect(copy.push(INTENDED, INTENDED, 10_002).deviates).toBe(false)
})

test('S1-15: a file edited by hand is found by its hash', () => {
  const detector = fresh()
  const edited = { version: 7, hash: 'ff' }
  detector.push(edited, INTENDED, 0)
  expect(detector.push(edited, INTENDED, 12_000)).toMatchObject({ deviates: true, by: 'hash' })
})

test('without a hash, or without an intention, there is nothing to compare', () => {
  const detector = fresh()
  detector.push({ version: 7, hash: null }, INTENDED, 0)
  expect(detector.push({ version: 7, hash: null }, INTENDED, 60_000).by).toBe('none')
  expect(detector.push({ version: 1, hash: null }, null, 60_000).by).toBe('none')
})
