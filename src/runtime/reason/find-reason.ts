// From a log to the smallest reason of one decision: the newest state of its task that lies far
// enough before it is looked for, the journal is stepped again from there (and checked, as in every
// restore), and what was stepped is searched.
import { HsError } from '../../contracts/failure.ts'
import { topicName } from '../../contracts/topics.ts'
import { boundsOf, readJournal } from '../journal.ts'
import { type Base, Replay, type ReplayOptions } from '../replay.ts'
import { journalExpired } from '../restore.ts'
import { baseOf, checkHeader, findSnapshots, refusalOf } from '../snapshot-reader.ts'
import type { DecisionName } from './decision.ts'
import { type Reason, reasonOf } from './reason.ts'
import { Recorder } from './recording.ts'

export interface FindReasonOptions extends ReplayOptions {
  readonly decision: DecisionName & {
    /** Log time of its step. */
    readonly atMs: number
  }
  /** Records at least so long before the decision are looked at, as far as there are any. */
  readonly spanMs: number
  readonly recordsMax: number
  /** Wall time after which the search ends where it is. */
  readonly limitMs: number
}

/** Other work runs at least so often while it is searched. */
const STRETCH_MS = 20

/**
 * Errors: HS_NOT_FOUND when the journal does not hold the step (any more), HS_DIVERGED, and those
 * of a replay.
 */
export async function findReason(options: FindReasonOptions): Promise<Reason> {
  const { decision, spanMs, recordsMax, limitMs, clock, signal } = options
  const recorder = new Recorder(options.createCore, { spanMs, recordsMax })
  const replay = await openBefore({ ...options, createCore: recorder.createCore })
  try {
    await stepUpTo(replay, options)
  } finally {
    await replay.close()
  }
  const { recording } = recorder
  if (recording === null) throw notHeld(options)
  const endMs = clock.monotonicMs() + limitMs
  let turnedMs = clock.monotonicMs()
  const pause = async (): Promise<void> => {
    if (clock.monotonicMs() - turnedMs < STRETCH_MS) return
    signal.throwIfAborted()
    await (clock.turn?.() ?? new Promise((resolve) => setImmediate(resolve)))
    turnedMs = clock.monotonicMs()
  }
  const isOver = (): boolean => clock.monotonicMs() >= endMs
  return await reasonOf(recording, decision, { pause, isOver })
}

/** Behind the newest snapshot that lies far enough before the decision, or before the genesis. */
async function openBefore(options: FindReasonOptions): Promise<Replay> {
  const { decision, spanMs } = options
  for await (const found of findSnapshots(options)) {
    if ('refused' in found || found.header.step_seq >= decision.stepSeq) continue
    if (found.header.at_ms > decision.atMs - spanMs) continue
    let base: Base
    try {
      checkHeader(found.header, options)
      base = await baseOf(found, options)
    } catch (error) {
      if (refusalOf(error) === null || options.signal.aborted) throw error
      continue
    }
    return new Replay(options, base)
  }
  return new Replay(options, null)
}

async function stepUpTo(replay: Replay, options: FindReasonOptions): Promise<void> {
  const { log, prefix, spec, signal, decision } = options
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const { start, end } = await boundsOf(log, at)
  const isAnew = replay.offset < 0
  const from = isAnew ? { from: start } : { from: replay.offset + 1, previous: replay.tip }
  for await (const chained of readJournal(log, at, { ...from, end, signal })) {
    if (replay.offset < 0 && chained.entry.kind !== 'genesis')
      throw journalExpired(at, chained.offset)
    await replay.next(chained)
    if (replay.seq >= decision.stepSeq) return
  }
  throw notHeld(options)
}

function notHeld({ spec, decision }: FindReasonOptions): HsError {
  return new HsError(
    'HS_NOT_FOUND',
    `the journal of ${spec.task} does not hold step ${decision.stepSeq}`,
    { fix: 'See what there is: `healstream journal show`.' },
  )
}
