// What the whole judgement makes of the jitter trace (S0-28): real tasks get what arrives of it,
// the counts with each heartbeat, and the verdicts of a prober that calls three failures in a row
// down, as words of the agent beside the instance: the way in which they are believed most.
import type { Serde } from '../../../adapters/serde/serde.ts'
import type { Health } from '../../../contracts/records.ts'
import type { TopicKind } from '../../../contracts/topics.ts'
import type { Output } from '../../../core/kernel/step.ts'
import { heartbeat, probe, registration, telemetry } from '../../simulate/records.ts'
import type { Speaker } from '../../simulate/records.ts'
import { Calendar } from '../campaign/calendar.ts'
import { Cluster } from '../campaign/cluster.ts'
import { SAID, START_MS } from '../campaign/world.ts'
import type { JitterTrace, Message } from '../traces/jitter.ts'
import type { Windows } from './heartbeat.ts'

const PARTITIONS = 4
const PER_SERVICE = 4
/** A probe without an answer for so long has failed. */
const PROBE_TIMEOUT_MS = 1_000
const PROBE_FAILURES = 3
const REQUESTS = 20
const LATENCY_US = 20_000

export interface Judged {
  /** Windows in which an instance was called unhealthy. */
  readonly unhealthy: Windows
  /** … or unstable: suspected, and left alone. */
  readonly unstable: Windows
  /** Commands in all of the trace, each of them for nothing. */
  readonly commands: number
}

export function judged(trace: JitterTrace, serde: Serde): Judged {
  const calendar = new Calendar(START_MS)
  const watch = new Watch(trace)
  const listener = {
    command: (): void => {
      watch.commands += 1
    },
    output: (output: Output): void => watch.see(output, calendar.nowMs - START_MS),
  }
  const cluster = new Cluster(calendar, serde, { partitions: PARTITIONS, listener })
  for (const record of SAID) cluster.apply(record)
  const place = { calendar, cluster, periodMs: trace.heartbeatMs }
  const hosts = Array.from({ length: trace.instances }, (_, i) => new Host(i, place))
  for (const host of hosts) host.begin()
  for (const message of trace.messages) hosts[message.instance]?.play(message)
  while (calendar.nowMs < START_MS + trace.durationMs) {
    calendar.advance()
    cluster.step()
  }
  return watch.end()
}

interface Place {
  readonly calendar: Calendar
  readonly cluster: Cluster
  readonly periodMs: number
}

/** One instance, its agent and its prober. */
class Host {
  readonly #index: number
  readonly #calendar: Calendar
  readonly #cluster: Cluster
  readonly #periodMs: number
  #seq = 0
  #failures = 0

  constructor(index: number, { calendar, cluster, periodMs }: Place) {
    this.#index = index
    this.#calendar = calendar
    this.#cluster = cluster
    this.#periodMs = periodMs
  }

  begin(): void {
    const who = this.#who(0)
    this.#send('service-events', this.#cluster.encode('service-events', registration(who, 1)))
    this.#tellProbe('up', 0)
  }

  play({ kind, sentMs, arrivedMs }: Message): void {
    if (kind === 'probe') {
      const answeredMs = arrivedMs ?? Number.POSITIVE_INFINITY
      const isGood = answeredMs - sentMs <= PROBE_TIMEOUT_MS
      const knownMs = isGood ? answeredMs : sentMs + PROBE_TIMEOUT_MS
      this.#calendar.at(START_MS + knownMs, () => this.#probed(isGood, knownMs))
      return
    }
    // Numbers are given when it is sent, and overtake each other on the way.
    const counts = { ok: REQUESTS, failed: 0, latencyUs: LATENCY_US }
    const delta = telemetry(this.#who(sentMs), counts, this.#periodMs)
    const beat = heartbeat(this.#who(sentMs), 'up', this.#periodMs)
    if (arrivedMs === null) return
    this.#calendar.at(START_MS + arrivedMs, () => {
      this.#send('telemetry', this.#cluster.encode('telemetry', delta))
      this.#send('signals', this.#cluster.encode('signals', beat))
    })
  }

  /** Down after three failures in a row, up again after one good answer, as the prober tells it. */
  #probed(isGood: boolean, knownMs: number): void {
    if (isGood && this.#failures >= PROBE_FAILURES) this.#tellProbe('up', knownMs)
    this.#failures = isGood ? 0 : this.#failures + 1
    if (this.#failures === PROBE_FAILURES) this.#tellProbe('down', knownMs)
  }

  #tellProbe(verdict: 'up' | 'down', atMs: number): void {
    const words = probe(this.#who(atMs), verdict, { why: 'timeout' })
    this.#send('signals', this.#cluster.encode('signals', words))
  }

  #who(atMs: number): Speaker {
    this.#seq += 1
    const service = serviceOf(this.#index)
    return {
      cluster: 'cluster-a',
      service,
      instance: `instance-${this.#index}`,
      agent: `agent-${this.#index}`,
      incarnation: 1,
      atMs: START_MS + atMs,
      seq: this.#seq,
    }
  }

  #send(topic: TopicKind, value: Uint8Array): void {
    this.#cluster.append(topic, serviceOf(this.#index), value)
  }
}

const serviceOf = (index: number): string => `service-${Math.floor(index / PER_SERVICE)}`

/** Which windows of which instance had it called what. */
class Watch {
  commands = 0
  readonly #trace: JitterTrace
  readonly #now = new Map<string, { health: Health; sinceMs: number }>()
  readonly #called = { unhealthy: new Set<string>(), unstable: new Set<string>() }

  constructor(trace: JitterTrace) {
    this.#trace = trace
  }

  see({ topic, body }: Output, atMs: number): void {
    if (topic !== 'health' || body === null || body.instance === null) return
    const held = this.#now.get(body.instance)
    if (held?.health === body.health) return
    this.#mark(body.instance, atMs)
    this.#now.set(body.instance, { health: body.health, sinceMs: atMs })
  }

  end(): Judged {
    const { durationMs, windowMs, instances } = this.#trace
    for (const instance of this.#now.keys()) this.#mark(instance, durationMs)
    const all = instances * Math.floor(durationMs / windowMs)
    return {
      unhealthy: { alarmed: this.#called.unhealthy.size, all },
      unstable: { alarmed: this.#called.unstable.size, all },
      commands: this.commands,
    }
  }

  /** What it has been called until now, in every window that it lay in. */
  #mark(instance: string, untilMs: number): void {
    const held = this.#now.get(instance)
    if (held === undefined || (held.health !== 'unhealthy' && held.health !== 'unstable')) return
    const { windowMs } = this.#trace
    const first = Math.floor(held.sinceMs / windowMs)
    const last = Math.max(first, Math.ceil(untilMs / windowMs) - 1)
    for (let i = first; i <= last; i++) this.#called[held.health].add(`${instance} ${i}`)
  }
}
