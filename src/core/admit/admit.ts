// First stage: what may enter. Own partition, readable, in size, within clock skew, not seen
// before; all else goes to the dead letters with a reason and what to do about it (DESIGN.md
// section 4 and 7; S0-25).
import type { DecodeReason, Span } from '../../contracts/decode.ts'
import { partitionFor } from '../../contracts/partitioner.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { DeadLetter, RecordOf } from '../../contracts/records.ts'
import {
  DeltaScratch,
  decodeCounts,
  decodeIdentity,
  decodeTelemetry,
} from '../../contracts/telemetry-decoder.ts'
import { type TopicKind, topicSpec } from '../../contracts/topics.ts'
import { decodeUtf8 } from '../../contracts/utf8.ts'
import { present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { sortedKeys } from '../kernel/order.ts'
import type { CoreContext } from '../kernel/step.ts'
import type { Admitted, AdmittedDelta, Delta, Place } from './admitted.ts'
import { type Channel, Channels } from './channel.ts'
import { DeadLetters } from './dead-letter.ts'
import { isKey, isKeyOf, malformed, type Sender } from './sender.ts'
import { Sequences } from './sequence.ts'

/** Topics of agents, keyed by service. */
export type AgentTopic = 'service-events' | 'results' | 'signals'
/** Topics of people, each record on all partitions, and of the fleet task. */
export type ControlTopic = 'policies' | 'operator' | 'fleet'

/** Event time further from the append time than this is not believed. */
export const SKEW_MAX_MS = 600_000
/** From behaviour 3 on, of signals as they happen: nothing holds them back (S0-25). */
const SIGNAL_SKEW_MAX_MS = 15_000
/** Requests in one delta; more is no delta of one tick. */
export const REQUESTS_MAX = 4_294_967_295
const AGENTS_MAX = 1_024
const LIVE = 0
const BACKLOG = 1

const TELEMETRY_BYTES_MAX = topicSpec('telemetry').maxBytes

/** `B`: what the next stage keeps with a channel of telemetry. */
export class Admission<B> {
  private readonly context: CoreContext
  private readonly sequences = new Sequences()
  private readonly deadLetters: DeadLetters
  /** Agents whose clock is not believed: event time − append time of their last record, ms. */
  private readonly skews = new Map<string, number>()
  private readonly channels = new Channels<B>(this.sequences)
  private readonly scratch = new DeltaScratch()
  private delta: Delta<B> | null = null
  private readonly span: Span = { buffer: new Uint8Array(0), start: 0, end: 0 }
  /** Partition by service; asked for every record. */
  private readonly partitions = new Map<string, number>()
  private nowMs = 0
  /** Whether behaviour 3 is in force: signals held to less skew, forms read that were refused. */
  judges = false

  constructor(context: CoreContext) {
    this.context = context
    this.deadLetters = new DeadLetters(context.taskId)
  }

  advance(nowMs: number): void {
    this.nowMs = nowMs
  }

  /** A record of people: any partition, decoded or refused. */
  control<K extends ControlTopic>(topic: K, view: RecordView): Admitted<RecordOf[K]> | null {
    const record = this.decoded(topic, view)
    return record === null
      ? null
      : this.admitted(topic, view, { record, eventMs: view.timestampMs })
  }

  serviceEvent(view: RecordView): Admitted<RecordOf['service-events']> | null {
    const record = this.decoded('service-events', view)
    if (record === null) return null
    const { service_name: service, instance_id: instance, agent, epoch, seq } = record
    const sender = { service, instance, agent, epoch, lane: LIVE, seq }
    if (!this.mayEnter('service-events', view, sender)) return null
    const eventMs = this.eventMs(sender, record.timestamp, view)
    return this.admitted('service-events', view, { record, eventMs })
  }

  signal(view: RecordView): Admitted<RecordOf['signals']> | null {
    const record = this.decoded('signals', view)
    if (record === null) return null
    const sender = { ...record, lane: record.lane === 'backlog' ? BACKLOG : LIVE }
    if (!this.mayEnter('signals', view, sender)) return null
    const limitMs = this.judges ? SIGNAL_SKEW_MAX_MS : SKEW_MAX_MS
    const eventMs = this.eventMs(sender, record.at_ms, view, limitMs)
    return this.admitted('signals', view, { record, eventMs })
  }

  result(view: RecordView): Admitted<RecordOf['results']> | null {
    const record = this.decoded('results', view)
    if (record === null) return null
    const sender = { ...record, lane: record.lane === 'backlog' ? BACKLOG : LIVE }
    if (!this.mayEnter('results', view, sender)) return null
    return this.admitted('results', view, { record, eventMs: view.timestampMs })
  }

  /** Nothing is made for a delta whose channel is known. */
  telemetry(view: RecordView): AdmittedDelta<B> | null {
    const { scratch, span } = this
    if (view.valueEnd - view.valueStart > TELEMETRY_BYTES_MAX) return this.telemetryAnew(view)
    if (this.context.decoder.telemetry(view, span) !== null) return this.telemetryAnew(view)
    const channel = this.channelIn(span)
    if (channel === null) return this.telemetryAnew(view)
    const { buffer, start } = span
    const { serviceFrom, serviceTo } = channel
    if (!isKeyOf(view, buffer, start + serviceFrom, start + serviceTo)) {
      return this.telemetryAnew(view)
    }
    const fault = decodeCounts(scratch)
    if (fault !== null) return this.undecodable('telemetry', view, { reason: fault, detail: '' })
    if (!this.hasSaneCounts(view, channel)) return null
    this.sequences.heard(channel, view)
    return this.sequences.again(channel, scratch.seq) === 'fresh'
      ? this.admittedDelta(view, channel)
      : null
  }

  /** The channel of a datum, whose counts come next. */
  private channelIn({ buffer, start, end }: Span): Channel<B> | null {
    const { scratch, channels } = this
    const next = channels.next(buffer, start, end)
    if (next !== null) {
      scratch.epoch = next.epoch
      scratch.cursor.open(buffer, start + next.bytes, end)
      return next
    }
    if (decodeIdentity(buffer, start, end, scratch) !== null) return null
    return channels.find(buffer, start, scratch.cursor.at)
  }

  /** The full way, which knows nothing of channels but to add one. */
  private telemetryAnew(view: RecordView): AdmittedDelta<B> | null {
    if (!this.hasSize('telemetry', view)) return null
    const { scratch, span } = this
    const reason =
      this.context.decoder.telemetry(view, span) ??
      decodeTelemetry(span.buffer, span.start, span.end, scratch)
    if (reason !== null) return this.undecodable('telemetry', view, { reason, detail: '' })
    const { buffer } = span
    const sender = {
      service: decodeUtf8(buffer, scratch.serviceStart, scratch.serviceEnd),
      instance: decodeUtf8(buffer, scratch.instanceStart, scratch.instanceEnd),
      agent: decodeUtf8(buffer, scratch.agentStart, scratch.agentEnd),
      epoch: scratch.epoch,
      lane: scratch.lane,
      seq: scratch.seq,
    }
    if (!this.hasSaneCounts(view, sender) || !this.mayEnter('telemetry', view, sender)) return null
    const { service, instance, agent, epoch, lane } = sender
    const stream = this.sequences.find({ stream: 'telemetry', agent, epoch, lane })
    const { slot, generation } = present(stream, 'a stream that was noted')
    const channel = {
      slot,
      generation,
      service,
      instance,
      agent,
      epoch,
      lane,
      bytes: scratch.identityEnd - span.start,
      serviceFrom: scratch.serviceStart - span.start,
      serviceTo: scratch.serviceEnd - span.start,
      bound: null,
    }
    const identity = { bytes: buffer, start: span.start, end: scratch.identityEnd }
    this.channels.add(channel, identity)
    return this.admittedDelta(view, channel)
  }

  private admittedDelta(view: RecordView, channel: Channel<B>): AdmittedDelta<B> {
    const { scratch } = this
    const place = this.delta?.place ?? { ...this.place('telemetry', view) }
    this.delta ??= { scratch, channel, caller: null, place, appendMs: 0, eventMs: 0 }
    const { delta } = this
    delta.channel = channel
    delta.caller = scratch.hasCaller ? this.callerIn(this.span.buffer) : null
    delta.place.offset = view.offset
    delta.appendMs = view.timestampMs
    this.setEventMs(delta, view)
    return delta
  }

  private setEventMs(delta: Delta<B>, view: RecordView): void {
    const { channel, scratch } = delta
    const agoMs = view.timestampMs - scratch.tickStartMs
    // As a rule there is nothing to note, and the time is not handed on, which would box it.
    if (agoMs >= 0 && agoMs <= SKEW_MAX_MS && !this.hasSkews) delta.eventMs = scratch.tickStartMs
    else delta.eventMs = this.eventMs(channel, scratch.tickStartMs, view)
  }

  private callerIn(buffer: Uint8Array): AdmittedDelta<B>['caller'] {
    const { scratch } = this
    return {
      service: decodeUtf8(buffer, scratch.callerServiceStart, scratch.callerServiceEnd),
      instance: decodeUtf8(buffer, scratch.callerInstanceStart, scratch.callerInstanceEnd),
    }
  }

  /** A later stage refuses a record that was admitted. */
  refuse(
    view: RecordView,
    what: { topic: TopicKind; agent: string | null; reason: string; detail: string },
  ): void {
    const { partition } = this.context
    this.deadLetters.refuse(view, { ...what, partition, stage: 'fold' }, this.nowMs)
  }

  get hasSkews(): boolean {
    return this.skews.size > 0
  }

  /** The clock of the agent is off by more than the limit. */
  isSkewed(agent: string): boolean {
    return this.skews.has(agent)
  }

  takeLetters(): readonly DeadLetter[] {
    return this.deadLetters.take(this.nowMs)
  }

  nextMs(): number | null {
    return this.deadLetters.nextMs()
  }

  /** The log time comes with the next `advance`. */
  save(to: ImageWriter): void {
    this.sequences.save(to)
    this.deadLetters.save(to)
    to.int(this.skews.size)
    for (const [agent, aheadMs] of this.skews) to.text(agent).number(aheadMs)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.sequences.load(from)
    this.deadLetters.load(from)
    for (let left = from.count(); left > 0; left--) this.skews.set(from.text(), from.number())
  }

  describe(): unknown {
    return {
      sequences: this.sequences.describe(),
      letters: this.deadLetters.describe(),
      skews: sortedKeys(this.skews).map((agent) => [agent, this.skews.get(agent)]),
    }
  }

  private decoded<K extends AgentTopic | ControlTopic>(
    topic: K,
    view: RecordView,
  ): RecordOf[K] | null {
    if (!this.hasSize(topic, view)) return null
    const first = this.context.decoder.decode(topic, view)
    const decoded = first.ok || !this.judges ? first : (first.later ?? first)
    return decoded.ok ? decoded.record : this.undecodable(topic, view, decoded)
  }

  private undecodable(
    topic: TopicKind,
    view: RecordView,
    { reason, detail }: { reason: DecodeReason; detail: string },
  ): null {
    const fix = `write ${topic} with the registered schema in Confluent's wire format`
    const found = detail === '' ? `the value is ${reason}` : detail
    return this.refused(view, {
      topic,
      agent: null,
      stage: 'decode',
      reason,
      detail: `${found}; ${fix}`,
    })
  }

  private hasSize(topic: TopicKind, view: RecordView): boolean {
    const size = view.valueEnd - view.valueStart
    const most = topicSpec(topic).maxBytes
    if (size <= most) return true
    const detail = `the value has ${size} bytes, at most ${most} are taken; send less at a time`
    this.refused(view, { topic, agent: null, stage: 'admit', reason: 'too_large', detail })
    return false
  }

  private hasSaneCounts(view: RecordView, { agent }: { agent: string }): boolean {
    if (this.scratch.n <= REQUESTS_MAX) return true
    const detail = `the delta counts ${this.scratch.n} requests, at most ${REQUESTS_MAX} are taken`
    this.refused(view, {
      topic: 'telemetry',
      agent,
      stage: 'admit',
      reason: 'count_too_large',
      detail,
    })
    return false
  }

  /** Key, partition and sequence number. A repeat is no error: it is counted and passed over. */
  private mayEnter(topic: TopicKind, view: RecordView, sender: Sender): boolean {
    const found = malformed(sender) ?? this.misplaced(view, sender.service)
    if (found !== null) {
      this.refused(view, { topic, agent: sender.agent, stage: 'admit', ...found })
      return false
    }
    if (sender.agent === null || sender.seq < 1) return true
    const { agent, epoch, lane } = sender
    return (
      this.sequences.note({ stream: topic, agent, epoch, lane }, sender.seq, view.timestampMs) ===
      'fresh'
    )
  }

  private misplaced(view: RecordView, service: string): { reason: string; detail: string } | null {
    if (!isKey(view, service)) {
      const found = view.keyStart < 0 ? 'there is no key' : 'the key is another'
      const detail = `the record speaks of ${service}, but ${found}; use the service as key`
      return { reason: 'key_mismatch', detail }
    }
    const owner = this.partitionOf(service)
    if (owner === this.context.partition) return null
    const detail =
      `${service} belongs to partition ${owner}, but this is ${this.context.partition}; ` +
      "set the client's partitioner to murmur2 (librdkafka: partitioner=murmur2_random)"
    return { reason: 'foreign_partition', detail }
  }

  private partitionOf(service: string): number {
    const known = this.partitions.get(service)
    if (known !== undefined) return known
    const partition = partitionFor(service, this.context.partitionCount)
    if (this.partitions.size >= AGENTS_MAX) this.partitions.clear()
    this.partitions.set(service, partition)
    return partition
  }

  /**
   * Event time, or append time where the agent's clock is off by more than the limit. What comes
   * from a spool may be as old as it says.
   */
  private eventMs(
    { agent, lane }: Pick<Sender, 'agent' | 'lane'>,
    saidMs: number,
    view: RecordView,
    limitMs: number = SKEW_MAX_MS,
  ): number {
    const appendMs = view.timestampMs
    const aheadMs = saidMs - appendMs
    const isSkewed = aheadMs > limitMs || (lane === LIVE && -aheadMs > limitMs)
    // By its signals the clock is off, although counts that come late would say nothing of it.
    const bySignals = this.judges && limitMs === SKEW_MAX_MS && this.hasSkews && agent !== null
    const knownMs = bySignals ? Math.abs(this.skews.get(agent) ?? Infinity) : Infinity
    if (!isSkewed && knownMs <= limitMs)
      return lane === LIVE ? appendMs : Math.min(saidMs, appendMs)
    if (agent !== null) this.noteSkew(agent, isSkewed ? aheadMs : null)
    return isSkewed ? appendMs : Math.min(saidMs, appendMs)
  }

  private noteSkew(agent: string, aheadMs: number | null): void {
    if (aheadMs === null) {
      if (this.skews.size > 0) this.skews.delete(agent)
    } else if (this.skews.has(agent) || this.skews.size < AGENTS_MAX) this.skews.set(agent, aheadMs)
  }

  private refused(
    view: RecordView,
    refusal: {
      topic: TopicKind
      agent: string | null
      stage: 'decode' | 'admit'
      reason: string
      detail: string
    },
  ): null {
    // Written out: a spread costs a microsecond, and there may be 100,000 of them in one batch.
    const { topic, agent, stage, reason, detail } = refusal
    const { partition } = this.context
    this.deadLetters.refuse(view, { topic, partition, stage, reason, detail, agent }, this.nowMs)
    return null
  }

  private admitted<T>(
    topic: TopicKind,
    view: RecordView,
    { record, eventMs }: { record: T; eventMs: number },
  ): Admitted<T> {
    return { record, place: this.place(topic, view), appendMs: view.timestampMs, eventMs }
  }

  private place(topic: TopicKind, view: RecordView): Place {
    return { topic, partition: this.context.partition, offset: view.offset }
  }
}
