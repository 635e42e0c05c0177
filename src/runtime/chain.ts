// The writing end of a journal: entries are chained to the tip and committed with the records that
// belong to them, in one transaction. The tip moves only when the log has answered.
import type { JournalEntry } from '../contracts/journal.ts'
import { encodeEntry } from '../contracts/journal-codec.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { HsError } from '../contracts/failure.ts'
import { sha256 } from './journal.ts'
import { disagreement } from './log-time.ts'
import type { JournalPlace } from './snapshot-parts.ts'
import type { Appended, Clock, TopicPartition, TransactionalWriter } from './ports.ts'

export interface ChainAnswer {
  /** Append time of the (last) entry, or of the records where there was none. */
  readonly appendMs: number
  /** How far the host's wall clock is ahead of the broker's, as far as this commit can tell. */
  readonly hostAheadMs: number
  /** Time the commit took. */
  readonly tookMs: number
  /** The last entry; null where records were written without one. */
  readonly entry: JournalPlace | null
  readonly appended: readonly Appended[]
}

export class Chain {
  readonly #writer: TransactionalWriter
  readonly #clock: Clock
  readonly #at: TopicPartition
  #tip: Uint8Array
  #last: JournalPlace | null = null

  constructor(
    writer: TransactionalWriter,
    clock: Clock,
    journal: {
      readonly at: TopicPartition
      readonly tip: Uint8Array
      /** Of the tip, where there is one. */
      readonly offset?: number
    },
  ) {
    this.#writer = writer
    this.#clock = clock
    this.#at = journal.at
    const { tip, offset } = journal
    this.#tip = tip
    if (offset !== undefined) this.#last = { offset, hash: tip }
  }

  /** The last entry that is known to be committed; null: none is. */
  get last(): JournalPlace | null {
    return this.#last
  }

  /**
   * One commit at a time. Records without an entry (pieces of a snapshot) do not move the tip.
   * Errors: as TransactionalWriter.commit; HS_JOURNAL_LOST where the log has lost entries.
   */
  async append(
    records: readonly OutgoingRecord[],
    entries: readonly JournalEntry[],
  ): Promise<ChainAnswer> {
    const { topic, partition } = this.#at
    const sentMs = this.#clock.nowMs()
    const startMs = this.#clock.monotonicMs()
    const batch = [...records]
    let tip = this.#tip
    for (const entry of entries) {
      const { bytes, hash } = encodeEntry(entry, tip, sha256)
      batch.push({ topic, partition, key: null, value: bytes, timestampMs: sentMs })
      tip = hash
    }
    const appended = await this.#writer.commit(batch)
    const answeredMs = this.#clock.nowMs()
    const isEntry = (a: Appended): boolean => a.topic === topic && a.partition === partition
    const place = entries.length > 0 ? appended.findLast(isEntry) : appended.at(-1)
    if (place === undefined || place.appendMs === null) {
      const name = place?.topic ?? topic
      throw new HsError('HS_CONFIG', `${name} does not keep append times`, {
        fix: `Set message.timestamp.type=LogAppendTime on ${name}.`,
      })
    }
    const entry = entries.length > 0 ? { offset: place.lastOffset, hash: tip } : null
    if (entry !== null) this.#follows(entry)
    this.#tip = tip
    return {
      appendMs: place.appendMs,
      hostAheadMs: disagreement(place.appendMs, sentMs, answeredMs),
      tookMs: this.#clock.monotonicMs() - startMs,
      entry,
      appended,
    }
  }

  /** A broker that has lost the producer with the entries takes the next batch for due. */
  #follows(entry: JournalPlace): void {
    const last = this.#last
    if (last !== null && entry.offset <= last.offset) throw journalCut(this.#at, last, entry.offset)
    this.#last = entry
  }
}

/** The journal no longer has an entry that it was known to have. */
export function journalCut(
  { topic, partition }: TopicPartition,
  last: JournalPlace,
  end: number,
): HsError {
  return new HsError(
    'HS_JOURNAL_LOST',
    `the journal ${topic}-${partition} goes on at offset ${end}, but its entry at offset ` +
      `${last.offset} was committed: entries are lost (it was cut off, as by an unclean election)`,
  )
}
