// `healstream task resume`: a person accepts that a journal does not replay as it was recorded, and
// that records which were deleted before they were used are lost. The word goes into the journal
// itself, behind its last entry, under the task's own transactional id: whoever runs the task is
// fenced first, so that nothing comes in between.
import { HsError } from '../contracts/failure.ts'
import { type GapEntry, type OverrideEntry, TEXT_BYTES_MAX } from '../contracts/journal.ts'
import { topicName } from '../contracts/topics.ts'
import { encodeUtf8 } from '../contracts/utf8.ts'
import { Chain } from './chain.ts'
import { readJournal, transactionalIdOf } from './journal.ts'
import type { Clock, LogPort } from './ports.ts'
import type { TaskSpec } from './replay.ts'
import { allTasks } from './task-spec.ts'
import { positionsAfter } from './task-view.ts'

const TRANSACTION_TIMEOUT_MS = 5_000
const COMMIT_DEADLINE_MS = 10_000

export interface ResumeOptions {
  readonly clock: Clock
  readonly prefix: string
  /** P. */
  readonly partitions: number
  readonly why: string
  readonly who: string
}

export interface Resumed {
  /** Of the override entry. */
  readonly offset: number
  readonly lost: readonly GapEntry[]
}

/** Errors: HS_NOT_FOUND naming the tasks there are. */
export function specNamed(name: string, partitions: number): TaskSpec {
  const spec = allTasks(partitions).find(({ task }) => task === name)
  if (spec !== undefined) return spec
  throw new HsError('HS_NOT_FOUND', `there is no task ${JSON.stringify(name)}`, {
    fix: `Tasks are s0 to s${partitions - 1} and fleet: \`healstream tasks\` shows them.`,
  })
}

/**
 * Writes `gap` entries where inputs begin behind the task's positions, then the `override`. Errors:
 * HS_NOT_FOUND, HS_USAGE for empty or endless words, HS_NO_GENESIS for an empty journal,
 * HS_CHAIN_BROKEN for one that no word can mend; LogError of the log.
 */
export async function resumeTask(
  log: LogPort,
  name: string,
  { clock, prefix, partitions, why, who }: ResumeOptions,
): Promise<Resumed> {
  const spec = specNamed(name, partitions)
  const entry: OverrideEntry = { kind: 'override', why: text('why', why), who: text('who', who) }
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const writer = log.writer({
    transactionalId: transactionalIdOf(prefix, spec.task),
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    deadlineMs: COMMIT_DEADLINE_MS,
  })
  try {
    await writer.fence()
    let tip: Uint8Array | null = null
    let positions: readonly number[] = []
    for await (const chained of readJournal(log, at)) {
      tip = chained.hash
      positions = positionsAfter(chained.entry, spec, positions)
    }
    if (tip === null)
      throw new HsError('HS_NO_GENESIS', `the journal ${at.topic}-${at.partition} is empty`)
    const lost = await lostBefore(log, spec, { prefix, positions, by: entry.who })
    const answer = await new Chain(writer, clock, { at, tip }).append([], [...lost, entry])
    return { offset: answer.entry?.offset ?? 0, lost }
  } finally {
    await writer.close()
  }
}

/** What was deleted before the task came to it. */
async function lostBefore(
  log: LogPort,
  { inputs }: TaskSpec,
  known: { readonly prefix: string; readonly positions: readonly number[]; readonly by: string },
): Promise<readonly GapEntry[]> {
  const { prefix, positions, by } = known
  const places = inputs.map(({ topic, partition }) => ({
    topic: topicName(topic, prefix),
    partition,
  }))
  const admin = log.admin()
  try {
    const starts = await admin.offsets(places, 'earliest', 'read_uncommitted')
    return inputs.flatMap(({ topic, partition }, i) => {
      const [from, to] = [positions[i] ?? -1, starts[i] ?? 0]
      const isLost = from >= 0 && from < to
      return isLost ? [{ kind: 'gap', topic, partition, from, to, by } as const] : []
    })
  } finally {
    await admin.close()
  }
}

function text(name: string, value: string): string {
  const words = value.trim()
  if (words !== '' && encodeUtf8(words).length <= TEXT_BYTES_MAX) return words
  const what = words === '' ? 'is empty' : `is longer than ${TEXT_BYTES_MAX} bytes`
  throw new HsError('HS_USAGE', `--${name} ${what}`, {
    fix: `Say in a sentence ${name === 'why' ? 'why this is right' : 'who says so'}.`,
  })
}
