// No sequence of faults, answers, holds, approvals and times breaks a guard of behaviour 3, for
// n = 1…20: a monitor counts by the definitions, from the commands, the ends that were told and the
// facts that were given, and knows nothing of how the guards are made (reliability.md I16–I18, I21,
// I22; S0-42).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, erring, instance } from './world.ts'

const LIMITS = {
  serviceIntervalMs: 2_000,
  perMinute: 4,
  cooldownMs: 10_000,
  cooldownMaxMs: 10_000,
  flapTransitions: 1_000,
  ineffectiveMax: 1_000,
  warmUpMs: 0,
  stormCalmMs: 20_000,
}
type Health = 'well' | 'dead' | 'erring'
const make = { well: instance, dead: crashed, erring } as const
const ENDS = ['ineffective', 'effective', 'recovered', 'failed', 'escalated']

const moment = fc.record({
  afterMs: fc.constantFrom(0, 500, 2_000, 15_000, 40_000),
  changes: fc.array(
    fc.tuple(fc.nat(19), fc.constantFrom<Health>('well', 'well', 'well', 'well', 'dead', 'erring')),
    {
      maxLength: 4,
    },
  ),
  answer: fc.constantFrom('none', 'succeeded', 'failed', 'doubtful', 'restart', 'restart', 'twice'),
  word: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'hold', 'release', 'deny'),
  says: fc.constantFrom('ann', 'bob', 'test', 'nobody'),
})
type Moment = typeof moment extends fc.Arbitrary<infer M> ? M : never

class Monitor {
  private readonly out = new Set<string>()
  private readonly issued: { readonly name: string; readonly atMs: number }[] = []
  private readonly approvals: number
  /** Log time until which it is not calm, by the definition of a storm. */
  private stormUntilMs = 0
  held = false
  /** Instances of whose incidents a person has just said no. */
  readonly denied = new Set<string>()

  constructor(approvals: number) {
    this.approvals = approvals
  }

  sees(facts: readonly InstanceFacts[], nowMs: number): void {
    const well = facts.filter(({ health }) => health === 'healthy').length
    const isStorm = facts.length >= 4 && well < 0.51 * facts.length
    if (isStorm) this.stormUntilMs = Number.POSITIVE_INFINITY
    else if (this.stormUntilMs === Number.POSITIVE_INFINITY) {
      this.stormUntilMs = nowMs + LIMITS.stormCalmMs
    }
  }

  ends(name: string): void {
    this.out.delete(name)
  }

  command(
    name: string,
    at: { facts: readonly InstanceFacts[]; nowMs: number; by: Set<string> },
  ): void {
    const { facts, nowMs, by } = at
    const n = facts.length
    const target = facts.find((one) => one.instance === name)
    const isDead = ({ findings }: InstanceFacts): boolean =>
      findings.some(({ detector }) => detector === 'process_exit')
    expect(this.held, 'a hold wins').toBe(false)
    expect(this.denied.has(name), 'a no wins').toBe(false)
    const persons = [...by].filter((who) => who !== 'test')
    expect(persons.length, 'two persons').toBeGreaterThanOrEqual(this.approvals)
    expect(this.out.has(name), 'one command per target').toBe(false)
    expect(nowMs, 'no act in a storm').toBeGreaterThanOrEqual(this.stormUntilMs)
    expect(this.out.size + 1, 'healed at a time').toBeLessThanOrEqual(
      Math.max(1, Math.floor(0.3 * n)),
    )
    const zone = facts.filter((one) => one.zone === target?.zone)
    const sick = zone.filter(({ health }) => health === 'unhealthy').length
    expect(sick >= 3 && sick >= 0.55 * zone.length, 'a sick zone').toBe(false)
    for (const other of this.out) {
      const where = facts.find((one) => one.instance === other)?.zone
      expect(where, 'one zone at a time').toBe(target?.zone)
    }
    const last = this.issued.at(-1)
    if (last !== undefined)
      expect(nowMs - last.atMs).toBeGreaterThanOrEqual(LIMITS.serviceIntervalMs)
    const before = this.issued.findLast((one) => one.name === name)
    if (before !== undefined) expect(nowMs - before.atMs).toBeGreaterThanOrEqual(LIMITS.cooldownMs)
    const minute = this.issued.filter(({ atMs }) => atMs > nowMs - 60_000)
    expect(minute.length).toBeLessThan(LIMITS.perMinute)
    if (target !== undefined && !isDead(target)) {
      const left = facts.filter((one) => {
        return one.instance !== name && !isDead(one) && !this.out.has(one.instance)
      }).length
      expect(left, 'never the last routable').toBeGreaterThanOrEqual(1)
      if (n >= 4) expect(left / n).toBeGreaterThanOrEqual(0.51)
      expect(this.out.size + 1).toBeLessThanOrEqual(Math.max(1, Math.floor(0.1 * n)))
    }
    this.issued.push({ name, atMs: nowMs })
    this.out.add(name)
  }
}

type Answer = 'succeeded' | 'failed' | 'doubtful'
const isAnswer = (answer: string): answer is Answer =>
  answer === 'succeeded' || answer === 'failed' || answer === 'doubtful'

let commands = 0

interface Setting {
  readonly n: number
  readonly zones: number
  readonly approvals: number
  /** From so many on a common cause is looked for. */
  readonly commonMin: number
}

function play({ n, zones, approvals, commonMin }: Setting, moments: readonly Moment[]): void {
  const world = new CarefulWorld()
  world.begin({ ...LIMITS, commonMin, approvals, approvalMs: 60_000 })
  const monitor = new Monitor(approvals)
  const names = Array.from({ length: n }, (_, i) => `i${String(i).padStart(2, '0')}`)
  const health = new Map<string, Health>()
  const lives = new Map<string, number>()
  /** Who has approved the open incident of an instance, since its last command. */
  const by = new Map<string, Set<string>>()
  const facts = (): InstanceFacts[] =>
    names.map((name, i) => {
      const at = { zone: `z${i % zones}`, incarnation: lives.get(name) ?? 1 }
      return make[health.get(name) ?? 'well'](name, at)
    })
  world.step(facts())
  for (const { afterMs, changes, answer, word, says } of moments) {
    for (const [i, to] of changes) health.set(names[i % n] ?? '', to)
    const open = world.commands.at(-1)?.target.instance
    if (open !== undefined && answer === 'restart') {
      world.result('succeeded')
      lives.set(open, (lives.get(open) ?? 1) + 1)
      health.set(open, 'well')
    } else if (open !== undefined && answer === 'twice') {
      world.result('failed')
      world.result('failed')
    } else if (open !== undefined && isAnswer(answer)) world.result(answer)
    if (word === 'hold') world.operator({ id: 'the-hold' as never })
    if (word === 'release') world.operator({ kind: 'release', refers_to: 'the-hold' })
    if (word === 'hold' || word === 'release') monitor.held = word === 'hold'
    monitor.denied.clear()
    for (const incident of world.state.incidents.values()) {
      if (incident.instance === null || says === 'nobody') continue
      const verdict = word === 'deny' ? 'deny' : 'approve'
      world.approves(says, incident.id, { verdict })
      const said = by.get(incident.instance) ?? new Set()
      if (verdict === 'deny') said.delete(says)
      else said.add(says)
      by.set(incident.instance, said)
      if (verdict === 'deny') monitor.denied.add(incident.instance)
    }
    const [before, told] = [world.commands.length, world.events.length]
    const now = facts()
    world.step(now, { afterMs })
    monitor.sees(now, world.nowMs)
    for (const { event, instance: one } of world.events.slice(told)) {
      if (ENDS.includes(event) && one !== null) monitor.ends(one)
    }
    for (const { target } of world.commands.slice(before)) {
      commands += 1
      const said = by.get(target.instance) ?? new Set<string>()
      monitor.command(target.instance, { facts: now, nowMs: world.nowMs, by: said })
      by.delete(target.instance)
    }
    for (const name of names) {
      const isOpen = [...world.state.incidents.values()].some((one) => one.instance === name)
      if (!isOpen) by.delete(name)
    }
  }
}

test('no sequence breaks a guard, n = 1…20', () => {
  fc.assert(
    fc.property(
      fc.record({
        n: fc.integer({ min: 1, max: 20 }),
        zones: fc.integer({ min: 1, max: 3 }),
        approvals: fc.constantFrom(0, 0, 1, 2),
        commonMin: fc.constantFrom(5, 1_000),
      }),
      fc.array(moment, { maxLength: 40 }),
      play,
    ),
    { numRuns: Math.min(2_000, Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 200) },
  )
  expect(commands).toBeGreaterThan(50)
})
