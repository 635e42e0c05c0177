// Finding and reading snapshots: their topic and that of checkpoints are read backwards from their
// ends in growing windows of offsets, and what they hold is offered newest first. A snapshot has to
// prove itself; each thing that can be wrong with it has a reason of its own (restore.ts tells
// them).
import { createHash } from 'node:crypto'
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { RecordView } from '../contracts/record.ts'
import type { SnapshotHeader, SnapshotPart } from '../contracts/records.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { knowsBehaviour } from '../core/kernel/behaviour.ts'
import { AssertionError } from '../core/kernel/assert.ts'
import { type Bounds, boundsOf } from './journal.ts'
import { LogError } from './log-error.ts'
import type { Fetched, TopicPartition } from './ports.ts'
import type { Base, ReplayOptions, TaskSpec } from './replay.ts'
import { knowsFormat } from './snapshot-format.ts'
import { decodeHead, headerBytes, type RuntimeHead } from './snapshot-head.ts'
import { HEADER_BYTES_MAX, PART_BYTES } from './snapshot-parts.ts'

const POLL_MS = 250
const FIRST_WINDOW = 64
const WINDOW_GROWTH = 4

export type RefusalReason =
  /** Of another cluster, task or prefix. */
  | 'foreign'
  /** A layout that this build does not have. */
  | 'format'
  /** A judgement that this build does not have. */
  | 'behaviour'
  /** Pieces are missing or out of order. */
  | 'torn'
  /** The bytes are not those that were written. */
  | 'corrupt'
  /** The journal's entries behind it are gone. */
  | 'expired'
  /** Its records were deleted. */
  | 'gone'
  /** The core cannot read it. */
  | 'unreadable'
  /** The core has read something else than was written. */
  | 'digest'

export class SnapshotRefused extends Error {
  override readonly name = 'SnapshotRefused'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, what: string, options: { readonly cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
  }
}

/** What an error means for a snapshot; null: nothing, the log itself does not answer. */
export function refusalOf(error: unknown): SnapshotRefused | null {
  if (error instanceof SnapshotRefused) return error
  if (!(error instanceof LogError)) return null
  if (error.code === 'POSITION_LOST' || error.code === 'TOPIC_GONE')
    return new SnapshotRefused('gone', error.message, { cause: error })
  if (error.code === 'CORRUPT')
    return new SnapshotRefused('corrupt', error.message, { cause: error })
  return null
}

interface Place {
  readonly topic: TopicKind
  readonly offset: number
}

/** A header that was found. */
export interface Found extends Place {
  readonly id: string
  readonly header: SnapshotHeader
}

/** Something that may have been one. */
export interface Unfound extends Place {
  readonly refused: SnapshotRefused
}

export interface SnapshotTopics {
  readonly snapshots: TopicKind
  readonly checkpoints: TopicKind
}

export function snapshotTopics({ journal }: Pick<TaskSpec, 'journal'>): SnapshotTopics {
  return journal === 'fleet-journal'
    ? { snapshots: 'fleet-snapshots', checkpoints: 'fleet-checkpoints' }
    : { snapshots: 'snapshots', checkpoints: 'checkpoints' }
}

export type FindOptions = Pick<ReplayOptions, 'log' | 'decoder' | 'prefix' | 'spec' | 'signal'>

/** Newest first, by the step they contain. Errors: LogError of the log; the signal's reason. */
export async function* findSnapshots(options: FindOptions): AsyncGenerator<Found | Unfound> {
  const { snapshots, checkpoints } = snapshotTopics(options.spec)
  const sources = [backwards(snapshots, options), backwards(checkpoints, options)]
  const heads = await Promise.all(sources.map((source) => source.next()))
  for (;;) {
    let best = -1
    for (const [i, head] of heads.entries())
      if (head.done !== true && (best < 0 || seqOf(head) > seqOf(heads[best]))) best = i
    const head = heads[best]
    const source = sources[best]
    if (head === undefined || head.done === true || source === undefined) return
    yield head.value
    heads[best] = await source.next()
  }
}

function seqOf(head: IteratorResult<Found | Unfound> | undefined): number {
  if (head === undefined || head.done === true) return -1
  return 'header' in head.value ? head.value.header.step_seq : Infinity
}

/** Headers of one topic, from its end to its beginning. */
async function* backwards(topic: TopicKind, options: FindOptions): AsyncGenerator<Found | Unfound> {
  const at = { topic: topicName(topic, options.prefix), partition: options.spec.partition }
  let bounds: Bounds
  try {
    bounds = await boundsOf(options.log, at)
  } catch (error) {
    const refused = refusalOf(error)
    if (refused === null) throw error
    yield { topic, offset: 0, refused }
    return
  }
  let to = bounds.end
  for (let window = FIRST_WINDOW; to > bounds.start; window *= WINDOW_GROWTH) {
    const from = Math.max(bounds.start, to - window)
    yield* (await headersIn(options, topic, { at, from, to })).reverse()
    to = from
  }
}

/** In order of offset. A batch that cannot be read costs nothing but itself. */
async function headersIn(
  options: FindOptions,
  topic: TopicKind,
  { at, from, to }: Range,
): Promise<(Found | Unfound)[]> {
  const found: (Found | Unfound)[] = []
  let told = ''
  for (let next = from; next < to; ) {
    try {
      await scan(options, { at, from: next, to }, (view) => {
        const one = headerIn(view, topic, options.decoder)
        if (one !== null) found.push(one)
        next = view.offset + 1
      })
      return found
    } catch (error) {
      const refused = refusalOf(error)
      if (refused === null) throw error
      if (refused.message !== told) found.push({ topic, offset: next, refused })
      if (refused.reason !== 'corrupt') return found
      told = refused.message
      next++
    }
  }
  return found
}

interface Range {
  readonly at: TopicPartition
  readonly from: number
  readonly to: number
}

/** Visits committed records of a range. Bad batches behind it do no harm. */
async function scan(
  options: Pick<FindOptions, 'log' | 'signal'>,
  { at, from, to }: Range,
  visit: (view: RecordView) => void,
): Promise<void> {
  const cursor = { next: from }
  try {
    await walk(options, { at, cursor, to }, visit)
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'CORRUPT') throw error
    // An answer with a bad batch is refused whole: from here on one batch at a time.
    await walk({ ...options, maxBytesPerPartition: 1 }, { at, cursor, to }, visit)
  }
}

async function walk(
  options: Pick<FindOptions, 'log' | 'signal'> & { readonly maxBytesPerPartition?: number },
  range: Pick<Range, 'at' | 'to'> & { readonly cursor: { next: number } },
  visit: (view: RecordView) => void,
): Promise<void> {
  const { log, signal, maxBytesPerPartition } = options
  const { at, cursor, to } = range
  const bounds = maxBytesPerPartition === undefined ? {} : { maxBytesPerPartition }
  const reader = log.reader({ isolation: 'read_committed', ...bounds })
  try {
    reader.assign(at, cursor.next)
    while (cursor.next < to) {
      for (const fetched of await reader.poll(POLL_MS, signal)) visitAll(fetched, to, visit)
      cursor.next = reader.position(at) ?? cursor.next
    }
  } finally {
    await reader.close()
  }
}

function visitAll(fetched: Fetched, to: number, visit: (view: RecordView) => void): void {
  for (const batch of fetched.batches)
    batch.visit((view) => {
      if (view.offset < to) visit(view)
    }, fetched.from)
}

/** A header, or something small that cannot be read; null for pieces. */
function headerIn(view: RecordView, topic: TopicKind, decoder: Decoder): Found | Unfound | null {
  if (view.valueEnd - view.valueStart > HEADER_BYTES_MAX) return null
  const { offset } = view
  const decoded = decoder.decode('snapshots', view)
  if (!decoded.ok) {
    const what = `its header cannot be read: ${decoded.reason} ${decoded.detail}`
    const reason = decoded.reason === 'unknown_schema' ? 'format' : 'corrupt'
    return { topic, offset, refused: new SnapshotRefused(reason, what) }
  }
  const { header, snapshot_id: id } = decoded.record
  return header === null ? null : { topic, offset, id, header }
}

/**
 * Reads a snapshot whole whose header has been checked. Errors: SnapshotRefused; LogError of the
 * log; the signal's reason.
 */
export async function baseOf(found: Found, options: ReplayOptions): Promise<Base> {
  const { header, topic, offset } = found
  const bytes = await readParts(found, options)
  const { head, image } = split(header, bytes)
  checkHead(header, head)
  const hash = Buffer.from(header.journal_hash, 'hex')
  return {
    head,
    image,
    journal: { offset: header.journal_offset, hash },
    place: { topic, offset },
  }
}

/** Errors: SnapshotRefused. */
export function checkHeader(
  header: SnapshotHeader,
  { clusterId, spec, prefix }: ReplayOptions,
): void {
  const { cluster_id, task, format, behaviour } = header
  if (cluster_id !== clusterId)
    throw new SnapshotRefused('foreign', `it is of cluster ${cluster_id}, this is ${clusterId}`)
  if (task !== spec.task)
    throw new SnapshotRefused('foreign', `it is of task ${task}, this is ${spec.task}`)
  if (header.prefix !== prefix)
    throw new SnapshotRefused('foreign', `it is of prefix ${header.prefix}, this is ${prefix}`)
  if (!knowsFormat(format))
    throw new SnapshotRefused('format', `it is of format ${format}, which this build does not know`)
  if (!knowsBehaviour(behaviour))
    throw new SnapshotRefused('behaviour', `behaviour ${behaviour} is not known to this build`)
}

async function readParts(found: Found, options: ReplayOptions): Promise<Uint8Array> {
  const { header, id, topic, offset } = found
  const { parts, size_bytes, first_offset } = header
  if (parts < 1 || size_bytes < 1 || size_bytes > parts * PART_BYTES || first_offset < 0)
    throw new SnapshotRefused('torn', `${size_bytes} bytes in ${parts} pieces cannot be`)
  const at = { topic: topicName(topic, options.prefix), partition: options.spec.partition }
  const bytes = new Uint8Array(size_bytes)
  const hash = createHash('sha256')
  let next = 0
  let filled = 0
  await scan(options, { at, from: first_offset, to: offset }, (view) => {
    const part = partIn(view, options.decoder)
    if (part === null || part.snapshot_id !== id || part.header !== null) return
    if (part.index !== next || filled + part.bytes.length > size_bytes)
      throw new SnapshotRefused('torn', `piece ${part.index} where piece ${next} has to be`)
    next++
    bytes.set(part.bytes, filled)
    filled += part.bytes.length
    hash.update(part.bytes)
  })
  if (next !== parts || filled !== size_bytes)
    throw new SnapshotRefused('torn', `${next} of ${parts} pieces with ${filled} bytes are there`)
  hash.update(headerBytes(id, header))
  const found256 = hash.digest('hex')
  if (found256 !== header.sha256)
    throw new SnapshotRefused('corrupt', 'its bytes are not those that were written')
  return bytes
}

/** null for what is no piece: it is missed when its turn comes. */
function partIn(view: RecordView, decoder: Decoder): SnapshotPart | null {
  const decoded = decoder.decode('snapshots', view)
  return decoded.ok ? decoded.record : null
}

function split(
  { head_bytes }: SnapshotHeader,
  bytes: Uint8Array,
): { readonly head: RuntimeHead; readonly image: Uint8Array } {
  try {
    return { head: decodeHead(bytes.subarray(0, head_bytes)), image: bytes.subarray(head_bytes) }
  } catch (error) {
    if (!(error instanceof AssertionError || error instanceof HsError)) throw error
    throw new SnapshotRefused('unreadable', `its head: ${error.message}`, { cause: error })
  }
}

/** What is said twice has to be the same. */
function checkHead(header: SnapshotHeader, head: RuntimeHead): void {
  const said = [header.step_seq, header.gen, header.behaviour, header.format]
  const meant = [head.seq, head.lastFence.gen, head.behaviour, head.format]
  if (said.join(' ') !== meant.join(' '))
    throw new SnapshotRefused('corrupt', `its header says ${said.join(' ')}, it ${meant.join(' ')}`)
}
