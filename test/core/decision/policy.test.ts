// Matching in log time: S0-41 and S0-42 with their own figures, and an oracle for "sustained".
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { figure } from '../../../src/core/decision/policy.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { figures, instance, LOOSE, World } from './world.ts'

const ARTICLE =
  '{"trigger":"error_rate > 0.5","evaluation_window":"5m",' +
  '"action":"restart_service","cooldown_period":"10m"}'
const ENFORCED = JSON.stringify({ ...JSON.parse(ARTICLE), mode: 'enforce' })
const MINUTE = 60_000

const at = (errors: number, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  instance('a', { window: figures(100, errors), ...some })
const [b, c] = [instance('b'), instance('c')]

/** Steps of a second each with the same share of errors. */
function hold(world: World, errors: number, ms: number): void {
  for (let passed = 0; passed < ms; passed += 1_000) {
    world.step([at(errors), b, c], { afterMs: Math.min(1_000, ms - passed) })
  }
}

function begin(text: string): World {
  const world = new World()
  world.document('HealPolicy', 'article', text)
  world.step([at(0), b, c])
  return world
}

describe('S0-41', () => {
  test('an error rate of 0.50 for ten minutes: no', () => {
    const world = begin(ENFORCED)
    hold(world, 50, 10 * MINUTE)
    expect(world.said()).toEqual([])
  })

  test('0.51 for 4 min 59 s: no; at 5 min: one restart', () => {
    const world = begin(ENFORCED)
    const first = world.step([at(51), b, c], { afterMs: 1_000 })
    expect(first.wakeAtMs).toBe(world.nowMs + 5 * MINUTE)
    hold(world, 51, 4 * MINUTE + 59_000)
    expect(world.said()).toEqual([])
    hold(world, 51, 1_000)
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'commanded:repairing'])
    expect(world.events[1]?.summary).toBe(
      'policy article matches for 5 min (error_rate = 0.51) and asks for restart_instance',
    )
    hold(world, 51, 5 * MINUTE)
    expect(world.commands).toHaveLength(1)
  })

  test('the JSON unchanged observes: the match is told, the mode refuses', () => {
    const world = begin(ARTICLE)
    world.step([at(51), b, c], { afterMs: 1_000 })
    hold(world, 51, 5 * MINUTE)
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'refused:matched'])
  })

  test('one good moment begins the five minutes anew', () => {
    const world = begin(ENFORCED)
    hold(world, 51, 4 * MINUTE)
    hold(world, 50, 1_000)
    hold(world, 51, 5 * MINUTE)
    expect(world.commands).toEqual([])
    hold(world, 51, 1_000)
    expect(world.commands).toHaveLength(1)
  })

  test('without any request nothing is true', () => {
    const world = begin(ENFORCED)
    for (let i = 0; i < 20; i++) world.step([instance('a'), b, c], { afterMs: MINUTE })
    expect(world.said()).toEqual([])
  })
})

test('S0-42: the trigger held true for 30 min gives commands at 5, 15 and 25 min only', () => {
  const world = begin(ENFORCED)
  const startMs = world.nowMs
  for (let second = 0; second <= 30 * 60; second++) {
    const done = world.commands.length
    world.step([at(51), b, c], { afterMs: second === 0 ? 0 : 1_000 })
    if (world.commands.length > done) world.result('succeeded')
  }
  const minutes = world.commands.map(({ issued_at_ms }) => (issued_at_ms - startMs) / MINUTE)
  expect(minutes).toEqual([5, 15, 25])
})

describe('what a streak belongs to', () => {
  test('a new incarnation and a new version of the policy begin anew', () => {
    const world = begin(ENFORCED)
    hold(world, 51, 4 * MINUTE)
    world.step([at(51, { incarnation: 2 }), b, c], { afterMs: 1_000 })
    world.step([at(51, { incarnation: 2 }), b, c], { afterMs: 2 * MINUTE })
    expect(world.commands).toEqual([])
    world.document('HealPolicy', 'article', ENFORCED)
    world.step([at(51, { incarnation: 2 }), b, c], { afterMs: 2 * MINUTE })
    world.step([at(51, { incarnation: 2 }), b, c], { afterMs: 4 * MINUTE })
    expect(world.commands).toEqual([])
    world.step([at(51, { incarnation: 2 }), b, c], { afterMs: MINUTE })
    expect(world.commands).toHaveLength(1)
  })

  test.each(['draining', 'standby', 'gone'] as const)('%s instances do not match', (lifecycle) => {
    const world = begin(ENFORCED)
    for (let i = 0; i < 10; i++) world.step([at(51, { lifecycle }), b, c], { afterMs: MINUTE })
    expect(world.commands).toEqual([])
  })

  test('window mode: true once over the window is enough', () => {
    const world = new World()
    const window = { evaluationMode: 'window', evaluationWindow: '60s' }
    world.policy({ trigger: 'error_rate > 0.5 && n >= 20', ...window })
    world.step([at(0), b, c])
    world.step([at(51), b, c], { afterMs: 1_000 })
    world.step([at(51), b, c], { afterMs: 1_500 })
    expect(world.commands).toHaveLength(1)
  })

  test('services that are not selected do not match', () => {
    const world = new World()
    world.policy({ match: { services: ['stock'] } })
    world.step([at(100, { health: 'unhealthy' }), b, c])
    expect(world.said()).toEqual(['detected:detected'])
  })
})

test('sustained, against an oracle that looks at the whole past', () => {
  const moments = fc.array(
    fc.record({ afterMs: fc.constantFrom(1, 500, 1_000, 4_000), bad: fc.boolean() }),
    { minLength: 1, maxLength: 40 },
  )
  fc.assert(
    fc.property(moments, fc.constantFrom(0, 1_000, 5_000), (past, forMs) => {
      const world = new World()
      world.policy({ trigger: 'error_rate > 0.5', for: `${forMs}ms`, mode: 'observe' })
      world.guards(LOOSE)
      const seen: { ms: number; bad: boolean }[] = []
      for (const { afterMs, bad } of past) {
        world.step([at(bad ? 60 : 10), b, c], { afterMs })
        seen.push({ ms: world.nowMs, bad })
        const matched = world.events.some(({ event }) => event === 'matched')
        expect(matched).toBe(everSustained(seen, forMs))
      }
    }),
  )
})

/** Some run of bad moments without a good one between spans at least `forMs`. */
function everSustained(seen: readonly { ms: number; bad: boolean }[], forMs: number): boolean {
  return seen.some((end, j) =>
    seen.some(
      (start, i) =>
        i <= j && end.ms - start.ms >= forMs && seen.slice(i, j + 1).every(({ bad }) => bad),
    ),
  )
}

test('figures are told with at most four decimals', () => {
  expect([0.123456, 12, 0.6, Infinity].map(figure)).toEqual(['0.1235', '12', '0.6', 'Infinity'])
})
