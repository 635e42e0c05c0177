// The runtime's part of a snapshot, in front of the core's image: everything a restore needs that
// is not the core's own, so that no entry before the snapshot has to be there any more (the
// journal's beginning expires).
import {
  type FenceEntry,
  type GenesisEntry,
  HASH_BYTES,
  type InputPosition,
  type JournalEntry,
  NO_HASH,
} from '../contracts/journal.ts'
import { decodeEntry, encodeEntry } from '../contracts/journal-codec.ts'
import type { SnapshotHeader } from '../contracts/records.ts'
import { type TopicKind, TOPICS } from '../contracts/topics.ts'
import { AssertionError } from '../core/kernel/assert.ts'
import { canonical } from '../core/kernel/canonical.ts'
import { ImageReader, ImageWriter } from '../core/kernel/image.ts'
import { sha256 } from './journal.ts'
import type { AsOf } from './log-time.ts'

const LAYOUT = 'healstream runtime head 1'

export interface RuntimeHead {
  readonly genesis: GenesisEntry
  /** The fence of the life that took the snapshot. */
  readonly lastFence: FenceEntry
  readonly behaviour: number
  readonly format: number
  /** Last step contained. */
  readonly seq: number
  readonly nowMs: number
  readonly asOf: AsOf
  readonly wakeAtMs: number | null
  readonly positions: readonly InputPosition[]
  readonly skipsInRow: number
  /** Log time of the newest checkpoint known then. */
  readonly checkpointMs: number
}

export function encodeHead(head: RuntimeHead): Uint8Array {
  const out = new ImageWriter().text(LAYOUT)
  out.blob(encodeEntry(head.genesis, NO_HASH, sha256).bytes)
  out.blob(encodeEntry(head.lastFence, NO_HASH, sha256).bytes)
  out.int(head.behaviour).int(head.format).int(head.seq).number(head.nowMs)
  out.value(head.wakeAtMs).int(head.skipsInRow).number(head.checkpointMs)
  const asOf = TOPICS.flatMap(({ kind }) => {
    const atMs = head.asOf[kind]
    return atMs === undefined ? [] : [{ kind, atMs }]
  })
  out.int(asOf.length)
  for (const { kind, atMs } of asOf) out.text(kind).number(atMs)
  out.int(head.positions.length)
  for (const { topic, partition, offset } of head.positions)
    out.text(topic).int(partition).int(offset)
  return Buffer.concat(out.pieces())
}

/** Errors: AssertionError or HsError HS_CHAIN_BROKEN for bytes that are none of `encodeHead`. */
export function decodeHead(bytes: Uint8Array): RuntimeHead {
  const reader = new ImageReader(bytes)
  if (reader.text() !== LAYOUT) throw new AssertionError('no runtime head begins like this')
  const genesis = entryOf(reader.blob(), 'genesis')
  const lastFence = entryOf(reader.blob(), 'fence')
  const behaviour = reader.int()
  const format = reader.int()
  const seq = reader.int()
  const nowMs = reader.number()
  const wakeAtMs = reader.value()
  if (wakeAtMs !== null && typeof wakeAtMs !== 'number')
    throw new AssertionError('the time to wake at is no time')
  const skipsInRow = reader.int()
  const checkpointMs = reader.number()
  const asOf: Partial<Record<TopicKind, number>> = {}
  for (let left = reader.int(); left > 0; left--) asOf[topicOf(reader.text())] = reader.number()
  const positions: InputPosition[] = []
  for (let left = reader.int(); left > 0; left--)
    positions.push({
      topic: topicOf(reader.text()),
      partition: reader.int(),
      offset: reader.int(),
    })
  reader.end()
  const times = { nowMs, asOf, wakeAtMs, checkpointMs }
  return { genesis, lastFence, behaviour, format, seq, ...times, positions, skipsInRow }
}

/**
 * What a snapshot's hash covers besides its pieces: its id and its header without the hash. These
 * fields and no others: a build that knows more of them has to come to the same bytes.
 */
export function headerBytes(id: string, header: SnapshotHeader): Uint8Array {
  const { positions } = header
  return canonical([
    id,
    [header.cluster_id, header.prefix, header.task, header.gen, header.step_seq],
    [header.journal_offset, header.journal_hash, header.format, header.behaviour],
    [header.parts, header.size_bytes, header.head_bytes, header.first_offset, header.at_ms],
    header.state_digest,
    positions.map(({ topic, partition, offset }) => [topic, partition, offset]),
  ])
}

function entryOf<K extends 'genesis' | 'fence'>(
  bytes: Uint8Array,
  kind: K,
): Extract<JournalEntry, { kind: K }> {
  const { entry, previous } = decodeEntry(bytes, sha256)
  if (!isOf(entry, kind) || previous.length !== HASH_BYTES)
    throw new AssertionError(`a ${entry.kind} where the ${kind} has to be`)
  return entry
}

function isOf<K extends JournalEntry['kind']>(
  entry: JournalEntry,
  kind: K,
): entry is Extract<JournalEntry, { kind: K }> {
  return entry.kind === kind
}

function topicOf(name: string): TopicKind {
  const found = TOPICS.find(({ kind }) => kind === name)
  if (found === undefined) throw new AssertionError('a topic that is not known')
  return found.kind
}
