// A part of a journal, for people: the last entries, or so many from an offset on.
import { topicName } from '../contracts/topics.ts'
import { type ChainedEntry, journalEnd, journalStart, readJournal } from './journal.ts'
import type { LogPort } from './ports.ts'
import type { TaskSpec } from './replay.ts'

/** Every entry is followed by the marker of its transaction. */
const OFFSETS_PER_ENTRY = 2
const WINDOW_GROWTH = 4

export interface PageOptions {
  readonly prefix: string
  /** First offset; null: the last entries. */
  readonly from: number | null
  readonly limit: number
}

export interface JournalPage {
  readonly entries: readonly ChainedEntry[]
  /** Where the journal begins and ends. */
  readonly start: number
  readonly end: number
}

/** Errors: HS_CHAIN_BROKEN naming the first bad entry; LogError of the log. */
export async function journalPage(
  log: LogPort,
  spec: TaskSpec,
  { prefix, from, limit }: PageOptions,
): Promise<JournalPage> {
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const [start, end] = [await journalStart(log, at), await journalEnd(log, at)]
  const read = async (first: number, most: number): Promise<ChainedEntry[]> => {
    const entries: ChainedEntry[] = []
    if (first >= end) return entries
    for await (const one of readJournal(log, at, { from: first })) {
      entries.push(one)
      if (entries.length >= most) break
    }
    return entries
  }
  if (from !== null) return { entries: await read(Math.max(start, from), limit), start, end }
  for (let window = OFFSETS_PER_ENTRY * limit; ; window *= WINDOW_GROWTH) {
    const first = Math.max(start, end - window)
    const entries = await read(first, Number.POSITIVE_INFINITY)
    if (entries.length >= limit || first === start)
      return { entries: entries.slice(-limit), start, end }
  }
}
