// Verdicts over tries, and the profiles of the requirements.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ProbeReason } from '../../../src/contracts/records.ts'
import { PROFILES, Verdict } from '../../../src/runtime/agent/probe.ts'

test('the profiles are those of the requirements', () => {
  const table = Object.values(PROFILES).map((p) => [
    p.name,
    p.periodMs,
    p.failures,
    p.timeoutMs,
    p.initialDelayMs,
  ])
  expect(table).toEqual([
    ['fast', 100, 3, 200, 0],
    ['isolate', 3_000, 2, 2_000, 5_000],
    ['default', 10_000, 3, 3_000, 0],
    ['conservative', 10_000, 3, 1_000, 30_000],
  ])
})

test('two failures and a success are no verdict (S0-31)', () => {
  const verdict = new Verdict(PROFILES.fast)
  expect(verdict.observe('ok')).toBe('up')
  expect(['timeout', 'refused', 'ok'].map((r) => verdict.observe(r as ProbeReason))).toEqual([
    null,
    null,
    null,
  ])
})

test('what the prober could not try says nothing about the instance', () => {
  const verdict = new Verdict(PROFILES.fast)
  verdict.observe('ok')
  for (let i = 0; i < 10; i++) expect(verdict.observe('unavailable')).toBeNull()
  expect(verdict.failures).toBe(0)
})

test('a verdict changes exactly when the run of failures or a success says so', () => {
  const reasons = fc.array(fc.constantFrom<ProbeReason>('ok', 'refused', 'timeout', 'bad_status'))
  fc.assert(
    fc.property(reasons, (tries) => {
      const verdict = new Verdict(PROFILES.fast)
      let held = 'unknown'
      tries.forEach((reason, i) => {
        const last = tries.slice(Math.max(0, i - 2), i + 1)
        const isDown = last.length === 3 && last.every((r) => r !== 'ok')
        const wanted = reason === 'ok' ? 'up' : isDown ? 'down' : held
        expect(verdict.observe(reason)).toBe(wanted === held ? null : wanted)
        held = wanted
      })
    }),
  )
})

test('after a reset the next success is an up again', () => {
  const verdict = new Verdict(PROFILES.fast)
  expect(verdict.observe('ok')).toBe('up')
  verdict.reset()
  expect(verdict.observe('ok')).toBe('up')
})
