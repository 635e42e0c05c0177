// From what the core says to records of the log: topic, key, Avro, and the headers that make it a
// CloudEvent with a trace (binary mode). The digest of the journal is over the core's canonical
// bytes before this; nothing here is random, so a replay could seal the same bytes again.
import type { Encoder } from '../contracts/decode.ts'
import type { ClusterId, TaskId } from '../contracts/ids.ts'
import type { LogRecord, OutgoingRecord, RecordHeader } from '../contracts/record.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { encodeUtf8 } from '../contracts/utf8.ts'
import { canonical, hex } from '../core/kernel/canonical.ts'
import type { Output, Step } from '../core/kernel/step.ts'
import { sha256 } from './journal.ts'
import { eventHeaders } from './record-headers.ts'

export interface SealContext {
  readonly encoder: Encoder
  readonly prefix: string
  readonly clusterId: ClusterId
  readonly task: TaskId
  readonly partition: number
  /** Own count of fences; put into commands, the only fence number agents see. */
  readonly gen: number
  readonly behaviour: number
}

export interface OutputPlace {
  /** Unique in the task: step and index, or the record a letter is about. */
  readonly id: string
  /** Log time. */
  readonly nowMs: number
}

/** Headers kept in a dead letter (schemas/dlq.avsc). */
const LETTER_HEADERS_MAX = 64

/** Errors: whatever the encoder throws for a body that does not fit its schema. */
export function seal(context: SealContext, place: OutputPlace, output: Output): OutgoingRecord {
  return {
    topic: topicName(output.topic, context.prefix),
    partition: output.partition ?? context.partition,
    key: encodeUtf8(output.key),
    value: encoded(context, output),
    headers: headers(context, place, output),
    timestampMs: place.nowMs,
  }
}

/** All outputs of a step, in order. Errors: as `seal`. */
export function sealStep(
  context: SealContext,
  { seq, nowMs }: Pick<Step, 'seq' | 'nowMs'>,
  outputs: readonly Output[],
): readonly OutgoingRecord[] {
  return outputs.map((output, i) =>
    seal(context, { id: `${context.task}-${seq}-${i}`, nowMs }, output),
  )
}

/** One branch per topic keeps topic and body together for the type checker. */
function encoded({ encoder, gen }: SealContext, output: Output): Uint8Array | null {
  if (output.body === null) return null
  switch (output.topic) {
    case 'commands':
      return encoder.encode('commands', { ...output.body, gen })
    case 'incidents':
      return encoder.encode('incidents', output.body)
    case 'health':
      return encoder.encode('health', output.body)
    case 'registry':
      return encoder.encode('registry', output.body)
    case 'observations':
      return encoder.encode('observations', { ...output.body, gen })
    case 'alerts':
      return encoder.encode('alerts', output.body)
    case 'dlq':
      return encoder.encode('dlq', output.body)
    case 'fleet':
      return encoder.encode('fleet', { ...output.body, gen })
  }
}

function headers(
  context: SealContext,
  { id, nowMs }: OutputPlace,
  output: Output,
): readonly RecordHeader[] {
  const own: readonly (readonly [string, string])[] = [
    ['traceparent', traceparent(context, traced(output) ?? id, id)],
    ['hs-behaviour', String(context.behaviour)],
  ]
  return [
    ...eventHeaders({
      topic: output.topic,
      id,
      source: `/healstream/${context.clusterId}/${context.task}`,
      timeMs: nowMs,
      path: [context.clusterId],
    }),
    ...own.map(([key, value]) => ({ key, value: encodeUtf8(value) })),
  ]
}

/** What a trace is about: everything of one incident shares one. */
function traced({ topic, body }: Output): string | null {
  if (body === null) return null
  if (topic === 'commands' || topic === 'incidents') return body.incident_id
  return topic === 'health' || topic === 'alerts' ? body.incident_id : null
}

/** W3C trace context; ids are hashes of cluster, task and subject, never random. */
export function traceparent(
  { clusterId, task }: Pick<SealContext, 'clusterId' | 'task'>,
  subject: string,
  span: string,
): string {
  const traceId = hex(sha256(canonical([clusterId, task, subject])).subarray(0, 16))
  const spanId = hex(sha256(canonical([clusterId, task, subject, span])).subarray(0, 8))
  return `00-${traceId}-${spanId}-01`
}

/** The dead letter of a record that the core could not take (DESIGN.md section 5, poison). */
export function poisonLetter(
  context: SealContext,
  place: { readonly topic: TopicKind; readonly partition: number },
  letter: {
    readonly record: Omit<LogRecord, 'topic' | 'partition'>
    readonly reason: string
    readonly nowMs: number
  },
): OutgoingRecord {
  const { record, reason, nowMs } = letter
  const topic = topicName(place.topic, context.prefix)
  const { partition } = place
  const body = {
    origin_topic: topic,
    origin_partition: partition,
    origin_offset: record.offset,
    origin_last_offset: record.offset,
    count: 1,
    timestamp_ms: record.timestampMs,
    key: record.key,
    value: record.value,
    headers: record.headers.slice(0, LETTER_HEADERS_MAX),
    stage: 'poison',
    reason: 'poison',
    detail: `the core could not take this record: ${reason}`,
    task: context.task,
    at_ms: nowMs,
  }
  const id = `${context.task}-${place.topic}-${partition}-${record.offset}`
  return seal(context, { id, nowMs }, { topic: 'dlq', key: `${topic}-${partition}`, body })
}
