// What is sick, what looks well, since when.
import { expect, test } from 'vitest'
import {
  isSick,
  looksWell,
  onsetMs,
  SUCCESSES_MIN,
  toEvidence,
} from '../../../src/core/decision/evidence.ts'
import { crashed, figures, finding, instance } from './world.ts'

const inferred = finding({ class: 'inferred', sinceMs: 5 })
const mild = finding({ severity: 'unstable', sinceMs: 1 })

test('sick: judged unhealthy, or evidence that speaks for itself, before any judgement', () => {
  expect(isSick(instance('a', { health: 'unhealthy' }))).toBe(true)
  expect(isSick(instance('a', { findings: [finding()] }))).toBe(true)
  expect(isSick(instance('a', { findings: [inferred, mild] }))).toBe(false)
})

test('well: judged healthy, nothing stands, and a probe or enough successes speak for it', () => {
  const quiet = { probe: null, window: figures(SUCCESSES_MIN + 2, 2) }
  expect(looksWell(instance('a'))).toBe(true)
  expect(looksWell(instance('a', quiet))).toBe(true)
  expect(looksWell(instance('a', { ...quiet, window: figures(SUCCESSES_MIN + 2, 3) }))).toBe(false)
  expect(looksWell(instance('a', { probe: { verdict: 'down', atMs: 0 } }))).toBe(false)
  expect(looksWell(instance('a', { health: 'unknown' }))).toBe(false)
  expect(looksWell(instance('a', { findings: [mild] }))).toBe(false)
  expect(looksWell(crashed('a'))).toBe(false)
})

test('onset: of what argues for unhealthy, else of anything, else given', () => {
  expect(onsetMs([mild, inferred], 99)).toBe(5)
  expect(onsetMs([mild], 99)).toBe(1)
  expect(onsetMs([], 99)).toBe(99)
})

test('evidence names the record that crossed the rule; texts of others stay on one line', () => {
  const found = finding({ text: 'ended:\n\u001b[31mcode\u20281', place: null })
  expect(toEvidence(found)).toMatchObject({ text: 'ended: [31mcode 1', topic: null, offset: null })
  expect(toEvidence(finding())).toMatchObject({ topic: 'signals', partition: 0, offset: 7 })
})
