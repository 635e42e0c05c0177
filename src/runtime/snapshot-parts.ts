// A snapshot as records: the runtime's head and the core's image cut into pieces, the header last
// because only it makes the pieces count. Pieces are made one at a time, when their turn to be
// written comes, so that hashing and encoding never take more than a millisecond or two in a row.
import { createHash } from 'node:crypto'
import type { Encoder } from '../contracts/decode.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import type { SnapshotHeader } from '../contracts/records.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { encodeHead, headerBytes, type RuntimeHead } from './snapshot-head.ts'

/** State in one piece; with its place and the framing of a batch it stays below 256 KiB. */
export const PART_BYTES: number = 240 * 1_024
/** No header is larger, and no piece but the last is smaller. */
export const HEADER_BYTES_MAX: number = 16 * 1_024

export interface SnapshotOf {
  readonly head: RuntimeHead
  /** The core's image at the same moment. */
  readonly pieces: readonly Uint8Array[]
  readonly topic: TopicKind
  readonly partition: number
  readonly prefix: string
  readonly encoder: Encoder
  /** Time stamp of its records, epoch ms. */
  readonly atMs: number
}

/** The journal's entry that the state is that right behind. */
export interface JournalPlace {
  readonly offset: number
  readonly hash: Uint8Array
}

export class SnapshotParts {
  readonly id: string
  readonly sizeBytes: number
  readonly parts: number
  readonly #of: SnapshotOf
  readonly #headBytes: number
  readonly #sources: readonly Uint8Array[]
  readonly #whole = createHash('sha256')
  readonly #state = createHash('sha256')
  /** Next piece to be made. */
  #next = 0
  #source = 0
  #at = 0

  constructor(of: SnapshotOf) {
    const { head, pieces } = of
    const first = encodeHead(head)
    this.#of = of
    this.#headBytes = first.length
    this.#sources = [first, ...pieces]
    this.id = `${head.genesis.task}-${head.lastFence.gen}-${head.seq}`
    this.sizeBytes = this.#sources.reduce((sum, { length }) => sum + length, 0)
    this.parts = Math.ceil(this.sizeBytes / PART_BYTES)
  }

  get topic(): TopicKind {
    return this.#of.topic
  }

  get seq(): number {
    return this.#of.head.seq
  }

  /** Pieces that are not made yet. */
  get left(): number {
    return this.parts - this.#next
  }

  /** The next piece; not to be called when none is left. */
  part(): OutgoingRecord {
    const index = this.#next++
    const bytes = this.#cut(Math.min(PART_BYTES, this.sizeBytes - index * PART_BYTES))
    this.#whole.update(bytes)
    // The state's digest is over the core's image alone.
    const own = index === 0 ? Math.min(this.#headBytes, bytes.length) : 0
    if (this.#headBytes > PART_BYTES) throw new RangeError(`a head of ${this.#headBytes} bytes`)
    this.#state.update(bytes.subarray(own))
    return this.#record({ index, bytes, header: null })
  }

  /** What makes the pieces count. `firstOffset`: of piece 0. Only when no piece is left. */
  header(journal: JournalPlace, firstOffset: number): OutgoingRecord {
    const { head, prefix } = this.#of
    const { genesis, lastFence, positions } = head
    const header: SnapshotHeader = {
      cluster_id: genesis.clusterId,
      task: genesis.task,
      gen: lastFence.gen,
      step_seq: head.seq,
      journal_offset: journal.offset,
      format: head.format,
      behaviour: head.behaviour,
      parts: this.parts,
      size_bytes: this.sizeBytes,
      sha256: '',
      state_digest: this.#state.digest('hex'),
      positions,
      journal_hash: Buffer.from(journal.hash).toString('hex'),
      head_bytes: this.#headBytes,
      first_offset: firstOffset,
      prefix,
      at_ms: head.nowMs,
    }
    this.#whole.update(headerBytes(this.id, header))
    const sealed = { ...header, sha256: this.#whole.digest('hex') }
    const record = this.#record({ index: this.parts, bytes: new Uint8Array(0), header: sealed })
    const size = record.value?.length ?? 0
    if (size > HEADER_BYTES_MAX) throw new RangeError(`a snapshot's header of ${size} bytes`)
    return record
  }

  #record(what: {
    readonly index: number
    readonly bytes: Uint8Array
    readonly header: SnapshotHeader | null
  }): OutgoingRecord {
    const { topic, partition, prefix, encoder, atMs } = this.#of
    const value = encoder.encode('snapshots', { snapshot_id: this.id, ...what })
    return { topic: topicName(topic, prefix), partition, key: null, value, timestampMs: atMs }
  }

  #cut(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let filled = 0; filled < length; ) {
      const source = this.#sources[this.#source]
      if (source === undefined) throw new RangeError('a snapshot is shorter than its pieces')
      const piece = source.subarray(this.#at, this.#at + length - filled)
      bytes.set(piece, filled)
      filled += piece.length
      this.#at += piece.length
      if (this.#at === source.length) {
        this.#source++
        this.#at = 0
      }
    }
    return bytes
  }
}
