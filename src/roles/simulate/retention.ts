// Retention, at times that the seed draws: beginnings of a task's journal and of its images are
// thrown away, never more than leaves the newest images that an heir can restore from, and what
// comes behind them in the journal. Counts the restores that had to do without a genesis.
import { partitionKey, type Transport } from '../../adapters/client/protocol.ts'
import type { Decoder } from '../../contracts/decode.ts'
import type { SnapshotHeader } from '../../contracts/records.ts'
import { topicName, type TopicKind } from '../../contracts/topics.ts'
import { bytesOf, printOf } from './batches.ts'
import type { CheckedTask } from './checker.ts'
import { Stored } from './stored.ts'

/** How much goes, drawn before the run begins. */
export interface Cut {
  /** Of the tasks of the cluster. */
  readonly task: number
  /** So many of its newest images stay. */
  readonly keep: number
  /** Of what may go, 0 to 1. */
  readonly share: number
  /** The entry of the journal that the oldest of these images belongs to goes too. */
  readonly isBehind: boolean
}

export interface RetentionOptions {
  readonly ask: Transport
  readonly decoder: Decoder
  readonly prefix: string
  readonly tasks: readonly CheckedTask[]
  /** A value of this print was spoilt on its way to the log. */
  readonly isRotten: (print: number) => boolean
  readonly nowMs: () => number
  /** What is about to go is looked at for the last time. */
  readonly lastLook: () => Promise<void>
  readonly say: (what: string) => void
}

/** An image that is there whole. */
interface Image {
  readonly topic: TopicKind
  readonly first: number
  readonly last: number
  readonly header: SnapshotHeader
}

const LIMITS = { timeoutMs: 60_000 }

export class Retention {
  readonly #options: RetentionOptions
  /** Since when a task's journal has no genesis any more. */
  readonly #cutMs = new Map<string, number>()
  readonly counts: { cuts: number; restoresBehindCut: number } = { cuts: 0, restoresBehindCut: 0 }

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Nothing happens to a task that has too few images. */
  async cut({ task, keep, share, isBehind }: Cut): Promise<void> {
    const { tasks, lastLook, say, nowMs } = this.#options
    const spec = tasks[task]
    if (spec === undefined) return
    const lists = await Promise.all(spec.images.map((topic) => this.#images(spec, topic)))
    const images = lists.flat().sort((a, b) => b.header.step_seq - a.header.step_seq)
    const oldest = images[keep - 1]
    if (oldest === undefined) return
    await lastLook()
    const entry = oldest.header.journal_offset
    const hasMore = await this.#hasMore(spec, entry)
    const journal = Math.floor(share * (isBehind && hasMore ? entry + 1 : entry))
    await this.#delete(spec, spec.journal, journal)
    const kept = new Set(images.slice(0, keep))
    for (const [i, topic] of spec.images.entries()) {
      const first = lists[i]?.find((image) => kept.has(image))?.first
      const end = first ?? (lists[i]?.at(-1)?.last ?? -1) + 1
      await this.#delete(spec, topic, Math.floor(share * end))
    }
    say(`${spec.task} loses its journal before ${journal}, ${keep} images stay`)
    if (journal === 0) return
    this.counts.cuts++
    if (!this.#cutMs.has(spec.task)) this.#cutMs.set(spec.task, nowMs())
  }

  /** A restore that took `ms` has ended just now. */
  restored(task: string, { ms, isWarm }: { readonly ms: number; readonly isWarm: boolean }): void {
    const cutMs = this.#cutMs.get(task) ?? Infinity
    if (!isWarm && this.#options.nowMs() - ms > cutMs) this.counts.restoresBehindCut++
  }

  /** Whole images of a topic, oldest first. */
  async #images(spec: CheckedTask, topic: TopicKind): Promise<readonly Image[]> {
    const { ask, decoder, prefix, isRotten } = this.#options
    const at = { topic: topicName(topic, prefix), partition: spec.partition }
    const pieces = new Map<string, { first: number; count: number }>()
    const found: Image[] = []
    for (const record of await new Stored(ask).newRecords(at)) {
      const decoded = decoder.decode('snapshots', { ...record })
      if (!decoded.ok || isRotten(printOf(bytesOf(record, 'value')))) continue
      const { snapshot_id: id, header } = decoded.record
      const known = pieces.get(id) ?? { first: record.offset, count: 0 }
      pieces.set(id, known)
      if (header === null) known.count++
      else if (known.count === header.parts)
        found.push({ topic, first: known.first, last: record.offset, header })
    }
    return found
  }

  /** Whether the journal goes on behind an entry. */
  async #hasMore(spec: CheckedTask, entry: number): Promise<boolean> {
    const { ask, prefix } = this.#options
    const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
    const records = await new Stored(ask).newRecords(at)
    return records.some(({ offset }) => offset > entry)
  }

  async #delete(spec: CheckedTask, topic: TopicKind, beforeOffset: number): Promise<void> {
    const { ask, prefix } = this.#options
    const at = { topic: topicName(topic, prefix), partition: spec.partition }
    const { error } = await ask('deleteRecords', { ...at, beforeOffset }, LIMITS)
    if (error !== 'NONE') throw new RangeError(`${partitionKey(at)} cannot be cut: ${error}`)
  }
}
