// Matching in log time: S0-41 and S0-42 with their own figures, and an oracle for "sustained".
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policiesInForce, type ReadyPolicy } from '../../../src/core/decision/documents.ts'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { InstanceValues, ServiceValues } from '../../../src/core/decision/fact-values.ts'
import { figure, Matcher, programOf } from '../../../src/core/decision/policy.ts'
import type { CompiledClause } from '../../../src/core/decision/trigger.ts'
import type { Figures, InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { figures, instance, LOOSE, service, World } from './world.ts'

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

  test.each([
    ['10s', figures(0), figures(100, 60), figures(0), true],
    ['10s', figures(100, 60), figures(100, 10), figures(100, 60), false],
    ['5m', figures(0), figures(0), figures(100, 51), true],
    ['5m', figures(100, 60), figures(100, 60), figures(100, 50), false],
  ])('S0-41: the mean over %s, and of no other window', (...[span, w60, w10, w300, acts]) => {
    const world = new World()
    world.state.behaviour = 3
    const window = { evaluationMode: 'window', evaluationWindow: span }
    world.policy({ trigger: 'error_rate > 0.5', mode: 'observe', ...window })
    const over = (spanMs: number): Figures => (spanMs === 10_000 ? w10 : w300)
    world.step([instance('a', { window: w60, over }), b, c])
    expect(world.events.some(({ event }) => event === 'matched')).toBe(acts)
  })

  test("C-16: the boundary is the policy's own: > is more than, >= at least", () => {
    const acts = (trigger: string): boolean => {
      const world = new World()
      world.policy({ trigger, mode: 'observe' })
      world.step([at(50), b, c])
      return world.events.some(({ event }) => event === 'matched')
    }
    expect([acts('error_rate > 0.5'), acts('error_rate >= 0.5')]).toEqual([false, true])
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

describe('what is asked together is what each policy says alone', () => {
  const clauses = fc.constantFrom(
    'error_rate > 0.5',
    'n >= 20',
    'health == "unhealthy"',
    '!("silence" in detectors)',
    'service_error_rate > 0.2',
    'service_instances >= 3 && n > 5',
    'service_healthy < 2 || p99_ms > 10',
    'zone_sick_share >= 0.5',
    'service_n > 100 && service_healthy >= 1',
  )
  const triggers = fc
    .array(clauses, { minLength: 1, maxLength: 3 })
    .map((parts) => parts.map((part) => `(${part})`).join(' && '))
  const some = fc.record({
    window: fc.constantFrom(figures(), figures(100, 60, 20_000), figures(30, 3, 5_000)),
    health: fc.constantFrom('healthy' as const, 'unhealthy' as const),
    lifecycle: fc.constantFrom('ready' as const, 'ready' as const, 'draining' as const),
    zone: fc.constantFrom('z1', null),
  })

  test('over any facts', () => {
    const groups = fc.array(some, { minLength: 1, maxLength: 4 })
    const policies = fc.array(triggers, { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(policies, groups, (texts, states) => {
        const ready = texts.map((text, i) => readyOf(`p${i}`, text))
        const all = states.map((state, i) => instance(`i${i}`, state))
        const facts = service(all)
        const at = { nowMs: 1, stepSeq: 1 }
        const memory = { streaks: new Map(), onsets: new Map() }
        const matcher = new Matcher(programOf(ready), facts, at)
        for (const one of all) {
          const values = new InstanceValues(one, new ServiceValues(facts))
          const expected = texts.flatMap((text, i) => {
            const isAsked = one.lifecycle === 'ready'
            return isAsked && wholly(text).holds(values) ? [`p${i}`] : []
          })
          const { matches, triggered } = matcher.match(memory, one)
          expect([...triggered]).toEqual(expected)
          expect(matches.map((match) => match.ready.ref.name)).toEqual(expected)
        }
      }),
    )
  })

  test('what they read of the figures', () => {
    const reads = (...texts: string[]): string =>
      programOf(texts.map((text) => readyOf('p', text))).reads
    expect(reads('health == "unhealthy"')).toBe('nothing')
    expect(reads('health == "unhealthy"', 'n_5m > 1')).toBe('own')
    expect(reads('n > 1', 'zone_sick_share > 0.5')).toBe('service')
    expect(reads('service_n_10s > 5')).toBe('service')
  })
})

/** A conditional expression is always the library's, and one clause. */
function wholly(text: string): CompiledClause {
  const compiled = compileTrigger(`(${text}) ? true : false`)
  const [clause] = compiled.ok ? compiled.trigger.clauses : []
  if (clause === undefined) throw new Error(text)
  return clause
}

function readyOf(name: string, trigger: string): ReadyPolicy {
  const world = new World()
  world.state.behaviour = 3
  world.policy({ trigger }, name)
  const [ready] = policiesInForce(world.state.documents)
  if (ready === undefined) {
    const made = compileTrigger(trigger)
    throw new Error(made.ok ? 'not in force' : made.problem.message)
  }
  return ready
}
