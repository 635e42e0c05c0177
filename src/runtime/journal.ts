// Reading a task's journal: committed entries in order, each decoded and its place in the chain
// checked, and `journal verify` over all tasks. Writing is the commit pipeline's (running.ts).
import { createHash } from 'node:crypto'
import { HsError } from '../contracts/failure.ts'
import { type TaskId, taskId } from '../contracts/ids.ts'
import { type GenesisEntry, type JournalEntry, NO_HASH } from '../contracts/journal.ts'
import { decodeEntry } from '../contracts/journal-codec.ts'
import type { LogRecord } from '../contracts/record.ts'
import { DEFAULT_PREFIX, topicName } from '../contracts/topics.ts'
import { hex } from '../core/kernel/canonical.ts'
import { LogError } from './log-error.ts'
import type {
  Clock,
  Isolation,
  LogPort,
  LogReader,
  TopicDescription,
  TopicPartition,
} from './ports.ts'
import { copyRecords } from './record-batch.ts'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

/** Name of the service task of a partition. */
export function serviceTaskId(partition: number): TaskId {
  return taskId(`s${partition}`)
}

export const FLEET_TASK: TaskId = taskId('fleet')

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
  /** Of the entry before. */
  readonly previous: Uint8Array
}

export interface ReadFrom {
  /** Default: the earliest entry that there still is. */
  readonly from?: number
  /** Hash of the entry before that; null (default): a genesis, or whatever the first one says. */
  readonly previous?: Uint8Array | null
}

export interface ReadUpTo {
  readonly end?: number
  readonly signal?: AbortSignal
  /** With it brokers that do not answer are asked again, until the signal ends it. */
  readonly patience?: Clock
}

/** What a journal holds now: its first offset, and the one behind its last for committed reads. */
export interface Bounds {
  readonly start: number
  readonly end: number
}

const POLL_MS = 250
/** Before brokers that do not answer are asked again. */
const AGAIN_MS = 100

/**
 * Follows a journal: committed entries, each with its place in the chain checked. Errors of `poll`:
 * HsError HS_CHAIN_BROKEN naming the offset; LogError of the log (POSITION_LOST: expired).
 */
export class JournalReader {
  readonly #reader: LogReader
  readonly #at: TopicPartition
  #previous: Uint8Array | null
  #broken: HsError | null = null
  /** The last poll reached the end of what is committed. */
  caughtUp: boolean = false

  constructor(log: LogPort, at: TopicPartition, { from, previous }: ReadFrom = {}) {
    this.#at = at
    this.#previous = previous ?? null
    this.#reader = log.reader({ isolation: 'read_committed' })
    this.#reader.assign(at, from ?? 'earliest')
  }

  /** Next offset to be read. */
  get position(): number {
    return this.#reader.position(this.#at) ?? 0
  }

  async poll(maxWaitMs: number, signal?: AbortSignal): Promise<readonly ChainedEntry[]> {
    if (this.#broken !== null) throw this.#broken
    const entries: ChainedEntry[] = []
    try {
      for (const fetched of await this.#reader.poll(maxWaitMs, signal)) {
        if (fetched.gap !== null) throw missing(this.#at, fetched.gap)
        this.caughtUp = fetched.caughtUp
        for (const batch of fetched.batches)
          for (const record of copyRecords(batch, fetched.from)) entries.push(this.#chained(record))
      }
    } catch (error) {
      if (entries.length === 0 || !(error instanceof HsError)) throw error
      // What stands before the first bad entry is good; the next poll says what is wrong.
      this.#broken = error
    }
    return entries
  }

  /** The next poll throws. */
  get isBroken(): boolean {
    return this.#broken !== null
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  #chained(record: LogRecord): ChainedEntry {
    const place = `${this.#at.topic}-${this.#at.partition}@${record.offset}`
    const { entry, previous, hash } = decoding(place, record.value ?? new Uint8Array(0))
    const expected = this.#previous ?? (entry.kind === 'genesis' ? NO_HASH : previous)
    if (!same(previous, expected))
      throw new HsError(
        'HS_CHAIN_BROKEN',
        `${place} does not follow the entry before it: it holds ${short(previous)}, ` +
          `the entry before is ${short(expected)}`,
      )
    this.#previous = hash
    return { offset: record.offset, atMs: record.timestampMs, entry, hash, previous }
  }
}

/**
 * Committed entries up to `end` (default: what is the end now); nothing for an empty journal.
 * Errors: as JournalReader.
 */
export async function* readJournal(
  log: LogPort,
  at: TopicPartition,
  options: ReadFrom & ReadUpTo = {},
): AsyncGenerator<ChainedEntry> {
  const end = options.end ?? (await journalEnd(log, at))
  if (end <= (options.from ?? 0)) return
  const reader = new JournalReader(log, at, options)
  try {
    do yield* await pollOf(reader, options)
    while (reader.isBroken || reader.position < end)
  } finally {
    await reader.close()
  }
}

async function pollOf(
  reader: JournalReader,
  { signal, patience }: ReadUpTo,
): Promise<readonly ChainedEntry[]> {
  for (;;) {
    try {
      return await reader.poll(POLL_MS, signal)
    } catch (error) {
      const isAway = error instanceof LogError && error.code === 'UNAVAILABLE'
      if (!isAway || patience === undefined) throw error
      await patience.sleep(AGAIN_MS, signal)
    }
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

/** Of any topic, in one question. */
export async function boundsOf(
  log: LogPort,
  at: TopicPartition,
  isolation: Isolation = 'read_committed',
): Promise<Bounds> {
  const admin = log.admin()
  try {
    const [[start = 0], [end = 0]] = await Promise.all([
      admin.offsets([at], 'earliest', isolation),
      admin.offsets([at], 'latest', isolation),
    ])
    return { start, end }
  } finally {
    await admin.close()
  }
}

/** First offset that the log still holds. */
export async function journalStart(log: LogPort, at: TopicPartition): Promise<number> {
  const admin = log.admin()
  try {
    const [start] = await admin.offsets([at], 'earliest', 'read_committed')
    return start ?? 0
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
  readonly task: TaskId
  readonly partition: number
  /** Offset of the first entry where the beginning has expired; null: it begins with genesis. */
  readonly begins: number | null
  readonly entries: number
  readonly steps: number
  /** 0: no fence is among the entries that are left. */
  readonly gen: number
  readonly skipped: number
  /** Hash of the last entry, hex; '' for an empty journal. */
  readonly tip: string
  /** What is wrong, or null. */
  readonly problem: HsError | null
}

/**
 * Checks every task's journal of a prefix: layout, chain, order of gens and steps.
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
    reports.push(await verifyOne(log, serviceTaskId(partition), { topic, partition }))
  const fleet = { topic: topicName('fleet-journal', prefix), partition: 0 }
  reports.push(await verifyOne(log, FLEET_TASK, fleet))
  return reports
}

async function verifyOne(log: LogPort, task: TaskId, at: TopicPartition): Promise<JournalReport> {
  const check = new OrderCheck('anywhere')
  let problem: HsError | null = null
  let begins: number | null = null
  try {
    if ((await describeTopic(log, at.topic)) === null)
      throw new HsError('HS_NO_GENESIS', `there is no topic ${at.topic}`)
    const start = await journalStart(log, at)
    for await (const chained of readJournal(log, at)) {
      if (check.entries === 0 && chained.entry.kind !== 'genesis') begins = chained.offset
      // Only what retention has taken may be missing.
      if (begins !== null && start === 0) throw headless(chained.offset)
      check.next(chained)
    }
    if (check.entries === 0)
      problem = new HsError('HS_NO_GENESIS', `${at.topic}-${at.partition} is empty`)
  } catch (error) {
    if (error instanceof LogError || !(error instanceof HsError)) throw error
    problem = error
  }
  const { entries, steps, gen, skipped, tip } = check
  return {
    task,
    partition: at.partition,
    begins,
    entries,
    steps,
    gen,
    skipped,
    tip: hex(tip),
    problem,
  }
}

function headless(offset: number): HsError {
  const what = `entry at offset ${offset}: the journal does not begin with genesis`
  return new HsError('HS_CHAIN_BROKEN', what)
}

/**
 * Gen from which a journal counts: after a loss above all that the lost one can have reached,
 * because agents take nothing from a gen below one they have seen. It grew by fences, and no task
 * was fenced once a second since 1970.
 */
function genBefore({ lastTip, atMs }: GenesisEntry): number {
  return lastTip === null ? 0 : Math.floor(atMs / 1_000)
}

/** Where an OrderCheck begins: what the entries before have come to. */
export interface OrderFrom {
  readonly gen: number
  readonly steps: number
  readonly tip: Uint8Array
}

/**
 * Rules between entries that need no replay: genesis first and once, gen and seq by one. Begun
 * 'anywhere' the first entry may be another, and says where gens and steps go on.
 */
export class OrderCheck {
  entries: number = 0
  /** seq of the last step. */
  steps: number = 0
  gen: number = 0
  skipped: number = 0
  tip: Uint8Array = new Uint8Array(0)
  readonly #needsGenesis: boolean
  #knowsGen = true
  #knowsSteps = true

  constructor(begins: 'genesis' | 'anywhere' | OrderFrom = 'genesis') {
    this.#needsGenesis = begins === 'genesis'
    if (typeof begins === 'string') return
    this.entries = 1
    this.gen = begins.gen
    this.steps = begins.steps
    this.tip = begins.tip
  }

  next({ offset, entry, hash }: ChainedEntry): void {
    if (this.entries === 0 && entry.kind !== 'genesis' && !this.#needsGenesis) {
      this.#knowsGen = false
      this.#knowsSteps = false
    }
    const wrong = this.#problem(entry)
    if (wrong !== null) throw new HsError('HS_CHAIN_BROKEN', `entry at offset ${offset}: ${wrong}`)
    if (entry.kind === 'genesis') this.gen = genBefore(entry)
    if (entry.kind === 'fence') {
      this.gen = entry.gen
      this.#knowsGen = true
    }
    if (entry.kind === 'steps' && entry.steps.length > 0) {
      this.steps = entry.steps.at(-1)?.seq ?? this.steps
      this.#knowsSteps = true
    }
    if (entry.kind === 'skip') this.skipped++
    this.entries++
    this.tip = hash
  }

  #problem(entry: JournalEntry): string | null {
    if (entry.kind === 'genesis') return this.entries === 0 ? null : 'a second genesis'
    if (this.entries === 0 && this.#needsGenesis) return 'the journal does not begin with genesis'
    if (entry.kind === 'fence' && this.#knowsGen && entry.gen !== this.gen + 1)
      return `gen ${entry.gen} follows gen ${this.gen}`
    if (entry.kind !== 'steps' || !this.#knowsSteps) return null
    const first = entry.steps[0]
    return first === undefined || first.seq === this.steps + 1
      ? null
      : `step ${first.seq} follows step ${this.steps}`
  }
}
