// The health table: every state with every signal, before and after the dwell, with and without
// evidence of being well.
import { describe, expect, test } from 'vitest'
import type { Health } from '../../../src/contracts/records.ts'
import {
  HEALTH_DIAGRAM,
  HEALTH_TABLE,
  nextHealth,
  nextMoveMs,
  type Verdict,
} from '../../../src/core/health/health-table.ts'
import { mayGo } from '../../../src/core/kernel/machine.ts'

const DWELL_MS = 2_000
const STATES: readonly Health[] = ['unknown', 'healthy', 'unstable', 'unhealthy']

/** From state, by verdict: [before the dwell, after it, after it and well]. */
const EXPECTED: Readonly<Record<Verdict, Readonly<Record<string, readonly Health[]>>>> = {
  none: {
    unknown: ['unknown', 'unknown', 'healthy'],
    healthy: ['healthy', 'healthy', 'healthy'],
    unstable: ['unstable', 'unstable', 'healthy'],
    unhealthy: ['unhealthy', 'unstable', 'unstable'],
  },
  unstable: {
    unknown: ['unstable', 'unstable', 'unstable'],
    healthy: ['unstable', 'unstable', 'unstable'],
    unstable: ['unstable', 'unstable', 'unstable'],
    unhealthy: ['unhealthy', 'unstable', 'unstable'],
  },
  inferred_unhealthy: {
    unknown: ['unstable', 'unstable', 'unstable'],
    healthy: ['unstable', 'unstable', 'unstable'],
    unstable: ['unstable', 'unhealthy', 'unhealthy'],
    unhealthy: ['unhealthy', 'unhealthy', 'unhealthy'],
  },
  self_evident_unhealthy: {
    unknown: ['unhealthy', 'unhealthy', 'unhealthy'],
    healthy: ['unhealthy', 'unhealthy', 'unhealthy'],
    unstable: ['unhealthy', 'unhealthy', 'unhealthy'],
    unhealthy: ['unhealthy', 'unhealthy', 'unhealthy'],
  },
}

describe.each(Object.keys(EXPECTED) as Verdict[])('%s', (verdict) => {
  test.each(STATES)('%s', (health) => {
    const at = (nowMs: number, well: boolean): Health =>
      nextHealth(
        {
          health,
          sinceMs: 0,
          standsSinceMs: 0,
          calmSinceMs: 0,
          verdict,
          well,
          dwellMs: DWELL_MS,
          recoverMs: DWELL_MS,
        },
        nowMs,
      )
    const moves = [at(DWELL_MS - 1, false), at(DWELL_MS, false), at(DWELL_MS, true)]
    expect(moves).toEqual(EXPECTED[verdict][health])
    for (const to of moves) expect(to === health || mayGo(HEALTH_TABLE, health, to)).toBe(true)
  })
})

test('only evidence that speaks for itself takes a healthy one down at once', () => {
  for (const verdict of ['none', 'unstable', 'inferred_unhealthy'] as const) {
    const input = {
      health: 'healthy',
      sinceMs: 0,
      standsSinceMs: 0,
      calmSinceMs: null,
      verdict,
      well: true,
    } as const
    expect(nextHealth({ ...input, dwellMs: 0, recoverMs: 0 }, 1e9)).not.toBe('unhealthy')
  }
})

test('easing counts from when the evidence ended, not from when the state began', () => {
  const input = {
    health: 'unhealthy',
    sinceMs: 0,
    standsSinceMs: 0,
    verdict: 'none',
    well: true,
  } as const
  expect(
    nextHealth({ ...input, calmSinceMs: 9_000, dwellMs: DWELL_MS, recoverMs: DWELL_MS }, 10_999),
  ).toBe('unhealthy')
  expect(
    nextHealth({ ...input, calmSinceMs: 9_000, dwellMs: DWELL_MS, recoverMs: DWELL_MS }, 11_000),
  ).toBe('unstable')
  expect(
    nextHealth({ ...input, calmSinceMs: null, dwellMs: DWELL_MS, recoverMs: DWELL_MS }, 1e9),
  ).toBe('unhealthy')
})

test('S0-24: what came back has to stand for a dwell, and back to healthy takes longer', () => {
  const unstable = { health: 'unstable', sinceMs: 0, calmSinceMs: 50_000, well: true } as const
  const limits = { dwellMs: DWELL_MS, recoverMs: 10_000, standsSinceMs: 60_000 }
  const bad = { ...unstable, ...limits, verdict: 'inferred_unhealthy' } as const
  expect([61_999, 62_000].map((atMs) => nextHealth(bad, atMs))).toEqual(['unstable', 'unhealthy'])
  expect(nextMoveMs(bad)).toBe(62_000)
  const good = { ...unstable, ...limits, verdict: 'none' } as const
  expect([59_999, 60_000].map((atMs) => nextHealth(good, atMs))).toEqual(['unstable', 'healthy'])
  expect(nextMoveMs(good)).toBe(60_000)
  const down = { ...good, health: 'unhealthy' } as const
  expect([51_999, 52_000].map((atMs) => nextHealth(down, atMs))).toEqual(['unhealthy', 'unstable'])
})

test('the time of the next move is exactly when it happens', () => {
  for (const health of STATES) {
    for (const verdict of Object.keys(EXPECTED) as Verdict[]) {
      for (const well of [true, false]) {
        const input = {
          health,
          sinceMs: 10,
          standsSinceMs: 0,
          calmSinceMs: 20,
          verdict,
          well,
          dwellMs: DWELL_MS,
          recoverMs: DWELL_MS,
        }
        const now = nextHealth(input, 21)
        const next = nextMoveMs({ ...input, health: now })
        if (next === null) expect(nextHealth({ ...input, health: now }, 1e9)).toBe(now)
        else {
          expect(nextHealth({ ...input, health: now }, next - 1)).toBe(now)
          expect(nextHealth({ ...input, health: now }, next)).not.toBe(now)
        }
      }
    }
  }
})

test('the picture is that of the table', () => {
  expect(HEALTH_DIAGRAM.split('\n')).toEqual([
    'stateDiagram-v2',
    '  [*] --> unknown',
    '  unknown --> healthy',
    '  unknown --> unstable',
    '  unknown --> unhealthy',
    '  healthy --> unstable',
    '  healthy --> unhealthy',
    '  healthy --> unknown',
    '  unstable --> healthy',
    '  unstable --> unhealthy',
    '  unstable --> unknown',
    '  unhealthy --> unstable',
    '  unhealthy --> unknown',
  ])
})
