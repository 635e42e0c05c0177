// Whether a service task kept to two guards that rest on what others say, as the records tell it:
// nothing is done to what a person holds, and where evidence is only inferred, or the fleet is
// blind, the newest pulse that the task had read decides. A fleet task that died says nothing until
// another takes it up; its last pulse grows stale, whoever remembers it. Only records are looked
// at: what the task read, in its order, and what it wrote in the same step.
import type { Decoder } from '../../contracts/decode.ts'
import type { IncidentEvent, OperatorRecord, Pulse } from '../../contracts/records.ts'
import type { Output } from '../../core/kernel/step.ts'
import type { SeenRecord } from './batches.ts'

/** As docs/fleet.md has it: what is older says nothing of now. */
const STALE_MS = 5_000

export type HeardTopic = 'fleet' | 'operator'

export interface GuardCounts {
  /** Commands on inferred evidence alone. */
  inferredActs: number
  /** Acts that wanted a fresh pulse, or one that is not blind. */
  pulseRefusals: number
  holdRefusals: number
  /** Times that a task read pulses of another owner of the fleet task. */
  fleetTakeovers: number
}

export class GuardWatch {
  readonly #task: string
  readonly #decoder: Decoder
  readonly #counts: GuardCounts
  readonly #holds = new Map<string, OperatorRecord>()
  /** Commands whose event has not been seen; null: paid by no lease, so by a first behaviour. */
  readonly #ordered = new Map<string, string | null>()
  #pulse: Pulse | null = null
  #seq = 0
  #gen = 0

  constructor(task: string, decoder: Decoder, counts: GuardCounts) {
    this.#task = task
    this.#decoder = decoder
    this.#counts = counts
  }

  /** A record that the task has read. What is wrong with it, in a sentence, or null. */
  heard(topic: HeardTopic, record: SeenRecord): string | null {
    if (topic === 'operator') {
      const decoded = this.#decoder.decode('operator', { ...record })
      if (decoded.ok) this.#word(decoded.record)
      return null
    }
    const decoded = this.#decoder.decode('fleet', { ...record })
    if (!decoded.ok || decoded.record.task !== this.#task) return null
    const { seq, gen, pulse } = decoded.record
    const before = `${this.#seq} of ${this.#gen}`
    const wrong =
      seq <= this.#seq || gen < this.#gen
        ? `${this.#task}: the fleet task says ${seq} of gen ${gen} after ${before}`
        : null
    if (gen > this.#gen && this.#gen > 0) this.#counts.fleetTakeovers++
    this.#seq = seq
    this.#gen = gen
    if (pulse !== null) this.#pulse = pulse
    return wrong
  }

  /** An output of a step at `nowMs`. What is wrong with it, in a sentence, or null. */
  wrote(output: Output, nowMs: number): string | null {
    if (output.topic === 'commands' && output.body !== null)
      this.#ordered.set(output.body.command_id, output.body.lease_id)
    if (output.topic !== 'incidents' || output.body === null) return null
    const { body } = output
    if (body.event === 'refused') this.#count(body)
    return body.event === 'commanded' ? this.#commanded(body, nowMs) : null
  }

  /** Commands that no event tells of, in a sentence, or null. */
  rest(): string | null {
    const [id] = this.#ordered.keys()
    return id === undefined ? null : `${this.#task}: no incident tells of command ${id}`
  }

  #word(record: OperatorRecord): void {
    const { id, kind, refers_to: refersTo } = record
    if (kind === 'hold' || kind === 'kill_switch') this.#holds.set(id, record)
    else if (kind === 'release' && refersTo !== null) this.#holds.delete(refersTo)
  }

  #count({ guards }: IncidentEvent): void {
    const named = guards.find(({ passed }) => !passed)?.guard
    if (named === 'pulse') this.#counts.pulseRefusals++
    if (named === 'hold') this.#counts.holdRefusals++
  }

  #commanded(event: IncidentEvent, nowMs: number): string | null {
    const { command_id: id, service, instance, evidence } = event
    const lease = this.#ordered.get(id ?? '')
    const what = `${this.#task}: ${event.action} of ${instance ?? service}`
    if (id === null || lease === undefined) return `${what} is told of and not ordered`
    this.#ordered.delete(id)
    const hold = this.#holdOn(event, nowMs)
    if (hold !== null) return `${what}, which is held by ${hold}`
    if (lease === null) return null
    const pulse = this.#pulse
    const agoMs = pulse === null ? Infinity : nowMs - pulse.as_of_ms
    if (pulse?.blind === true && agoMs <= STALE_MS) return `${what} in a blind fleet`
    if (evidence.some((one) => one.class === 'self_evident')) return null
    this.#counts.inferredActs++
    return agoMs <= STALE_MS ? null : `${what} is inferred, and the last pulse is ${agoMs} ms old`
  }

  #holdOn({ service, instance }: IncidentEvent, nowMs: number): string | null {
    for (const { id, scope, expires_at_ms: endsMs } of this.#holds.values()) {
      if (endsMs !== null && endsMs <= nowMs) continue
      const isService = scope.service === null || scope.service === service
      const isInstance = scope.instance === null || scope.instance === instance
      const isAll = scope.fleet || scope.service !== null || scope.instance !== null
      if (isAll && isService && isInstance && scope.policy === null) return id
    }
    return null
  }
}
