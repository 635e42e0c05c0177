// A stream of inputs for a task: records of every kind, plausible and not, as agents and people
// may send them in any order, with chance from a seed. A few instances only, so that what is sent
// meets what was sent before.
import { taskId } from '../../src/contracts/ids.ts'
import type { FleetRecord } from '../../src/contracts/records.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import type { CoreDriver } from './core-driver.ts'
import { Lcg } from './lcg.ts'
import {
  connection,
  delta,
  heartbeat,
  operator,
  policy,
  probe,
  processEvent,
  result,
  serviceEvent,
  type Who,
} from './records.ts'

const API = 'healstream.io/v1'
const EVERYWHERE = { services: ['*'] }
const TRIGGERS = [
  'health == "unhealthy"',
  'error_rate > 0.2 && n > 5.0',
  'probe == "down"',
  'detectors.exists(d, d == "process_exit")',
]
const OUTCOMES = ['succeeded', 'failed', 'refused', 'unknown', 'started', 'timed_out'] as const
/** Milliseconds between steps; the long ones let leases, minutes and memories end. */
const WAITS = [20, 50, 120, 300, 700, 1_000, 1_300, 2_500, 6_000, 20_000, 65_000, 700_000]

interface One extends Required<Pick<Who, 'service' | 'instance'>> {
  incarnation: number
  version: number
  epoch: number
}

type Act = (one: One) => void

export class Stream {
  private readonly driver: CoreDriver
  private readonly random: Lcg
  private readonly all: One[] = []
  private readonly acts: readonly Act[]
  private version = 0
  private holds = 0

  constructor(driver: CoreDriver, seed: number) {
    this.driver = driver
    this.random = new Lcg(seed)
    for (const service of ['shop', 'stock']) {
      for (const n of [1, 2, 3]) {
        this.all.push({
          service,
          instance: `${service}-${n}`,
          incarnation: 1,
          version: 1,
          epoch: 1,
        })
      }
    }
    const { telemetry, signals, people } = this.kinds()
    // Counts and beats come most often.
    this.acts = [...telemetry, ...telemetry, ...telemetry, ...signals, ...signals, ...people]
  }

  /** Lets some time pass and appends a few records; the caller steps. */
  next(): void {
    const { random, driver } = this
    const most = random.below(12) === 0 ? WAITS.length : 7
    driver.wait(WAITS[random.below(most)] ?? 0)
    if (driver.steps === 0) {
      for (const one of this.all) driver.serviceEvent(this.event(one, 'register'))
      this.document('HealPolicy', 'restart', 0)
      this.limits()
    }
    for (let n = random.below(7); n > 0; n--) this.pick(this.acts)(this.pick(this.all))
  }

  private kinds(): Record<'telemetry' | 'signals' | 'people', readonly Act[]> {
    const { driver, random } = this
    const telemetry: Act[] = [
      (one) => driver.telemetry(delta({ ...this.at(one), ok: random.below(9), failed: 0 })),
      (one) => driver.telemetry(delta({ ...this.at(one), ok: random.below(3), failed: 4 })),
      (one) => driver.telemetry(delta({ ...this.at(one), ok: 5, latencyUs: 3_000_000 })),
      (one) => driver.telemetry(delta({ ...this.late(one), ok: random.below(2), failed: 4 })),
      (one) => driver.telemetry(delta({ ...this.at(one), ok: 1, caller: this.pick(this.all) })),
      (one) => driver.twice(() => driver.telemetry(delta({ ...this.at(one), ok: 3 }))),
    ]
    const signals: Act[] = [
      (one) =>
        driver.signal(heartbeat({ ...this.at(one), level: 1 + random.below(3), periodMs: 2_500 })),
      (one) => driver.signal(heartbeat({ ...this.at(one), state: this.pick(['up', 'down']) })),
      (one) => driver.signal(probe({ ...this.at(one), verdict: 'up' })),
      (one) => driver.signal(probe({ ...this.at(one), verdict: 'down' })),
      (one) => driver.signal(probe({ ...this.late(one), verdict: 'down', local: false })),
      (one) => driver.signal(connection({ ...this.at(one), event: 'opened' })),
      (one) => driver.signal(connection({ ...this.at(one), event: 'refused' })),
      (one) => driver.signal(processEvent({ ...this.late(one), event: 'exited', by: 'SIGKILL' })),
      (one) => this.restart(one),
      (one) => driver.serviceEvent(this.event(one, this.pick(['register', 'renew', 'renew']))),
      (one) => this.answer(one),
      (one) => this.answer(one),
    ]
    const people: Act[] = [
      (one) => driver.serviceEvent(this.event(one, this.pick(['drain', 'deregister']))),
      (one) =>
        driver.serviceEvent(this.event(one, this.pick(['healthy', 'unstable', 'unhealthy']))),
      (one) => driver.serviceEvent(serviceEvent({ ...this.at(one), bare: true })),
      () => this.document('HealPolicy', this.pick(['restart', 'other']), random.below(10)),
      () => this.limits(),
      (one) => this.hold(one),
      () => this.release(),
      () => this.garbage(),
      () => this.fleet(),
      () => this.fleet(),
    ]
    return { telemetry, signals, people }
  }

  private at(one: One): One & { atMs: number; epoch: number } {
    const { nowMs } = this.driver
    // Now and then somebody speaks of a life that is over.
    const incarnation = one.incarnation - (this.random.below(25) === 0 ? 1 : 0)
    return { ...one, incarnation, atMs: nowMs - this.random.below(900) }
  }

  private late(one: One): One & { atMs: number; lane: 'live' | 'backlog' } {
    const atMs = this.driver.nowMs - this.random.below(90_000)
    return { ...one, atMs, lane: this.pick(['live', 'backlog']) }
  }

  private restart(one: One): void {
    one.incarnation += this.random.below(2)
    one.version = 1
    if (this.random.below(6) === 0) one.epoch += 1
    this.driver.signal(processEvent({ ...this.at(one), event: 'started' }))
  }

  private event(one: One, action: string): ReturnType<typeof serviceEvent> {
    one.version += 1
    const made = serviceEvent({
      ...this.at(one),
      action: action as 'register',
      zone: 'z1',
      ...(this.random.below(3) === 0 ? { leaseTtlMs: 4_000 } : {}),
    })
    return {
      ...made,
      metadata: { b: '1', a: '2' },
      vector: { x: one.version },
      path: ['cluster-a'],
    }
  }

  /** About the last command or an older one, sometimes from the wrong life of its agent. */
  private answer({ instance }: One): void {
    const { random, driver } = this
    const commands = driver.bodies('commands').slice(-3)
    const command = commands[random.below(commands.length + 1)]
    if (command === undefined) return
    const { target, command_id: commandId } = command
    const mine = this.all.find((one) => one.instance === target.instance)
    const epoch = target.agent_epoch + (random.below(8) === 0 ? 1 : 0)
    const who = { service: target.service, instance: target.instance, agent: target.agent, epoch }
    driver.result(result({ ...who, commandId, outcome: this.pick(OUTCOMES), detail: instance }))
    if (mine === undefined || random.below(2) === 0) return
    mine.incarnation = target.incarnation + 1
    driver.signal(probe({ ...this.at(mine), verdict: 'up' }))
  }

  private document(kind: 'HealPolicy', name: string, chance: number): void {
    const version = ++this.version
    if (chance === 1) this.driver.policy(policy({ kind, name, version, deleted: true }))
    else if (chance === 2) this.driver.policy(policy({ kind, name, version, document: { x: 1 } }))
    else {
      const spec = {
        match: EVERYWHERE,
        mode: chance === 3 ? 'observe' : 'enforce',
        trigger: this.pick(TRIGGERS),
        action: 'restart_instance',
        for: this.pick(['0s', '1s', '3s']),
        cooldown: this.pick(['2s', '20s']),
      }
      const document = { apiVersion: API, kind, metadata: { name }, spec }
      this.driver.policy(policy({ kind, name, version, document }))
    }
  }

  private limits(): void {
    const { random } = this
    const sets = [
      ['DetectorSet', 'detectors', { samplesMin: 5 + random.below(10), dwellMs: 1_000 }],
      ['GuardSet', 'guards', { serviceIntervalMs: 2_000, warmUpMs: 1_000, outShareMax: 0.5 }],
    ] as const
    for (const [kind, name, limits] of sets) {
      const spec = { match: EVERYWHERE, ...limits }
      const document = { apiVersion: API, kind, metadata: { name }, spec }
      this.driver.policy(policy({ kind, name, version: ++this.version, document }))
    }
  }

  private hold({ service, instance }: One): void {
    const named = operator({ id: `hold-${++this.holds}`, kind: this.pick(['hold', 'kill_switch']) })
    const isOne = this.random.below(2) === 0
    const scope = { ...named.scope, fleet: false, ...scopeOf(service, isOne ? instance : null) }
    const expires = this.random.below(2) === 0 ? null : this.driver.nowMs + 5_000
    this.driver.operator({ ...named, scope, expires_at_ms: expires })
  }

  private release(): void {
    const id = `release-${this.holds}-${this.driver.steps}`
    const refersTo = `hold-${this.holds - this.random.below(2)}`
    this.driver.operator(operator({ id, kind: 'release', refers_to: refersTo }))
  }

  /** A pulse as the fleet task would give it, or tokens, seldom asked back. */
  private fleet(): void {
    const { driver, random } = this
    const { nowMs } = driver
    const seq = ++this.version
    const blind = random.below(10) === 0
    const reporters = { reporters_expected: 6, reporters_seen: blind ? 1 : 6 }
    const lease = `lease-${random.below(8) === 0 ? seq - 3 : seq}`
    const grant = { lease_id: lease, budget: 'fleet', tokens: 2, deadline_ms: nowMs + 8_000 }
    const isGrant = random.below(2) === 0
    const kind = isGrant ? this.pick(['grant', 'grant', 'take_back'] as const) : 'pulse'
    const record: FleetRecord = {
      task: taskId('s0'),
      seq,
      gen: 1,
      at_ms: nowMs,
      kind,
      pulse: isGrant ? null : { as_of_ms: nowMs - random.below(900), blind, ...reporters },
      grant: isGrant ? grant : null,
      verdict: null,
    }
    driver.append('fleet', record, 'task:s0')
  }

  /** Bytes that are nothing, and a count under the wrong key; sometimes more than are kept. */
  private garbage(): void {
    const bytes = new Uint8Array([1, 2, 3])
    const many = this.random.below(4) === 0 ? 14 : 1
    const key = encodeUtf8(this.pick(['shop', 'stock', 'x']))
    for (let i = 0; i < many; i++) this.driver.appendBytes('telemetry', key, bytes)
  }

  private pick<T>(from: readonly T[]): T {
    const picked = from[this.random.below(from.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }
}

function scopeOf(service: string, instance: string | null): object {
  return { service, instance }
}
