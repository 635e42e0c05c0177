// Freeze windows against the calendar of the machine: every minute of two weeks, and any window.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FreezeWindow, WEEKDAYS } from '../../../src/contracts/limits.ts'
import { parsePolicy } from '../../../src/contracts/policy.ts'
import { frozenAt } from '../../../src/core/decision/freeze.ts'

const MINUTE_MS = 60_000
const window = fc.record({
  days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
  fromMinute: fc.nat(1_439),
  toMinute: fc.nat(1_439),
  why: fc.constant(''),
})

/** By the definition: walk back to every begin of the last two days and see whether it lasts. */
function isFrozen({ days, fromMinute, toMinute }: FreezeWindow, atMs: number): boolean {
  for (let back = 0; back <= 2 * 1_440; back++) {
    const begin = new Date(atMs - back * MINUTE_MS)
    const minute = begin.getUTCHours() * 60 + begin.getUTCMinutes()
    const day = WEEKDAYS[(begin.getUTCDay() + 6) % 7]
    if (minute !== fromMinute || day === undefined || !days.includes(day)) continue
    const length = toMinute > fromMinute ? toMinute - fromMinute : toMinute - fromMinute + 1_440
    if (back < length) return true
  }
  return false
}

test('open exactly when the calendar says so, until the minute it ends', () => {
  fc.assert(
    fc.property(window, fc.nat(20_160), (one, minute) => {
      const atMs = Date.UTC(2026, 1, 23) + minute * MINUTE_MS + 12_345
      const found = frozenAt([one], atMs)
      expect(found !== null).toBe(isFrozen(one, atMs))
      if (found === null) return
      expect(isFrozen(one, found.untilMs - 1)).toBe(true)
      expect(found.untilMs).toBeGreaterThan(atMs)
    }),
    { numRuns: 200 },
  )
})

test('the one that ends last is told, as it was written', () => {
  const spec = {
    match: { services: ['*'] },
    freeze: [
      { days: ['sat', 'sun'], from: '00:00', to: '00:00', why: 'weekend' },
      { from: '22:00', to: '06:00' },
    ],
  }
  const head = { apiVersion: 'healstream.io/v1', kind: 'GuardSet', metadata: { name: 'calm' } }
  const parsed = parsePolicy({ ...head, spec }, 'calm')
  const limits = parsed.ok && parsed.document.kind === 'GuardSet' ? parsed.document.limits : {}
  const windows = limits.freeze ?? []
  // A Saturday evening: the day ends before the night does.
  const atMs = Date.UTC(2026, 1, 28, 23)
  expect(frozenAt(windows, atMs)).toEqual({
    text: 'daily 22:00–06:00 UTC',
    untilMs: Date.UTC(2026, 2, 1, 6),
  })
  expect(frozenAt(windows, Date.UTC(2026, 2, 1, 7))?.text).toBe('sat, sun 00:00–00:00 UTC: weekend')
  expect(frozenAt(windows, Date.UTC(2026, 2, 2, 7))).toBeNull()
  expect(
    parsePolicy({ ...head, spec: { ...spec, freeze: [{ from: '24:00', to: '1:00' }] } }, '').ok,
  ).toBe(false)
})

test('of two that end together the first is told', () => {
  const [one, two] = (['release', 'audit'] as const).map((why) => {
    return { days: [...WEEKDAYS], fromMinute: 0, toMinute: 60, why }
  })
  const windows = [one, two].flatMap((some) => some ?? [])
  expect(frozenAt(windows, 0)?.text).toBe('daily 00:00–01:00 UTC: release')
  expect(frozenAt(windows.toReversed(), 0)?.text).toBe('daily 00:00–01:00 UTC: audit')
})
