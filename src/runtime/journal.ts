// Reading a task's journal: committed entries in order, each decoded and its place in the chain
// checked, and `journal verify` over all tasks. Writing is the commit pipeline's (running.ts).
import { createHash } from 'node:crypto'
import { HsError } from '../contracts/failure.ts'
import { type TaskId, taskId } from '../contracts/ids.ts'
import { type JournalEntry, NO_HASH } from '../contracts/journal.ts'
import { decodeEntry } from '../contracts/journal-codec.ts'
import type { LogRecord } from '../contracts/record.ts'
import { DEFAULT_PREFIX, topicName } from '../contracts/topics.ts'
import { hex } from '../core/kernel/canonical.ts'
import { LogError } from './log-error.ts'
import type { LogPort, LogReader, TopicDescription, TopicPartition } from './ports.ts'
import { copyRecords } from './record-batch.ts'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

/** Name of the service task of a partition. */
export function serviceTaskId(partition: number): TaskId {
  return taskId(`s${partition}`)
}

/** Id of the transactions of a task: no group in it, so that two groups cannot own one task. */
export function transactionalIdOf(prefix: string, task: string): string {
  return `${prefix}${task}`
}

export interface ChainedEntry {
  readonly offset: number
  /** Append time. */
  readonly atMs: number
  readonly entry: JournalEntry
  readonly hash: Uint8Array
}

const POLL_MS = 250

/**
 * Committed entries from the beginning to what is the end now; nothing for an empty journal.
 * Errors: HsError HS_CHAIN_BROKEN naming the offset; LogError of the log.
 */
export async function* readJournal(
  log: LogPort,
  at: TopicPartition,
  signal?: AbortSignal,
): AsyncGenerator<ChainedEntry> {
  const end = await journalEnd(log, at)
  if (end === 0) return
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    reader.assign(at, 'earliest')
    let previous = NO_HASH
    for await (const record of committed(reader, { at, end, signal })) {
      const place = `${at.topic}-${at.partition}@${record.offset}`
      const decoded = decoding(place, record.value ?? new Uint8Array(0))
      if (!same(decoded.previous, previous))
        throw new HsError(
          'HS_CHAIN_BROKEN',
          `${place} does not follow the entry before it: it holds ${short(decoded.previous)}, ` +
            `the entry before is ${short(previous)}`,
        )
      previous = decoded.hash
      const { entry, hash } = decoded
      yield { offset: record.offset, atMs: record.timestampMs, entry, hash }
    }
  } finally {
    await reader.close()
  }
}

async function* committed(
  reader: LogReader,
  { at, end, signal }: { at: TopicPartition; end: number; signal: AbortSignal | undefined },
): AsyncGenerator<LogRecord> {
  for (;;) {
    for (const fetched of await reader.poll(POLL_MS, signal)) {
      if (fetched.gap !== null) throw missing(at, fetched.gap)
      for (const batch of fetched.batches) yield* copyRecords(batch, fetched.from)
    }
    if ((reader.position(at) ?? 0) >= end) return
  }
}

function missing(at: TopicPartition, { from, to }: { from: number; to: number }): HsError {
  const what = `${at.topic}-${at.partition}: offsets ${from} to ${to} are missing`
  return new HsError('HS_CHAIN_BROKEN', what)
}

function decoding(place: string, bytes: Uint8Array): ReturnType<typeof decodeEntry> {
  try {
    return decodeEntry(bytes, sha256)
  } catch (error) {
    if (!(error instanceof HsError)) throw error
    throw new HsError('HS_CHAIN_BROKEN', `${place}: ${error.message}`, { cause: error })
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function short(hash: Uint8Array): string {
  return hex(hash.subarray(0, 6))
}

/** Next offset of the journal for read_committed readers; 0 = nothing was ever written. */
export async function journalEnd(log: LogPort, at: TopicPartition): Promise<number> {
  const admin = log.admin()
  try {
    const [end] = await admin.offsets([at], 'latest', 'read_committed')
    return end ?? 0
  } finally {
    await admin.close()
  }
}

/** null for a topic that does not exist. */
export async function describeTopic(log: LogPort, topic: string): Promise<TopicDescription | null> {
  const admin = log.admin()
  try {
    const [found] = await admin.describeTopics([topic])
    return found ?? null
  } finally {
    await admin.close()
  }
}

export interface JournalReport {
  readonly partition: number
  readonly entries: number
  readonly steps: number
  readonly gen: number
  readonly skipped: number
  /** Hash of the last entry, hex; '' for an empty journal. */
  readonly tip: string
  /** What is wrong, or null. */
  readonly problem: HsError | null
}

/**
 * Checks every service task's journal of a prefix: layout, chain, order of gens and steps.
 * Errors: HsError HS_NO_GENESIS when there are no journals; LogError of the log.
 */
export async function journalVerify(
  log: LogPort,
  prefix: string = DEFAULT_PREFIX,
): Promise<readonly JournalReport[]> {
  const topic = topicName('journal', prefix)
  const found = await describeTopic(log, topic)
  if (found === null) throw new HsError('HS_NO_GENESIS', `there is no topic ${topic}`)
  const reports: JournalReport[] = []
  for (let partition = 0; partition < found.partitions; partition++)
    reports.push(await verifyOne(log, { topic, partition }))
  return reports
}

async function verifyOne(log: LogPort, at: TopicPartition): Promise<JournalReport> {
  const check = new OrderCheck()
  let problem: HsError | null = null
  try {
    for await (const chained of readJournal(log, at)) check.next(chained)
    if (check.entries === 0)
      problem = new HsError('HS_NO_GENESIS', `${at.topic}-${at.partition} is empty`)
  } catch (error) {
    if (error instanceof LogError || !(error instanceof HsError)) throw error
    problem = error
  }
  const { entries, steps, gen, skipped, tip } = check
  return { partition: at.partition, entries, steps, gen, skipped, tip: hex(tip), problem }
}

/** Rules between entries that need no replay: genesis first and once, gen and seq by one. */
export class OrderCheck {
  entries: number = 0
  steps: number = 0
  gen: number = 0
  skipped: number = 0
  tip: Uint8Array = new Uint8Array(0)

  next({ offset, entry, hash }: ChainedEntry): void {
    const wrong = this.#problem(entry)
    if (wrong !== null) throw new HsError('HS_CHAIN_BROKEN', `entry at offset ${offset}: ${wrong}`)
    if (entry.kind === 'fence') this.gen = entry.gen
    if (entry.kind === 'steps') this.steps += entry.steps.length
    if (entry.kind === 'skip') this.skipped++
    this.entries++
    this.tip = hash
  }

  #problem(entry: JournalEntry): string | null {
    if ((entry.kind === 'genesis') !== (this.entries === 0))
      return entry.kind === 'genesis'
        ? 'a second genesis'
        : 'the journal does not begin with genesis'
    if (entry.kind === 'fence' && entry.gen !== this.gen + 1)
      return `gen ${entry.gen} follows gen ${this.gen}`
    if (entry.kind !== 'steps') return null
    const first = entry.steps[0]
    return first === undefined || first.seq === this.steps + 1
      ? null
      : `step ${first.seq} follows step ${this.steps}`
  }
}
