// What a reader has to know of a partition before it can fetch it: its topic's settings, its
// leader, and the offset behind 'earliest' or 'latest'. Also: whether a position that a leader
// refused is lost, and whether a new leader's log is the one that was read.
import { LogError } from '../../runtime/log-error.ts'
import type { Isolation } from '../../runtime/ports.ts'
import { type Failure, isRetriable } from './error-codes.ts'
import type { Api, EpochEnd, EpochQuestion } from './protocol.ts'
import type { Entry } from './reader-entry.ts'
import { isUnavailable, refusal, type Session } from './session.ts'

/** What a preparation has found out about one entry. */
export type Finding =
  | { readonly kind: 'ready' }
  /** Ask again after a pause. */
  | { readonly kind: 'trouble'; readonly error: LogError }
  /** Only believed when it is still so a little later. */
  | { readonly kind: 'doubt'; readonly error: LogError }
  | { readonly kind: 'failure'; readonly error: LogError }

const READY: Finding = { kind: 'ready' }

/** What it says that a request failed. */
export function asFinding(error: unknown): Finding {
  if (isUnavailable(error)) return { kind: 'trouble', error }
  if (error instanceof LogError) return { kind: 'failure', error }
  const message = `a request failed: ${String(error)}`
  return { kind: 'failure', error: new LogError('INVALID_REQUEST', message, { cause: error }) }
}

/** What a partition's error answer to a question says. */
export function findingOf(api: Api, error: Failure, entry: Entry): Finding {
  const told = refusal(api, error, entry.at)
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return { kind: 'doubt', error: told }
  return { kind: isRetriable(error) ? 'trouble' : 'failure', error: told }
}

/**
 * Finds out what is not known of the entries, and notes it there; a finding for each, in order.
 * Errors: as Session.call.
 */
export async function prepare(
  session: Session,
  entries: readonly Entry[],
  { isolation, timeoutMs }: { readonly isolation: Isolation; readonly timeoutMs: number },
): Promise<readonly Finding[]> {
  const findings = new Map<Entry, Finding>()
  const open = (): Entry[] => entries.filter((entry) => !findings.has(entry))
  await describe(session, findings, open(), timeoutMs)
  await locate(session, findings, open(), timeoutMs)
  for (const at of ['earliest', 'latest'] as const) {
    const unresolved = open().filter((entry) => entry.position === null && entry.start === at)
    if (unresolved.length === 0) continue
    const partitions = unresolved.map((entry) => entry.at)
    const answer = await session.call('listOffsets', { isolation, at, partitions }, { timeoutMs })
    for (const [i, entry] of unresolved.entries()) {
      const found = answer.partitions[i]
      const error = found?.error ?? 'NETWORK_EXCEPTION'
      if (error === 'NONE') entry.position = found?.offset ?? null
      else findings.set(entry, findingOf('listOffsets', error, entry))
    }
  }
  return entries.map((entry) => findings.get(entry) ?? READY)
}

async function describe(
  session: Session,
  findings: Map<Entry, Finding>,
  entries: readonly Entry[],
  timeoutMs: number,
): Promise<void> {
  const unknown = entries.filter((entry) => entry.facts === null)
  const names = unknown.map(({ topic }) => topic)
  const facts = await session.topics.find(names, timeoutMs)
  for (const [i, entry] of unknown.entries()) {
    const found = facts[i]
    if (found !== null && found !== undefined) entry.facts = found
    else findings.set(entry, findingOf('describeTopics', 'UNKNOWN_TOPIC_OR_PARTITION', entry))
  }
}

async function locate(
  session: Session,
  findings: Map<Entry, Finding>,
  entries: readonly Entry[],
  timeoutMs: number,
): Promise<void> {
  const lost = entries.filter((entry) => entry.node === null)
  if (lost.length === 0) return
  const partitions = lost.map((entry) => entry.at)
  const answer = await session.call('locate', { partitions }, { timeoutMs })
  for (const [i, entry] of lost.entries()) {
    const found = answer.partitions[i]
    const error = found?.error ?? 'NETWORK_EXCEPTION'
    if (error === 'NONE') {
      entry.node = found?.node ?? null
      entry.leaderEpoch = found?.leaderEpoch ?? -1
    } else findings.set(entry, findingOf('locate', error, entry))
  }
}

/**
 * Why a leader says OFFSET_OUT_OF_RANGE. Below the log's start the position is lost, for the start
 * only grows. Beyond the end it may only look lost: a leader of a moment ago is not always as far
 * as the one before it, so that is doubted first. Errors: as Session.call.
 */
export async function whyOutOfRange(
  session: Session,
  entry: Entry,
  timeoutMs: number,
): Promise<Finding> {
  const ask = async (at: 'earliest' | 'latest'): Promise<number | Failure> => {
    const request = { isolation: 'read_uncommitted', at, partitions: [entry.at] } as const
    const [found] = (await session.call('listOffsets', request, { timeoutMs })).partitions
    const error = found?.error ?? 'NETWORK_EXCEPTION'
    return error === 'NONE' ? (found?.offset ?? 0) : error
  }
  const [start, end] = await Promise.all([ask('earliest'), ask('latest')])
  if (typeof start === 'string') return findingOf('listOffsets', start, entry)
  if (typeof end === 'string') return findingOf('listOffsets', end, entry)
  const { topic, partition, position } = entry
  const message = `position ${position} of ${topic}/${partition} is outside of ${start} to ${end}`
  const error = new LogError('POSITION_LOST', message, { at: { topic, partition } })
  if ((position ?? 0) < start) return { kind: 'failure', error }
  return { kind: (position ?? 0) > end ? 'doubt' : 'trouble', error }
}

/**
 * Asks the leader of all entries whether its log is, up to their positions, the one that was read;
 * where it is not, the position is lost, whatever records there are behind it. Errors: as
 * Session.call.
 */
export async function prove(
  session: Session,
  node: number,
  entries: readonly Entry[],
  timeoutMs: number,
): Promise<readonly Finding[]> {
  const partitions = entries.map(({ at, leaderEpoch, trail, position }) => {
    return { ...at, leaderEpoch, epoch: trail.before(position ?? 0)?.epoch ?? -1 }
  })
  const answer = await session.call('epochEnds', { node, partitions }, { timeoutMs })
  return entries.map((entry, i) => {
    const found = answer.partitions[i]
    const asked = partitions[i]
    if (found === undefined || asked === undefined) return READY
    if (found.error !== 'NONE') return findingOf('epochEnds', found.error, entry)
    const error = whyForked(entry, found, asked)
    if (error === null) entry.trail.provenFor = asked.leaderEpoch
    return error === null ? READY : { kind: 'failure', error }
  })
}

/**
 * A log that has no record of the epoch that was read is another one; but for one that is
 * compacted, which may have lost them all.
 */
function whyForked(entry: Entry, found: EpochEnd, asked: EpochQuestion): LogError | null {
  const { topic, partition, position, trail, facts } = entry
  const { epoch, endOffset } = found
  const isKept = trail.before(position ?? 0)?.isLeaders === false && facts?.compacted === false
  const isOther = epoch < 0 || endOffset < 0 || (isKept && epoch !== asked.epoch)
  if (!isOther && endOffset >= (position ?? 0)) return null
  const message =
    `position ${position} of ${topic}/${partition} is lost: records of leader epoch ` +
    `${asked.epoch} were read up to there, the log of the leader of epoch ${asked.leaderEpoch} ` +
    `has them up to offset ${epoch === asked.epoch ? endOffset : 'none'} only ` +
    '(it was cut off, as by an unclean election)'
  return new LogError('POSITION_LOST', message, { at: { topic, partition } })
}
