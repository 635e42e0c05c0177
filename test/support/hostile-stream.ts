// Steps as a bad day makes them, drawn from a seed: a few services whose instances serve, err, slow
// down, fall silent, crash and come back, with records that are late, repeated, out of order,
// misplaced, cut off or from a wrong clock; policies, limits and holds that come and go; readers
// that fall behind and catch up; pauses of ten minutes. Commands that come out are answered, or
// not.
import type { Serde } from '../../src/adapters/serde/serde.ts'
import type { RecordOf } from '../../src/contracts/records.ts'
import { INPUT_TOPICS, type TopicKind } from '../../src/contracts/topics.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import type { Outcome, Slice, Step } from '../../src/core/kernel/step.ts'
import { sliceOf, START_MS } from './core-driver.ts'
import { Lcg } from './lcg.ts'
import * as records from './records.ts'

interface Held {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

interface Pod {
  readonly service: string
  readonly instance: string
  agent: string
  incarnation: number
  epoch: number
  version: number
  mood: 'well' | 'erring' | 'slow' | 'dead' | 'silent'
}

const SERVICES = ['shop', 'stock', 'a/b%']
const TRIGGERS = [
  'health == "unhealthy"',
  'success_rate < 0.9 && n >= 20',
  'p99_ms > 900.0 || self_evident',
  'service_success_rate < 0.95 && health != "healthy"',
  'service_healthy < 2.0',
  'transitions >= 2.0',
  '"silence" in detectors',
  'n > 0.0',
  'errors > 3 && lifecycle == "ready" && zone != "z"',
]

export class HostileStream {
  readonly random: Lcg
  private readonly serde: Serde
  private readonly pods: Pod[]
  private readonly waiting = new Map<TopicKind, Held[]>()
  private readonly offsets = new Map<TopicKind, number>()
  private readonly seqs = new Map<string, number>()
  private readonly orders: RecordOf['commands'][] = []
  private nowMs = START_MS
  private seq = 0
  private documents = 0

  constructor(serde: Serde, seed: number) {
    this.serde = serde
    this.random = new Lcg(seed)
    this.pods = SERVICES.flatMap((service) =>
      Array.from({ length: 2 + this.random.below(4) }, (_, i): Pod => {
        const instance = `${service}-${i}`
        const agent = this.chance(4) ? `host-${service}` : `agent-of-${instance}`
        return { service, instance, agent, incarnation: 1, epoch: 1, version: 1, mood: 'well' }
      }),
    )
  }

  /** The next step, after the outcome of the last one. */
  next(last: Outcome | null): Step {
    for (const output of last?.outputs ?? []) {
      if (output.topic === 'commands' && output.body !== null) {
        this.orders.push(output.body)
      }
    }
    this.pass(last?.wakeAtMs ?? null)
    if (!this.chance(5)) for (let i = this.random.below(12); i > 0; i--) this.happen()
    this.seq += 1
    const behind = this.chance(25)
    const lagMs = this.chance(15) ? this.random.below(8_000) : 0
    const asOf = this.chance(40)
      ? {}
      : Object.fromEntries(INPUT_TOPICS.map((topic) => [topic, this.nowMs - lagMs]))
    return { seq: this.seq, nowMs: this.nowMs, behind, asOf, slices: this.slices() }
  }

  private chance(ofSo: number): boolean {
    return this.random.below(ofSo) === 0
  }

  private one<T>(all: readonly T[]): T {
    const found = all[this.random.below(all.length)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

  /** To where the core wants to be woken, or anywhere. */
  private pass(wakeAtMs: number | null): void {
    if (wakeAtMs !== null && this.chance(3)) this.nowMs = Math.max(this.nowMs, wakeAtMs)
    else if (this.chance(150)) this.nowMs += 300_000 + this.random.below(500_000)
    else if (this.chance(30)) this.nowMs += this.random.below(20_000)
    else this.nowMs += this.random.below(1_500)
  }

  private happen(): void {
    const pod = this.one(this.pods)
    const dice = this.random.below(100)
    if (dice < 62) this.serve(pod)
    else if (dice < 72) this.beat(pod)
    else if (dice < 78) this.turn(pod)
    else if (dice < 83) this.tell(pod)
    else if (dice < 86) this.document()
    else if (dice < 88) this.hold()
    else if (dice < 94) this.answer()
    else if (dice < 97) this.repeat()
    else this.garbage(pod)
  }

  private serve(pod: Pod): void {
    const { random } = this
    if (pod.mood === 'silent' || (pod.mood === 'dead' && !this.chance(6))) return
    const isLate = this.chance(20)
    const caller = { service: this.one(SERVICES), instance: 'caller-1' }
    this.sendDelta({
      ...this.who(pod),
      atMs: this.nowMs - random.below(isLate ? 90_000 : 1_500) - (this.chance(60) ? 900_000 : 0),
      ok: pod.mood === 'dead' ? 0 : 1 + random.below(20),
      failed: pod.mood === 'erring' ? random.below(20) : pod.mood === 'dead' ? 4 : 0,
      latencyUs: pod.mood === 'slow' ? 1_500_000 : 1 + random.below(90_000),
      ...(this.chance(12) ? { caller } : {}),
    })
  }

  private beat(pod: Pod): void {
    if (pod.mood === 'silent') return
    const at = { ...this.who(pod), atMs: this.nowMs - this.random.below(800) }
    const isDead = pod.mood === 'dead'
    const local = !this.chance(5)
    const kind = this.random.below(4)
    const state = isDead ? 'down' : 'up'
    if (kind === 0) {
      const periodMs = this.chance(3) ? 4_000 : 1_000
      this.signal(records.heartbeat({ ...at, periodMs, ...(this.chance(3) ? { state } : {}) }))
    } else if (kind === 1) {
      this.signal(records.probe({ ...at, verdict: state, local }))
    } else if (kind === 2) {
      const event = isDead ? 'refused' : 'opened'
      this.signal(records.connection({ ...at, event, local }))
    } else {
      const event = isDead ? 'exited' : 'started'
      this.signal(records.processEvent({ ...at, event, by: 'SIGKILL' }))
    }
  }

  private turn(pod: Pod): void {
    pod.mood = this.one(['well', 'well', 'well', 'erring', 'slow', 'dead', 'silent'] as const)
    if (!this.chance(3)) return
    pod.incarnation += 1
    pod.version = 1
    if (this.chance(3)) pod.epoch += 1
    if (this.chance(4)) pod.agent = `agent-of-${pod.instance}-${pod.incarnation}`
  }

  private tell(pod: Pod): void {
    const action = this.one([
      'register',
      'register',
      'renew',
      'drain',
      'deregister',
      'healthy',
      'unhealthy',
    ] as const)
    pod.version += this.chance(6) ? 0 : 1
    const event = records.serviceEvent({
      ...this.who(pod),
      atMs: this.nowMs - this.random.below(500),
      action,
      version: this.chance(10) ? 1 : pod.version,
      ...(this.chance(2) ? { leaseTtlMs: 1_000 + this.random.below(9_000) } : {}),
      ...(this.chance(8) ? { lifecycle: 'standby' as const } : {}),
      ...(this.chance(3) ? { zone: this.one(['y', 'z']) } : {}),
      bare: this.chance(8),
    })
    const seq = event.agent === null ? 0 : this.nextSeq('service-events', pod)
    this.append('service-events', { ...event, seq }, pod.service)
  }

  private document(): void {
    this.documents += 1
    const name = this.one(['one', 'two', 'three'])
    const kind = this.one(['HealPolicy', 'HealPolicy', 'DetectorSet', 'GuardSet'] as const)
    const services = this.chance(2) ? ['*'] : [this.one(SERVICES)]
    const spec =
      kind === 'HealPolicy'
        ? {
            mode: this.chance(4) ? 'observe' : 'enforce',
            trigger: this.one(TRIGGERS),
            action: 'restart_instance',
            cooldown: '5s',
            ...(this.chance(2) ? { for: `${1 + this.random.below(5)}s` } : {}),
          }
        : kind === 'DetectorSet'
          ? { samplesMin: 5, dwellMs: 1_000 + this.random.below(4_000) }
          : { serviceIntervalMs: 2_000, perMinute: 600, ineffectiveMax: 20, warmUpMs: 0 }
    const metadata = { name }
    const document = {
      apiVersion: this.chance(12) ? 'v0' : 'healstream.io/v1',
      kind,
      metadata,
      spec: { match: { services }, ...spec },
    }
    const deleted = this.chance(6)
    const version = this.documents
    this.append('policies', records.policy({ name, kind, version, document, deleted }), name)
  }

  private hold(): void {
    const id = `op-${this.random.below(4)}`
    const scope = {
      fleet: this.chance(2),
      service: this.chance(2) ? records.delta({ atMs: 0, service: 'shop' }).service : null,
      instance: null,
      policy: null,
    }
    const expires = this.nowMs + this.random.below(20_000)
    const record = this.chance(2)
      ? records.operator({ kind: 'hold', id, scope, expires_at_ms: expires })
      : records.operator({ kind: 'release', id: `${id}-end`, scope, refers_to: id })
    this.append('operator', record, id)
  }

  private answer(): void {
    const order = this.orders.splice(this.random.below(this.orders.length + 1), 1)[0]
    if (order === undefined) return
    const { service, instance, agent, agent_epoch: epoch } = order.target
    const pod = this.pods.find((each) => each.instance === instance)
    const outcome = this.one(['succeeded', 'succeeded', 'failed', 'timed_out', 'refused'] as const)
    if (pod !== undefined && outcome === 'succeeded' && !this.chance(4)) {
      pod.incarnation += 1
      pod.mood = this.chance(4) ? 'dead' : 'well'
    }
    const who = { service, instance, agent, epoch }
    const seq = this.nextSeq('results', who)
    const record = records.result({ ...who, seq, commandId: order.command_id, outcome })
    this.append('results', record, service)
  }

  /** Something that waits to be stepped comes a second time. */
  private repeat(): void {
    const topic = this.one([...this.waiting.keys(), 'telemetry' as const])
    const again = this.waiting.get(topic)?.at(-1)
    if (again !== undefined) this.appendBytes(topic, again.key, again.value)
  }

  private garbage(pod: Pod): void {
    const value = this.serde.encode(
      'telemetry',
      records.delta({ ...this.who(pod), atMs: this.nowMs, ok: 3, seq: 1 + this.random.below(9) }),
    )
    const kind = this.random.below(5)
    const key = encodeUtf8(kind === 0 ? 'another' : pod.service)
    if (kind === 1) value[5 + this.random.below(value.length - 5)] = this.random.below(256)
    const cut = kind === 2 ? value.slice(0, this.random.below(value.length)) : value
    this.appendBytes('telemetry', kind === 3 ? null : key, kind === 4 ? null : cut)
  }

  private who(pod: Pod): records.Who & { agent: string; epoch: number; lane: 'live' | 'backlog' } {
    const { service, instance, agent, epoch } = pod
    const isStale = this.chance(20)
    const incarnation = Math.max(1, pod.incarnation - (isStale ? 1 : 0))
    const lane = this.chance(12) ? 'backlog' : 'live'
    const byOther = this.chance(25)
    return { service, instance, agent: byOther ? 'other' : agent, epoch, incarnation, lane }
  }

  private sendDelta(
    words: records.DeltaWords & { agent: string; epoch: number; lane: string },
  ): void {
    const seq = this.nextSeq('telemetry', words)
    this.append('telemetry', records.delta({ ...words, seq }), words.service ?? '')
  }

  private signal(record: RecordOf['signals']): void {
    const seq = this.nextSeq('signals', record)
    this.append('signals', { ...record, seq }, record.service)
  }

  private nextSeq(topic: TopicKind, by: { agent: string; epoch: number; lane?: string }): number {
    const key = [topic, by.agent, by.epoch, by.lane ?? 'live'].join('\n')
    const seq = (this.seqs.get(key) ?? 0) + 1 + (this.chance(30) ? this.random.below(5) : 0)
    this.seqs.set(key, seq)
    return seq
  }

  private append<K extends keyof RecordOf & TopicKind>(
    topic: K,
    record: RecordOf[K],
    key: string,
  ): void {
    this.appendBytes(topic, encodeUtf8(key), this.serde.encode(topic, record))
  }

  private appendBytes(topic: TopicKind, key: Uint8Array | null, value: Uint8Array | null): void {
    const offset = this.offsets.get(topic) ?? 0
    this.offsets.set(topic, offset + 1)
    const held = this.waiting.get(topic) ?? []
    held.push({ offset, timestampMs: this.nowMs, key, value: value?.slice() ?? null })
    this.waiting.set(topic, held)
  }

  private slices(): readonly Slice[] {
    const slices: Slice[] = []
    for (const topic of INPUT_TOPICS) {
      const held = this.waiting.get(topic)
      if (held !== undefined) slices.push(sliceOf(topic, 0, held))
    }
    this.waiting.clear()
    return slices
  }
}
