// `healstream init --after-loss`: a task whose journal is lost begins anew. Nobody knows then what
// it had done, so the core holds everything until a person releases it (CoreContext.afterLossMs),
// and its gens go on above all that agents can have seen. What is left of a broken journal is
// deleted first; its last readable entry is remembered in the genesis.
import { HsError } from '../contracts/failure.ts'
import { clusterId as toClusterId } from '../contracts/ids.ts'
import {
  DEFAULT_SCALE,
  type GenesisEntry,
  type InputPosition,
  NO_HASH,
} from '../contracts/journal.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { afterLossHold } from '../core/decision/holds.ts'
import { BEHAVIOUR_LATEST } from '../core/kernel/behaviour.ts'
import { begin, createTopics, patiently, positionsOf, topicSetups } from './init.ts'
import { journalEnd, journalStart, readJournal } from './journal.ts'
import type { Clock, LogAdmin, LogPort, TopicPartition } from './ports.ts'
import type { TaskSpec } from './replay.ts'
import { SNAPSHOT_FORMAT } from './snapshot-format.ts'
import { snapshotTopics } from './snapshot-reader.ts'
import { allTasks } from './task-spec.ts'

export interface AfterLossOptions {
  readonly clock: Clock
  readonly prefix: string
  readonly partitions: number
  readonly replicas?: number
  readonly dev?: boolean
  /** Also these, though their journals are not empty: what is left of them is deleted. */
  readonly discard: readonly string[]
  /** Where what agents and tasks write is read from; policies and words of people: always all. */
  readonly from: 'earliest' | 'latest'
  readonly scale?: 4 | 5
}

/** A task whose journal is gone. */
export interface LostTask {
  readonly spec: TaskSpec
  /** Entries that are left and would be deleted; 0 for an empty journal. */
  readonly left: number
}

const JOURNALS: readonly TopicKind[] = ['journal', 'fleet-journal']
/** Read for ever and by everybody: nothing of it is too old. */
const ALWAYS_WHOLE: readonly TopicKind[] = ['policies', 'operator']

/**
 * The tasks that would begin anew. Errors: HS_NOT_FOUND for a name in `discard` that no task has;
 * LogError of the log.
 */
export async function findLost(
  log: LogPort,
  { prefix, partitions, discard }: Pick<AfterLossOptions, 'prefix' | 'partitions' | 'discard'>,
): Promise<readonly LostTask[]> {
  const specs = allTasks(partitions)
  const stranger = discard.find((name) => specs.every(({ task }) => task !== name))
  if (stranger !== undefined)
    throw new HsError('HS_NOT_FOUND', `there is no task ${JSON.stringify(stranger)}`, {
      fix: `Tasks are s0 to s${partitions - 1} and fleet.`,
    })
  const gone = await goneTopics(log, prefix)
  const lost: LostTask[] = []
  for (const spec of specs) {
    const at = journalAt(spec, prefix)
    if (gone.includes(at.topic)) {
      lost.push({ spec, left: 0 })
      continue
    }
    const [start, end] = [await journalStart(log, at), await journalEnd(log, at)]
    if (start >= end || discard.includes(spec.task)) lost.push({ spec, left: end - start })
  }
  return lost
}

async function goneTopics(log: LogPort, prefix: string): Promise<readonly string[]> {
  const names = JOURNALS.map((kind) => topicName(kind, prefix))
  const admin = log.admin()
  try {
    const found = await admin.describeTopics(names)
    return names.filter((_, i) => (found[i] ?? null) === null)
  } finally {
    await admin.close()
  }
}

function journalAt({ journal, partition }: TaskSpec, prefix: string): TopicPartition {
  return { topic: topicName(journal, prefix), partition }
}

/** Makes topics that are gone. Errors: HS_CONFIG for another number of partitions; LogError. */
export async function remakeTopics(
  log: LogPort,
  { prefix, partitions, replicas }: AfterLossOptions,
): Promise<readonly string[]> {
  const admin = log.admin()
  try {
    return await createTopics(admin, topicSetups(prefix, partitions, replicas))
  } finally {
    await admin.close()
  }
}

/** A genesis for each; the names of the holds that they begin with. Errors: as initCluster. */
export async function beginAfterLoss(
  log: LogPort,
  lost: readonly LostTask[],
  options: AfterLossOptions,
): Promise<readonly string[]> {
  const { prefix, partitions, clock } = options
  // One time for all, so that one release is for all of them.
  const atMs = clock.nowMs()
  const clusterId = toClusterId(await log.clusterId())
  const admin = log.admin()
  try {
    for (const { spec, left } of lost) {
      const at = journalAt(spec, prefix)
      const lastTip = await lastTipOf(log, at)
      if (left > 0) await admin.deleteRecords(at, await journalEnd(log, at))
      await forgetSnapshots(log, admin, { spec, prefix })
      await patiently(clock, async () => {
        const genesis: GenesisEntry = {
          kind: 'genesis',
          clusterId,
          task: spec.task,
          partitions,
          prefix,
          positions: await beginnings(admin, spec, options),
          behaviour: BEHAVIOUR_LATEST,
          format: SNAPSHOT_FORMAT,
          scale: options.scale ?? DEFAULT_SCALE,
          dev: options.dev ?? false,
          atMs,
          lastTip,
        }
        return await begin(log, clock, { genesis, spec })
      })
    }
    return lost.length === 0 ? [] : [afterLossHold(atMs)]
  } finally {
    await admin.close()
  }
}

/** They belong to the lost journal; without it each restore would try and refuse all of them. */
async function forgetSnapshots(
  log: LogPort,
  admin: LogAdmin,
  { spec, prefix }: { readonly spec: TaskSpec; readonly prefix: string },
): Promise<void> {
  for (const kind of Object.values(snapshotTopics(spec))) {
    const at = { topic: topicName(kind, prefix), partition: spec.partition }
    const [start, end] = [await journalStart(log, at), await journalEnd(log, at)]
    if (end > start) await admin.deleteRecords(at, end)
  }
}

async function beginnings(
  admin: LogAdmin,
  spec: TaskSpec,
  { prefix, from }: AfterLossOptions,
): Promise<readonly InputPosition[]> {
  const first = await positionsOf(admin, spec, { prefix, at: 'earliest' })
  if (from === 'earliest') return first
  const last = await positionsOf(admin, spec, { prefix, at: 'latest' })
  return first.map((position, i) =>
    ALWAYS_WHOLE.includes(position.topic) ? position : (last[i] ?? position),
  )
}

/** The last entry that can still be read; offset 0 and NO_HASH for none. */
async function lastTipOf(
  log: LogPort,
  at: TopicPartition,
): Promise<NonNullable<GenesisEntry['lastTip']>> {
  let tip = { offset: 0, hash: NO_HASH }
  try {
    for await (const { offset, hash } of readJournal(log, at)) tip = { offset, hash }
  } catch (error) {
    // Broken behind what was read: that is why it is given up.
    if (!(error instanceof HsError)) throw error
  }
  return tip
}
