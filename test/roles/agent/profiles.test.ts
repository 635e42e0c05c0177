// Probe profiles from the first try to the removal of traffic (C-01, S3-37, S4-24): the real prober
// of an agent on virtual time, its signals into a whole task, and what the task orders.
import { beforeAll, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { agentId } from '../../../src/contracts/ids.ts'
import { probing } from '../../../src/roles/agent/probing.ts'
import { parseScript } from '../../../src/roles/scenario/script.ts'
import { BEHAVIOUR_LATEST } from '../../../src/core/kernel/behaviour.ts'
import { PROFILES, type ProbeProfile, type ProbeTry } from '../../../src/runtime/agent/probe.ts'
import { START_MS, testSerde } from '../../support/core-driver.ts'
import { delta, heartbeat } from '../../support/records.ts'
import { World } from '../../scenario/world.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { loneInstance } from './lone-instance.ts'

/** From an append to the step that reads it, and how often the agent's records are carried on. */
const READ_MS = 3
const LOOK_MS = 50
/** How long an answer takes. */
const ANSWER_MS = 5
/** What the publisher of an agent puts on, beside an instance of the first incarnation. */
const SENDER = {
  agent: agentId('agent-of-shop-1'),
  epoch: 1,
  lane: 'live',
  incarnation: 1,
} as const
const SCRIPT = `# isolates who is unhealthy
must-act on shop-1
service shop with 4 instances
policy isolate-sick [action isolate]: health == "unhealthy"
end at 1s`

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

interface Played {
  readonly isolatedMs: number | null
  readonly removedMs: number | null
  readonly timeouts: ReadonlySet<number>
}

interface Play {
  readonly profile: ProbeProfile
  readonly forMs: number
  /** Whether the instance hangs then, milliseconds after the agent began. */
  readonly hangs: (atMs: number) => boolean
  /** It has requests to answer, while it does not hang. */
  readonly serves: boolean
  /** From then on the prober reaches nobody, whatever there is. */
  readonly blindMs?: number
}

async function play({ profile, forMs, hangs, serves, blindMs = Infinity }: Play): Promise<Played> {
  const clock = new VirtualClock(START_MS)
  const { instance, signals } = loneInstance(clock)
  instance.release()
  const timeouts = new Set<number>()
  const probe: ProbeTry = async (_, timeoutMs) => {
    timeouts.add(timeoutMs)
    const isHung = hangs(clock.monotonicMs()) || clock.monotonicMs() >= blindMs
    const tookMs = isHung ? timeoutMs : ANSWER_MS
    await clock.sleep(tookMs)
    return { reason: isHung ? 'timeout' : 'ok', latencyUs: 1_000 * tookMs, status: null }
  }
  const world = new World(serde, { behaviour: BEHAVIOUR_LATEST })
  for (const { act } of parseScript(SCRIPT).lines) act(world)
  const stop = new AbortController()
  const options = { instances: [instance], profile, probe, clock, earlyFlush: true }
  const done = probing(options, stop.signal)
  for (let sent = 0, beatMs = 1_000; clock.monotonicMs() < forMs; ) {
    await clock.advance(LOOK_MS)
    world.runUntil(clock.monotonicMs())
    const own = world.instances.get('shop-1')
    // Who speaks of it from here on is the agent under test.
    if (own !== undefined) own.speaks = false
    const records = signals.slice(sent).map((signal) => ({ ...signal, ...SENDER }))
    sent = signals.length
    if (clock.monotonicMs() >= beatMs) {
      beatMs += 1_000
      const who = { ...SENDER, instance: 'shop-1', atMs: clock.nowMs() }
      records.push({ ...heartbeat({ ...who, level: 2, state: instance.verdict }), ...SENDER })
      const answers = serves && !hangs(clock.monotonicMs())
      // As the agent does: that nothing is counted is told while no probe gets an answer.
      if (answers || instance.verdict === 'down')
        world.driver.telemetry(delta({ ...who, ok: answers ? 10 : 0 }))
    }
    for (const record of records) world.driver.signal(record)
    if (records.length > 0) world.in(0, () => undefined)
  }
  stop.abort()
  await clock.advance(profile.timeoutMs + profile.periodMs)
  await done
  const healths = world.driver.bodies('health').filter((view) => view.instance === 'shop-1')
  const acted = world.driver.bodies('incidents').filter(({ event }) => event === 'acted')
  expect(new Set(acted.flatMap(({ action }) => action ?? []))).toEqual(
    new Set(acted.length === 0 ? [] : ['isolate']),
  )
  // Traffic is taken away where clients and load balancers read: on hs.health.
  const begun = healths.findIndex(({ routable }) => routable)
  const removed = healths.slice(begun).find(({ routable }) => !routable)
  return {
    isolatedMs: acted[0] === undefined ? null : acted[0].at_ms - START_MS,
    removedMs: removed === undefined ? null : removed.at_ms - START_MS,
    timeouts,
  }
}

/** A hang at any moment of a period, not within an answer. */
const phases = (periodMs: number): readonly number[] =>
  [0.01, 0.37, 0.71, 0.99].map((share) => share * periodMs)

test.each([
  // Two failures 3 s apart, the second of which waits 2 s; three 10 s apart, the last waits 1 s.
  ['S3-37, P-15', PROFILES.isolate, false, { firstMs: 5_000, lastMs: 8_000 }],
  ['S4-24', PROFILES.conservative, false, { firstMs: 20_000, lastMs: 31_000 }],
  ['S4-24, serving', PROFILES.conservative, true, { firstMs: 20_000, lastMs: 31_000 }],
  ['S3-37, P-15, serving', PROFILES.isolate, true, { firstMs: 5_000, lastMs: 8_000 }],
] as const)('%s: a hang is isolated in its time, at every phase', async (...row) => {
  const [, profile, serves, window] = row
  const { initialDelayMs, periodMs, timeoutMs } = profile
  for (const phaseMs of phases(periodMs)) {
    const hungMs = initialDelayMs + 2 * periodMs + phaseMs
    const forMs = hungMs + window.lastMs + 2_000
    const found = await play({ profile, forMs, serves, hangs: (atMs) => atMs >= hungMs })
    const afterMs = (found.isolatedMs ?? 0) - hungMs
    expect(afterMs, `phase ${phaseMs}`).toBeGreaterThanOrEqual(window.firstMs)
    expect(afterMs, `phase ${phaseMs}`).toBeLessThanOrEqual(window.lastMs + LOOK_MS + READ_MS)
    expect(found.removedMs).toBe(found.isolatedMs)
    // C-03: no try without the time-out of the profile.
    expect([...found.timeouts]).toEqual([timeoutMs])
  }
})

test('S1-25: while it goes on answering, a prober that fails takes nothing away', async () => {
  const [profile, serves] = [PROFILES.isolate, true]
  const found = await play({ profile, forMs: 60_000, serves, hangs: () => false, blindMs: 20_000 })
  expect(found.isolatedMs).toBeNull()
})

test.each([
  ['S3-37: a single failure', PROFILES.isolate, 1],
  ['S4-24: two failures', PROFILES.conservative, 2],
] as const)('%s is none', async (_, profile, failures) => {
  const { initialDelayMs, periodMs } = profile
  const fromMs = initialDelayMs + 2 * periodMs - 10
  const hangs = (atMs: number): boolean => atMs >= fromMs && atMs < fromMs + failures * periodMs
  for (const serves of [false, true]) {
    const found = await play({ profile, forMs: fromMs + 6 * periodMs, serves, hangs })
    expect(found.isolatedMs).toBeNull()
    expect(found.removedMs).toBeNull()
  }
})

test.each([
  ['S3-37', PROFILES.isolate],
  ['S4-24', PROFILES.conservative],
] as const)('%s: failures within the initial delay are ignored', async (_, profile) => {
  const { initialDelayMs, periodMs } = profile
  const hangs = (atMs: number): boolean => atMs < initialDelayMs
  const forMs = initialDelayMs + 3 * periodMs
  const found = await play({ profile, forMs, serves: false, hangs })
  expect(found.isolatedMs).toBeNull()
})

test('C-01: the profiles are those of the table, each with a time-out (C-03)', () => {
  const table = Object.values(PROFILES).map((profile) => {
    const { name, periodMs, failures, timeoutMs, initialDelayMs } = profile
    return `${name} ${periodMs} ${failures} ${timeoutMs} ${initialDelayMs}`
  })
  expect(table).toEqual([
    'fast 100 3 200 0',
    'isolate 3000 2 2000 5000',
    'default 10000 3 3000 0',
    'conservative 10000 3 1000 30000',
  ])
  for (const { periodMs, timeoutMs, name } of Object.values(PROFILES)) {
    if (name !== 'fast') expect(timeoutMs).toBeLessThanOrEqual(periodMs)
    expect(timeoutMs).toBeGreaterThan(0)
  }
})
