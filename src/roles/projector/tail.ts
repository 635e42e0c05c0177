// One topic as lines, from its start or its end, for as long as somebody listens. Bounded by the
// listener: the next poll happens only after the lines of the last one were taken.
import type { Decoder } from '../../contracts/decode.ts'
import { HsError } from '../../contracts/failure.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { RecordOf } from '../../contracts/records.ts'
import { TOPICS, topicName, topicSpec } from '../../contracts/topics.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import type { Fetched, LogPort, RecordBatch } from '../../runtime/ports.ts'
import { Reach } from './reach.ts'
import type { TailLine } from './views.ts'

const POLL_MS = 1_000
/** A blank line after this long without a record keeps the connection from looking dead. */
const BLANK_MS = 10_000

export interface TailSource {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly prefix: string
  readonly partitions: number
}

export interface TailRequest {
  readonly topic: TopicKind
  readonly from: 'earliest' | 'latest'
  /** Ends when everything that is there now has been shown. */
  readonly follow: boolean
  /** Ends after so many records. */
  readonly limit: number
}

/**
 * Reads a request from query parameters. `topic` with or without the prefix.
 * Errors: HS_USAGE naming what was found and what is expected.
 */
export function tailRequest(
  topic: string,
  query: Readonly<Record<string, string>>,
  prefix: string,
): TailRequest {
  const name = topic.startsWith(prefix) ? topic.slice(prefix.length) : topic
  const spec = TOPICS.find((t) => t.kind === name)
  if (spec === undefined)
    throw new HsError('HS_USAGE', `there is no topic ${JSON.stringify(topic)}`, {
      fix: `Topics: ${TOPICS.map((t) => t.kind).join(', ')}.`,
    })
  const from = query['from'] ?? 'latest'
  if (from !== 'earliest' && from !== 'latest')
    throw new HsError('HS_USAGE', `from is ${JSON.stringify(from)}, expected earliest or latest`)
  const limit = query['limit'] === undefined ? Number.MAX_SAFE_INTEGER : Number(query['limit'])
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new HsError('HS_USAGE', `limit is ${JSON.stringify(query['limit'])}, expected 1 or more`)
  return { topic: spec.kind, from, follow: query['follow'] !== 'false', limit }
}

/**
 * Lines of the topic; null now and then while nothing comes. Ends quietly when the signal aborts.
 */
export async function* tail(
  source: TailSource,
  request: TailRequest,
  signal: AbortSignal,
): AsyncGenerator<TailLine | null> {
  const count = topicSpec(request.topic).partitions === 1 ? 1 : source.partitions
  const topic = topicName(request.topic, source.prefix)
  const places = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
  const reach = await Reach.begin(source.log, places)
  const reader = source.log.reader({ isolation: 'read_committed' })
  for (const at of places) reader.assign(at, request.from)
  let left = request.limit
  let quietMs = 0
  try {
    while (!signal.aborted && left > 0) {
      const answers = await reader.poll(POLL_MS, signal)
      const lines = answers.flatMap((fetched) => linesOf(source.decoder, request.topic, fetched))
      for (const line of lines.slice(0, left)) yield line
      left -= lines.length
      if (!request.follow && reach.missing(reader) === 0) return
      quietMs = lines.length > 0 ? 0 : quietMs + POLL_MS
      if (quietMs < BLANK_MS) continue
      quietMs = 0
      yield null
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await reader.close()
  }
}

/** In the order of their offsets within each partition. */
function linesOf(decoder: Decoder, kind: TopicKind, fetched: Fetched): readonly TailLine[] {
  const lines: TailLine[] = []
  for (const batch of fetched.batches) {
    const reason = batch.unreadable()
    if (reason === null)
      batch.visit((view) => lines.push(lineOf(decoder, fetched, { kind, view })), fetched.from)
    else lines.push(unreadableLine(batch, reason))
  }
  return lines
}

function unreadableLine(batch: RecordBatch, reason: string): TailLine {
  const { topic, partition, baseOffset: offset, maxTimestampMs: timestamp_ms } = batch
  return { topic, partition, offset, timestamp_ms, key: null, record: null, undecodable: reason }
}

const utf8 = new TextDecoder()

/** A record of an input as a line. */
export function lineOfView(
  { decoder, prefix }: Pick<TailSource, 'decoder' | 'prefix'>,
  at: { readonly topic: TopicKind; readonly partition: number; readonly view: RecordView },
): TailLine {
  const { topic: kind, partition, view } = at
  return lineOf(decoder, { topic: topicName(kind, prefix), partition }, { kind, view })
}

function lineOf(
  decoder: Decoder,
  at: Pick<Fetched, 'topic' | 'partition'>,
  { kind, view }: { readonly kind: TopicKind; readonly view: RecordView },
): TailLine {
  const key = view.keyStart < 0 ? null : view.buffer.subarray(view.keyStart, view.keyEnd)
  const place = {
    topic: at.topic,
    partition: at.partition,
    offset: view.offset,
    timestamp_ms: view.timestampMs,
    key: key === null ? null : utf8.decode(key),
  }
  if (view.valueStart < 0) return { ...place, record: null }
  if (!isDecodable(kind)) return { ...place, record: null, undecodable: sizeOf(view) }
  const decoded = decoder.decode(kind, view)
  if (decoded.ok) return { ...place, record: decoded.record }
  return { ...place, record: null, undecodable: `${decoded.reason}: ${decoded.detail}` }
}

const sizeOf = (view: RecordView): string =>
  `${view.valueEnd - view.valueStart} bytes in a layout of their own`

const OWN_LAYOUT: readonly TopicKind[] = [
  'journal',
  'fleet-journal',
  'fleet-snapshots',
  'fleet-checkpoints',
]

function isDecodable(kind: TopicKind): kind is TopicKind & keyof RecordOf {
  return !OWN_LAYOUT.includes(kind)
}
