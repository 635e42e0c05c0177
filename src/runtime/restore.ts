// Restore: a task's state as its journal says it. A replay begins with the newest snapshot that
// proves itself (or at the genesis, or with what a standby has kept warm) and takes the journal
// from there to its end. What was refused, and why, is said loudly; a divergence stops the task
// (replay.ts).
import { HsError } from '../contracts/failure.ts'
import { topicName } from '../contracts/topics.ts'
import { AssertionError } from '../core/kernel/assert.ts'
import { hex } from '../core/kernel/canonical.ts'
import type { Instruments } from './instruments.ts'
import {
  type Bounds,
  boundsOf,
  journalEnd,
  JournalReader,
  type ReadFrom,
  readJournal,
} from './journal.ts'
import { LogError } from './log-error.ts'
import type { TopicPartition } from './ports.ts'
import { type Base, Replay, type ReplayOptions, type Restored } from './replay.ts'
import { sameBytes } from './replay-checks.ts'
import { journalCut } from './chain.ts'
import type { JournalPlace } from './snapshot-parts.ts'
import {
  baseOf,
  checkHeader,
  findSnapshots,
  type Found,
  refusalOf,
  SnapshotRefused,
} from './snapshot-reader.ts'

const PROGRESS_EVERY_MS = 1_000
/** After this an entry that was committed and is not there is lost. */
const VANISHED_AFTER_MS = 3_000
const AGAIN_MS = 250

/** How far a restore has come, 0 to 1, and how long the rest will take as far as can be told. */
export interface RestoreProgress {
  readonly fraction: number
  readonly leftMs: number | null
}

export interface RestoreOptions extends ReplayOptions {
  readonly group: string
  readonly instruments: Instruments
  /** What a standby has kept warm; it is used up, whatever comes of it. */
  readonly warm?: Replay | null
  /** An entry that this process has committed before; default: it knows of none. */
  readonly known?: JournalPlace | null
  readonly onProgress?: (progress: RestoreProgress) => void
}

/**
 * Errors: HS_NO_GENESIS, HS_FOREIGN_CLUSTER, HS_CHAIN_BROKEN, HS_DIVERGED, HS_INPUT_CHANGED,
 * HS_CONFIG (another group owns it, a format or behaviour of another build); LogError of the log;
 * the signal's reason.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { log, clock, instruments, spec, group } = options
  const startMs = clock.monotonicMs()
  const warm = await fromWarm(options)
  const replay = warm ?? (await openReplay(options))
  try {
    if (warm === null) await catchUp(replay, options, await boundsOf(log, atOf(options)))
    await catchUpTo(options.known ?? null, replay, options)
    const restored = replay.done(group)
    const ms = Math.round(clock.monotonicMs() - startMs)
    const { tail, seq } = restored
    instruments.emit('task_restored', {
      task: spec.task,
      steps: seq,
      tail: tail.steps,
      warm: warm !== null,
      ms,
      seconds: ms / 1_000,
      ratio: 1,
    })
    return restored
  } finally {
    await replay.close()
  }
}

/** The journal has the entry. Errors: HS_JOURNAL_LOST. */
async function catchUpTo(
  known: JournalPlace | null,
  replay: Replay,
  options: RestoreOptions,
): Promise<void> {
  if (known === null || replay.offset > known.offset) return
  if (replay.offset < known.offset) {
    const end = await untilHeld(known, options)
    await catchUp(replay, options, { start: 0, end })
  }
  const isThere = replay.offset > known.offset || sameBytes(replay.tip, known.hash)
  if (replay.offset < known.offset || !isThere)
    throw journalCut(atOf(options), known, replay.offset + 1)
}

/**
 * The journal's end, once it is behind the entry: a new leader may not be as far as the one before
 * it for a moment, and a stranger's open transaction hides what is behind it. Errors:
 * HS_JOURNAL_LOST.
 */
async function untilHeld(
  place: JournalPlace,
  options: Pick<ReplayOptions, 'log' | 'clock' | 'signal' | 'spec' | 'prefix'>,
): Promise<number> {
  const { log, clock, signal } = options
  const at = atOf(options)
  const untilMs = clock.monotonicMs() + VANISHED_AFTER_MS
  for (;;) {
    const end = await journalEnd(log, at)
    if (end > place.offset) return end
    const isLate = clock.monotonicMs() >= untilMs
    if (isLate && (await boundsOf(log, at, 'read_uncommitted')).end <= place.offset)
      throw journalCut(at, place, end)
    await clock.sleep(AGAIN_MS, signal)
  }
}

/** What a standby kept warm, brought to the journal's end; null: it has to be done from cold. */
async function fromWarm(options: RestoreOptions): Promise<Replay | null> {
  const { warm, signal, instruments, spec, log } = options
  if (warm === null || warm === undefined) return null
  warm.bind(signal)
  try {
    const bounds = await boundsOf(log, atOf(options))
    const place = { offset: warm.offset, hash: warm.tip }
    const isOurs = place.offset < 0 ? null : checkChain(place, options, bounds.end)
    await both(isOurs, catchUp(warm, options, bounds))
    if (warm.divergence !== null) throw warm.divergence
    return warm
  } catch (error) {
    await warm.close()
    if (signal.aborted || isLoss(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    instruments.emit('standby_failed', { task: spec.task, reason })
    return null
  }
}

/** Takes the journal from where the replay stands to its end. */
async function catchUp(replay: Replay, options: RestoreOptions, bounds: Bounds): Promise<void> {
  const { log, spec, signal, clock, instruments } = options
  const at = atOf(options)
  const { end } = bounds
  const from = replay.offset + 1
  const startMs = clock.monotonicMs()
  let toldMs = startMs
  const where = whereNext(replay, bounds)
  // What was stepped so far is not given up for a leader that moves.
  const upTo = { end, signal, patience: clock }
  for await (const chained of readJournal(log, at, { ...where, ...upTo })) {
    if (replay.offset < 0 && chained.entry.kind !== 'genesis')
      throw journalExpired(at, chained.offset)
    await replay.next(chained)
    const nowMs = clock.monotonicMs()
    if (nowMs - toldMs < PROGRESS_EVERY_MS) continue
    toldMs = nowMs
    const progress = progressOf(chained.offset + 1 - from, end - from, nowMs - startMs)
    options.onProgress?.(progress)
    const leftSeconds = progress.leftMs === null ? null : Math.ceil(progress.leftMs / 1_000)
    instruments.emit('task_restoring', {
      task: spec.task,
      offset: chained.offset,
      end,
      percent: Math.floor(progress.fraction * 100),
      ratio: progress.fraction,
      left_s: leftSeconds,
    })
  }
  options.onProgress?.({ fraction: 1, leftMs: 0 })
}

/** Right behind what the replay has taken; markers in between may have expired. */
export function whereNext(replay: Replay, { start }: Pick<Bounds, 'start'>): ReadFrom {
  if (replay.offset < 0) return { from: start }
  return { from: Math.max(start, replay.offset + 1), previous: replay.tip }
}

function atOf({ spec, prefix }: Pick<ReplayOptions, 'spec' | 'prefix'>): TopicPartition {
  return { topic: topicName(spec.journal, prefix), partition: spec.partition }
}

/** Both are over when it is; of two errors the first one counts. */
async function both<T>(first: Promise<T> | null, second: Promise<unknown>): Promise<T | null> {
  const [one, other] = await Promise.allSettled([first, second])
  if (one.status === 'rejected') throw one.reason
  if (other.status === 'rejected') throw other.reason
  return one.value
}

export function progressOf(done: number, all: number, tookMs: number): RestoreProgress {
  if (all <= 0) return { fraction: 1, leftMs: 0 }
  const fraction = Math.min(1, done / all)
  return { fraction, leftMs: fraction > 0 ? (tookMs * (1 - fraction)) / fraction : null }
}

/**
 * A replay that stands behind the newest snapshot that proves itself, or before the genesis.
 * Refused snapshots are told one by one. Errors: LogError of the log; the signal's reason.
 */
export async function openReplay(
  options: ReplayOptions & { readonly instruments: Instruments },
): Promise<Replay> {
  const { log, spec, prefix, instruments } = options
  const at = atOf(options)
  const snapshots = findSnapshots(options)
  const [end, newest] = await Promise.all([journalEnd(log, at), snapshots.next()])
  if (end === 0)
    throw new HsError('HS_NO_GENESIS', `the journal ${at.topic}-${at.partition} is empty`)
  for (let next = newest; next.done !== true; next = await snapshots.next()) {
    const found = next.value
    try {
      if ('refused' in found) throw found.refused
      checkHeader(found.header, options)
      const { header } = found
      const place = { offset: header.journal_offset, hash: Buffer.from(header.journal_hash, 'hex') }
      const base = await both(baseOf(found, options), checkChain(place, options, end))
      if (base !== null) return await opened(base, found, options)
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === null || options.signal.aborted) throw error
      instruments.emit('snapshot_refused', {
        task: spec.task,
        topic: topicName(found.topic, prefix),
        partition: spec.partition,
        offset: found.offset,
        reason: refusal.reason,
        detail: refusal.message,
      })
    }
  }
  return new Replay(options, null)
}

/** The core reads its image, and what it has read is what was written. */
async function opened(base: Base, { header }: Found, options: ReplayOptions): Promise<Replay> {
  let replay: Replay
  try {
    replay = new Replay(options, base)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const isOurs = error instanceof AssertionError || error instanceof HsError
    const what = isOurs ? error.message : `${error.name}: ${error.message}`
    throw new SnapshotRefused('unreadable', `it cannot be loaded: ${what}`, { cause: error })
  }
  const digest = hex(replay.stateDigest())
  if (digest === header.state_digest) return replay
  await replay.close()
  const what = `loaded, its state is ${digest.slice(0, 12)}`
  throw new SnapshotRefused('digest', `${what}, written was ${header.state_digest.slice(0, 12)}`)
}

/**
 * The journal holds the entry that a state belongs to, or goes on right behind it. Errors:
 * SnapshotRefused; HS_JOURNAL_LOST where it has neither, for then it was cut off or is another one;
 * LogError of the log. `knownEnd`: of the journal, a moment ago.
 */
async function checkChain(
  place: JournalPlace,
  options: ReplayOptions,
  knownEnd: number,
): Promise<void> {
  const { log, signal } = options
  const { offset, hash } = place
  const at = atOf(options)
  // A snapshot may have been written since.
  const end = offset < knownEnd ? knownEnd : await untilHeld(place, options)
  const reader = new JournalReader(log, at, { from: offset })
  try {
    for (;;) {
      const [first] = await reader.poll(PROGRESS_EVERY_MS, signal)
      if (first === undefined && reader.position < end) continue
      if (first?.offset === offset && sameBytes(first.hash, hash)) return
      if (first !== undefined && first.offset > offset && sameBytes(first.previous, hash)) return
      throw journalCut(at, place, first?.offset ?? end)
    }
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'POSITION_LOST') throw error
    if (await goesOnBehind(place, options)) return
    const what = `the journal's entries from offset ${offset} on have expired`
    throw new SnapshotRefused('expired', what, { cause: error })
  } finally {
    await reader.close()
  }
}

/** The first entry that is left of the journal is the next one behind the snapshot. */
async function goesOnBehind(place: JournalPlace, options: ReplayOptions): Promise<boolean> {
  const { log, signal } = options
  const at = atOf(options)
  for await (const { offset, previous } of readJournal(log, at, { signal }))
    return offset > place.offset && sameBytes(previous, place.hash)
  return false
}

/** The genesis is gone, and nothing that would stand for it fits. */
export function journalExpired(at: TopicPartition, offset: number): HsError {
  return new HsError(
    'HS_JOURNAL_LOST',
    `the journal ${at.topic}-${at.partition} begins at offset ${offset}, behind its genesis, ` +
      'and no snapshot or checkpoint fits',
  )
}

function isLoss(error: unknown): boolean {
  return error instanceof HsError && error.code === 'HS_JOURNAL_LOST'
}
