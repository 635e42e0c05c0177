// What is sick, what looks well, since when.
import { expect, test } from 'vitest'
import {
  isEasing,
  isOfRequests,
  isSick,
  isUnheard,
  looksWell,
  onsetMs,
  requestsOnsetMs,
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

test('unheard: not healthy, and nothing but silence and suspicion stands', () => {
  const silence = finding({ detector: 'silence', class: 'inferred' })
  const sick = (...findings: (typeof silence)[]): boolean =>
    isUnheard(instance('a', { health: 'unhealthy', findings }))
  expect([sick(), sick(silence), sick(silence, mild)]).toEqual([true, true, true])
  expect([sick(silence, inferred), sick(finding())]).toEqual([false, false])
  expect(isUnheard(instance('a'))).toBe(false)
})

test('of requests: nothing else is grave, and since when', () => {
  const slow = finding({ detector: 'latency_p99', class: 'inferred', sinceMs: 8 })
  const bad = finding({ detector: 'success_rate', sinceMs: 6 })
  const silence = finding({ detector: 'silence', class: 'inferred', sinceMs: 1 })
  const of = (...findings: (typeof slow)[]): readonly [boolean, number | null] => {
    const one = instance('a', { health: 'unhealthy', findings })
    return [isOfRequests(one), requestsOnsetMs(one)]
  }
  expect(of()).toEqual([false, null])
  expect(of(slow, bad, mild, silence)).toEqual([true, 6])
  expect(of(slow, finding())).toEqual([false, 8])
})

// An agent came back, and its instance was restarted although it was well: what had stood together
// before was all that was left of the evidence.
test('easing: kinds that stood together are over when none of them stands', () => {
  const fusion = finding({ detector: 'fusion', class: 'inferred', severity: 'unstable' })
  const late = finding({ detector: 'arrival', class: 'inferred', severity: 'note' })
  const leak = finding({ detector: 'memory_leak', class: 'inferred', severity: 'note' })
  const at = { health: 'unhealthy', findings: [fusion] } as const
  expect(isEasing(instance('a', { ...at, notes: [] }))).toBe(true)
  expect(isEasing(instance('a', { ...at, notes: [late] }))).toBe(true)
  expect(isEasing(instance('a', { ...at, notes: [leak] }))).toBe(false)
  expect(isEasing(instance('a', { ...at, findings: [fusion, mild] }))).toBe(false)
  expect(isEasing(instance('a', { health: 'unstable' }))).toBe(true)
  expect(isEasing(instance('a'))).toBe(false)
})
