// The guards: each alone, the table over n = 1…20, and a monitor of our own over random worlds.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GUARD_DEFAULTS, type GuardLimits } from '../../../src/contracts/limits.ts'
import {
  askGuards,
  GUARDS,
  GUARDS_OF_HARMLESS,
  type GuardInput,
} from '../../../src/core/decision/guards.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { approval, CARE, care, CAUSE, PASSING, VERDICT } from './guard-world.ts'
import { crashed, erring, instance, LOOSE, World } from './world.ts'

/** Inferred, and settled. */
const LATE = { selfEvident: false, onsetMs: 998_000 }
const heard = (asOfMs: number, blind: boolean = false): NonNullable<GuardInput['fleet']> => ({
  pulse: { as_of_ms: asOfMs, reporters_expected: 4, reporters_seen: 2, blind },
  tokens: 1,
})

const failing = (some: Partial<GuardInput>): readonly (readonly [string, number | null])[] =>
  askGuards({ ...PASSING, ...some })
    .filter(({ passed }) => !passed)
    .map(({ guard, until_ms: untilMs }) => [guard, untilMs])

describe('each alone', () => {
  const hold = {
    id: 'op-1',
    kind: 'hold' as const,
    scope: { fleet: true, service: null, instance: null, policy: null },
    actor: 'ann',
    reason: 'release',
    expiresAtMs: 1_100_000,
  }
  const group = PASSING.group
  const six = [0, 1, 2, 3, 4, 5].map((i) => 950_000 + i * 1_000)
  const cases: readonly (readonly [string, Partial<GuardInput>, number | null])[] = [
    ['hold', { hold }, 1_100_000],
    ['mode', { mode: 'observe' }, null],
    ['mode', { mode: 'dry_run' }, null],
    ['mode', { mode: 'canary' }, null],
    ['freeze', care({ frozen: { text: 'sat', untilMs: 1_060_000 } }), 1_060_000],
    ['behind', { behind: true }, null],
    ['blind', { blind: true }, null],
    ['agent', { agent: 'none' }, null],
    ['agent', { agent: 'silent' }, null],
    ['evidence', { easing: true }, null],
    ['settle', { selfEvident: false, onsetMs: 998_501 }, 1_000_001],
    ['warm_up', { wasWell: false }, 1_119_000],
    ['flapping', { transitions: 4 }, null],
    ['zone', care({ zone: { name: 'a', count: { n: 5, sick: 3 }, others: [] } }), null],
    ['zone', care({ zone: { ...CARE.zone, others: ['b'] } }), null],
    ['zone', care({ fleetCause: { ...VERDICT, what: 'common_cause', attribute: 'zone' } }), null],
    ['storm', care({ storm: { sinceMs: 1, seen: true, untilMs: 1_100_000 } }), 1_100_000],
    ['storm', care({ fleetStorm: { ...VERDICT, what: 'storm' } }), null],
    ['common_cause', care({ cause: { ...CAUSE, untilMs: null } }), null],
    ['common_cause', care({ fleetCause: { ...VERDICT, what: 'common_cause' } }), null],
    ['last_routable', { group: { ...group, n: 1, routableOthers: 0 } }, null],
    ['routable_share', { group: { ...group, n: 6, routableOthers: 3 } }, null],
    ['out_share', { group: { ...group, n: 19, routableOthers: 17, outByHand: 1 } }, null],
    [
      'heal_share',
      { group: { n: 9, targetRoutable: false, routableOthers: 2, outByHand: 2 } },
      null,
    ],
    ['cooldown', { coolUntilMs: 1_000_001 }, 1_000_001],
    ['service_interval', { serviceLastMs: 940_001 }, 1_000_001],
    ['rate', { recentMs: six }, 1_010_000],
    ['ineffective', { ineffectiveMs: [1, 2, 3] }, null],
    ['open_command', { openCommand: 'c1' }, null],
    ['pulse', { ...LATE, fleet: { pulse: null, tokens: 1 } }, null],
    ['pulse', { ...LATE, fleet: heard(994_999) }, null],
    ['pulse', { ...LATE, fleet: heard(999_499) }, null],
    ['pulse', { fleet: heard(1_000_000, true) }, null],
    [
      'settle',
      { ...LATE, fleet: heard(1_001_000), ...care({ doubt: { factor: 2, why: ['late'] } }) },
      1_001_000,
    ],
    ['approval', care({ approval }), null],
    ['approval', care({ approval: { ...approval, needed: 0, deniedBy: 'eve' } }), 1_900_000],
    ['budget', { fleet: { ...heard(1_000_000), tokens: 0 } }, null],
    ['budget', { fleet: { pulse: null, tokens: 0 } }, null],
  ]

  test.each(cases)('%s refuses %j', (guard, some, untilMs) => {
    expect(failing(some)).toEqual([[guard, untilMs]])
  })

  const passing: readonly (readonly [string, Partial<GuardInput>])[] = [
    ['self-evident without a pulse', { fleet: { pulse: null, tokens: 1 } }],
    ['a pulse as of the settle time', { ...LATE, fleet: heard(999_500) }],
    ['without a fleet task, by behaviour 1', { ...LATE, fleet: null }],
    ['canary on the first', { mode: 'canary', isFirst: true }],
    ['settled', { selfEvident: false, onsetMs: 998_500 }],
    ['warmed up by time', { wasWell: false, registeredAtMs: 880_000 }],
    ['cool-down just over', { coolUntilMs: 1_000_000 }],
    ['interval just over', { serviceLastMs: 940_000 }],
    ['rate just under', { recentMs: six.slice(1) }],
    ['two without effect', { ineffectiveMs: [1, 2] }],
    ['two approvals', care({ approval: { ...approval, by: ['ann', 'eve'] } })],
    [
      'a zone with fewer than three sick',
      care({ zone: { ...CARE.zone, count: { n: 2, sick: 2 } } }),
    ],
    ['one without a zone', care({ zone: { name: null, count: { n: 0, sick: 0 }, others: [] } })],
    [
      'two of nine in hand',
      { group: { n: 9, targetRoutable: false, routableOthers: 2, outByHand: 1 } },
    ],
    ['two out of twenty', { group: { ...group, n: 20, routableOthers: 18, outByHand: 1 } }],
    [
      'not routable at n = 1',
      { group: { n: 1, targetRoutable: false, routableOthers: 0, outByHand: 0 } },
    ],
  ]

  test('what takes nothing away is asked less', () => {
    const all = { ...PASSING, behind: true, blind: true, openCommand: 'c1', tokens: 0 }
    const asked = askGuards({ ...all, ...care({ frozen: { text: 'sat', untilMs: 1 } }) }, true)
    expect(asked.map(({ guard }) => guard)).toEqual(GUARDS_OF_HARMLESS)
    expect(asked.filter(({ passed }) => !passed).map(({ guard }) => guard)).toEqual([
      'behind',
      'open_command',
    ])
  })

  test('who is missing is named', () => {
    const asked = askGuards({ ...PASSING, ...care({ approval }) })
    const refused = asked.find((one) => !one.passed)
    expect(`${refused?.value}, limit ${refused?.limit}`).toBe(
      'approved by ann; missing: a person other than ann and bob, who proposes it, ' +
        'limit 2 approvals',
    )
  })

  test.each(passing)('%s passes', (_what, some) => {
    expect(failing(some)).toEqual([])
  })

  test('all are asked in the fixed order, and all verdicts are kept', () => {
    const verdicts = askGuards({ ...PASSING, behind: true, openCommand: 'c1' })
    expect(verdicts.map(({ guard }) => guard)).toEqual(GUARDS.map(([name]) => name))
    expect(verdicts.every(({ value, limit }) => value !== '' && limit !== '')).toBe(true)
  })
})

/** How many of `n` erring, routable instances may be out by our hand at once. */
function mostOut(n: number): number {
  const world = new World()
  world.policy()
  const { outShareMax, routableShareMin } = GUARD_DEFAULTS
  world.guards({ ...LOOSE, outShareMax, routableShareMin })
  const names = Array.from({ length: n }, (_, i) => `i${String(i).padStart(2, '0')}`)
  world.step(names.map((name) => instance(name)))
  for (let i = 0; i < 3; i++)
    world.step(
      names.map((name) => erring(name)),
      { afterMs: 1_000 },
    )
  return world.commands.length
}

test('routable instances out at once, n = 1…20', () => {
  const table = Array.from({ length: 20 }, (_, i) => [i + 1, mostOut(i + 1)] as const)
  console.log(`n: ${table.map(([n]) => n).join(' ')}\nout: ${table.map(([, k]) => k).join(' ')}`)
  expect(table).toEqual(
    Array.from({ length: 20 }, (_, i) => [i + 1, i === 0 ? 0 : i + 1 === 20 ? 2 : 1] as const),
  )
})

test('not routable ones may be acted on at any n, and count for rates', () => {
  for (const n of [1, 2, 5, 20]) {
    const world = new World()
    world.policy()
    world.guards({ ...LOOSE, perMinute: 3 })
    const names = Array.from({ length: n }, (_, i) => `i${i}`)
    world.step(names.map((name) => instance(name)))
    world.step(
      names.map((name) => crashed(name)),
      { afterMs: 1_000 },
    )
    expect(world.commands).toHaveLength(Math.min(3, n))
  }
})

// The monitor: looks only at commands, results and the facts that were given, and counts by itself.
interface Out {
  readonly name: string
  readonly routable: boolean
  readonly atMs: number
}

class Monitor {
  private readonly issued: Out[] = []
  private readonly out = new Map<string, Out>()
  private readonly limits: GuardLimits

  constructor(limits: GuardLimits) {
    this.limits = limits
  }

  back(name: string): void {
    this.out.delete(name)
  }

  command(name: string, nowMs: number, facts: readonly InstanceFacts[]): void {
    const { limits } = this
    const target = facts.find((one) => one.instance === name)
    const dead = (one: InstanceFacts): boolean =>
      one.findings.some(({ detector }) => detector === 'process_exit')
    const routable = target !== undefined && !dead(target)
    expect(this.out.has(name), 'one command per target').toBe(false)
    const last = this.issued.at(-1)
    if (last !== undefined) {
      expect(nowMs - last.atMs).toBeGreaterThanOrEqual(limits.serviceIntervalMs)
    }
    const minute = this.issued.filter(({ atMs }) => atMs > nowMs - 60_000)
    expect(minute.length).toBeLessThan(limits.perMinute)
    const before = this.issued.findLast((one) => one.name === name)
    if (before !== undefined) {
      expect(nowMs - before.atMs).toBeGreaterThanOrEqual(limits.cooldownMs)
    }
    if (routable) {
      const left = facts.filter((one) => {
        return one.instance !== name && !dead(one) && !this.out.has(one.instance)
      }).length
      expect(left, 'never the last routable').toBeGreaterThanOrEqual(1)
      if (facts.length >= limits.groupMin) {
        expect(left / facts.length).toBeGreaterThanOrEqual(limits.routableShareMin)
      }
      const most = Math.max(1, Math.floor(limits.outShareMax * facts.length))
      expect(this.out.size + 1).toBeLessThanOrEqual(most)
    }
    const entry = { name, routable, atMs: nowMs }
    this.issued.push(entry)
    this.out.set(name, entry)
  }
}

type Health = 'well' | 'dead' | 'erring'
const make = { well: instance, dead: crashed, erring } as const

test('no random sequence breaks a limit, n = 1…20', () => {
  const limits = { serviceIntervalMs: 2_000, perMinute: 4, cooldownMs: 10_000, outShareMax: 0.25 }
  const moment = fc.record({
    afterMs: fc.constantFrom(0, 500, 2_000, 15_000, 40_000),
    changes: fc.array(
      fc.tuple(fc.nat(19), fc.constantFrom<Health>('well', 'dead', 'erring', 'erring')),
      { maxLength: 6 },
    ),
    answer: fc.constantFrom('none', 'succeeded', 'failed', 'doubtful', 'refused', 'restart'),
  })
  let commands = 0
  const run = (
    n: number,
    moments: readonly (typeof moment extends fc.Arbitrary<infer M> ? M : never)[],
  ): void => {
    const world = new World()
    world.policy()
    world.guards({ ...limits, flapTransitions: 1_000 })
    const monitor = new Monitor({ ...GUARD_DEFAULTS, ...limits })
    const names = Array.from({ length: n }, (_, i) => `i${i}`)
    const health = new Map<string, Health>(names.map((name) => [name, 'well']))
    const lives = new Map<string, number>(names.map((name) => [name, 1]))
    const facts = (): InstanceFacts[] =>
      names.map((name) =>
        make[health.get(name) ?? 'well'](name, { incarnation: lives.get(name) ?? 1 }),
      )
    world.step(facts())
    for (const { afterMs, changes, answer } of moments) {
      for (const [i, to] of changes) health.set(names[i % n] ?? '', to)
      const open = world.commands.at(-1)
      if (open !== undefined && answer === 'restart') {
        world.result('succeeded')
        lives.set(open.target.instance, (lives.get(open.target.instance) ?? 1) + 1)
        health.set(open.target.instance, 'well')
      } else if (open !== undefined && answer !== 'none' && answer !== 'restart') {
        world.result(answer)
      }
      const [before, told] = [world.commands.length, world.events.length]
      const now = facts()
      world.step(now, { afterMs })
      // In the order in which it was said: an instance that came back is not out any more.
      for (const event of world.events.slice(told)) {
        const ended = ['ineffective', 'effective', 'recovered', 'failed'].includes(event.event)
        if (ended && event.instance !== null) monitor.back(event.instance)
      }
      for (const { target } of world.commands.slice(before)) {
        commands += 1
        monitor.command(target.instance, world.nowMs, now)
      }
    }
  }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(moment, { maxLength: 30 }), run),
    { numRuns: Math.min(2_000, Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 300) },
  )
  expect(commands).toBeGreaterThan(100)
})

test('a hold beats everything: no sequence commands while it stands', () => {
  const scopes = [
    { fleet: true, service: null, instance: null, policy: null },
    { fleet: false, service: 'shop', instance: null, policy: null },
    { fleet: false, service: null, instance: null, policy: 'restart-sick' },
  ] as const
  for (const kind of ['hold', 'kill_switch'] as const) {
    for (const scope of scopes) {
      const world = new World()
      world.policy()
      world.guards(LOOSE)
      const hold = world.operator({ kind, scope: scope as never })
      const names = ['a', 'b', 'c']
      world.step(names.map((name) => instance(name)))
      for (let i = 0; i < 20; i++)
        world.step(
          names.map((name) => crashed(name)),
          { afterMs: 30_000 },
        )
      expect(world.commands).toEqual([])
      expect(world.last.summary).toContain(`refused by guard hold: ${kind} ${hold.id} by ann`)
      world.operator({ kind: 'release', refers_to: hold.id })
      world.step(
        names.map((name) => crashed(name)),
        { afterMs: 1_000 },
      )
      expect(world.commands).toHaveLength(3)
    }
  }
})
