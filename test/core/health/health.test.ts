// Judgement over time: hysteresis, dwell, restarts, and that a value around its limit does not make
// health flutter.
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { DETECTOR_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { Health } from '../../../src/contracts/records.ts'
import {
  endLife,
  isWell,
  judge,
  type Judged,
  reasonOf,
  recentFlips,
  restart,
  standing,
} from '../../../src/core/health/health.ts'
import { foldSignal, newVital, type Vital } from '../../../src/core/health/vital.ts'
import type { Figures } from '../../../src/core/kernel/facts.ts'
import { connection, probe } from '../../support/records.ts'

const limits = DETECTOR_DEFAULTS
const place = { topic: 'signals', partition: 0, offset: 1 }
const GOOD: Figures = {
  spanMs: 60_000,
  n: 1_000,
  errors: 0,
  successRate: 1,
  p99Us: 20_000,
  maxUs: 30_000,
}
let vital: Vital
beforeEach(() => {
  vital = newVital({ service: serviceId('shop'), instance: instanceId('shop-1') }, 1, 0)
})

interface At {
  readonly behaviour?: number
  readonly window?: Figures
  readonly blind?: boolean
  readonly exempt?: boolean
}

function at(
  nowMs: number,
  { window = GOOD, blind = false, exempt = false, behaviour = 2 }: At = {},
): Judged {
  vital.heardAtMs = nowMs
  const hearing = { horizonMs: nowMs, floorMs: 0, blind }
  const announced = { health: 'unknown' as Health, atMs: 0 }
  return judge(
    vital,
    { vital, window, limits, hearing, nowMs, behaviour, agentAlive: true, announced },
    exempt,
  )
}

const failing = (errors: number): Figures => ({
  ...GOOD,
  errors,
  successRate: (1_000 - errors) / 1_000,
})
const slow = (p99Us: number): Figures => ({ ...GOOD, p99Us })

describe('down and up', () => {
  test('self-evident: at once down, one level at a time up, each after its dwell', () => {
    at(0)
    expect(vital.health).toBe('healthy')
    expect(at(1_000, { window: failing(500) }).changed).toBe(true)
    expect(vital.health).toBe('unhealthy')
    expect(at(2_000).nextMs).toBe(4_000)
    at(3_999)
    expect(vital.health).toBe('unhealthy')
    at(4_000)
    expect(vital.health).toBe('unstable')
    at(6_000)
    expect(vital.health).toBe('healthy')
    expect(recentFlips(vital, 6_000)).toBe(2)
    expect(recentFlips(vital, 601_001)).toBe(1)
  })

  test('inferred: over unstable, and a relapse during the dwell starts it anew', () => {
    at(0)
    at(1_000, { window: slow(2_000_000) })
    expect(vital.health).toBe('unstable')
    at(2_000)
    at(2_500, { window: slow(2_000_000) })
    at(3_000, { window: slow(2_000_000) })
    expect(vital.health).toBe('unhealthy')
    at(3_500)
    at(5_000, { window: slow(2_000_000) })
    at(5_400)
    at(7_399)
    expect(vital.health).toBe('unhealthy')
    at(7_400)
    expect(vital.health).toBe('unstable')
  })

  test('without evidence of being well it goes no further up than unstable', () => {
    at(0)
    at(1_000, { window: failing(900) })
    const empty = { ...GOOD, n: 0, successRate: null, p99Us: null }
    for (let nowMs = 2_000; nowMs < 60_000; nowMs += 1_000) at(nowMs, { window: empty })
    expect(vital.health).toBe('unstable')
    foldSignal(vital, probe({ atMs: 60_000, verdict: 'up' }), { sinceMs: 60_000, place })
    at(60_000, { window: empty })
    expect(vital.health).toBe('healthy')
  })
})

describe('around a limit (S0-24)', () => {
  test.each([
    ['success rate', (k: number): Figures => failing(k % 2 === 0 ? 49 : 51)],
    ['latency', (k: number): Figures => slow(k % 2 === 0 ? 999_000 : 1_001_000)],
  ])('%s for ten minutes: at most two transitions', (_name, window) => {
    let transitions = 0
    at(0)
    for (let k = 1; k <= 600; k++)
      transitions += at(k * 1_000, { window: window(k) }).changed ? 1 : 0
    expect(transitions).toBeGreaterThan(0)
    expect(transitions).toBeLessThanOrEqual(2)
  })

  test('whatever the walk between the two limits', () => {
    const errors = fc.array(fc.integer({ min: 31, max: 60 }), { minLength: 600, maxLength: 600 })
    fc.assert(
      fc.property(errors, (walk) => {
        vital = newVital({ service: serviceId('shop'), instance: instanceId('shop-1') }, 1, 0)
        let transitions = 0
        at(0)
        walk.forEach((k, i) => {
          transitions += at((i + 1) * 1_000, { window: failing(k) }).changed ? 1 : 0
        })
        expect(transitions).toBeLessThanOrEqual(2)
      }),
      { numRuns: 30 },
    )
  })
})

describe('blind', () => {
  test('health is frozen: nothing eases and inferred evidence does nothing', () => {
    at(0)
    at(1_000, { window: slow(2_000_000) })
    at(60_000, { window: slow(2_000_000), blind: true })
    expect(vital.health).toBe('unstable')
    at(61_000, { blind: true })
    at(120_000, { blind: true })
    expect(vital.health).toBe('unstable')
  })

  test('what speaks for itself still counts', () => {
    at(0)
    foldSignal(vital, connection({ atMs: 1, event: 'refused' }), { sinceMs: 1, place })
    at(1, { blind: true })
    expect(vital.health).toBe('unhealthy')
  })
})

describe('a new incarnation', () => {
  test('is unknown, with nothing against it, until there is evidence', () => {
    at(0)
    foldSignal(vital, connection({ atMs: 1, event: 'refused' }), { sinceMs: 1, place })
    at(1)
    expect(restart(vital, 2, 2)).toBe(true)
    expect(vital).toMatchObject({ health: 'unknown', incarnation: 2, refused: null })
    expect(vital.findings.size).toBe(0)
    expect(restart(vital, 3, 3)).toBe(false)
    const few = { ...GOOD, n: limits.samplesMin - 1 }
    at(3, { window: few })
    expect(vital.health).toBe('unknown')
    expect(reasonOf(vital)).toContain('no evidence yet')
    at(4)
    expect(vital.health).toBe('healthy')
    expect(recentFlips(vital, 4)).toBe(2)
  })
})

test('who leaves is not blamed for it', () => {
  at(0)
  foldSignal(vital, connection({ atMs: 1, event: 'refused' }), { sinceMs: 1, place })
  expect(at(1, { exempt: true })).toMatchObject({ changed: false, nextMs: null })
})

test('being well needs enough good samples or a probe', () => {
  expect(isWell(vital, GOOD, limits)).toBe(true)
  expect(isWell(vital, failing(30), limits)).toBe(false)
  expect(isWell(vital, slow(800_000), limits)).toBe(false)
  expect(isWell(vital, { ...GOOD, n: 3 }, limits)).toBe(false)
})

test('silence is due when the last word was too long ago', () => {
  expect(at(1_000).nextMs).toBe(1_000 + limits.silenceAfterMs)
  expect(vital.health).toBe('healthy')
  expect(standing(vital)).toEqual([])
})

describe('from behaviour 3 on', () => {
  const now = { behaviour: 3 } as const

  test('S0-24: the way back to healthy takes twice as long with every relapse', () => {
    at(0, now)
    let nowMs = 1_000
    const tookMs: number[] = []
    for (let relapse = 0; relapse < 4; relapse++) {
      at(nowMs, { ...now, window: slow(2_000_000) })
      nowMs += 1_000
      at(nowMs, now)
      const calmMs = nowMs
      while (vital.health !== 'healthy') at((nowMs += 500), now)
      tookMs.push(nowMs - calmMs)
    }
    expect(tookMs).toEqual([10_000, 20_000, 40_000, 80_000])
  })

  test('the end of a life is known to be neither well nor sick, and counts once (S3-01)', () => {
    at(0, now)
    endLife(vital, 1_000)
    expect([vital.health, recentFlips(vital, 1_000)]).toEqual(['unknown', 1])
    endLife(vital, 2_000)
    expect(recentFlips(vital, 2_000)).toBe(1)
    // Of one that is gone nothing more is known, whatever its window still holds.
    expect(at(3_000, { ...now, exempt: true })).toMatchObject({ changed: false, nextMs: null })
    expect(vital.health).toBe('unknown')
    at(4_000, now)
    expect([vital.health, recentFlips(vital, 4_000)]).toEqual(['healthy', 2])
  })
})
