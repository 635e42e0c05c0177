// `healstream init`: topics, and a genesis in every journal. Run again it changes nothing and says
// so; it refuses a journal of another cluster, another number of partitions or another prefix. A
// worker never does this by itself, and this never where a task has run before: a journal that is
// gone must not turn into a silent fresh start (after-loss.ts).
import { HsError } from '../contracts/failure.ts'
import { type ClusterId, clusterId as toClusterId } from '../contracts/ids.ts'
import {
  DEFAULT_SCALE,
  type GenesisEntry,
  type InputPosition,
  NO_HASH,
} from '../contracts/journal.ts'
import {
  DEFAULT_PARTITIONS,
  DEFAULT_PREFIX,
  topicName,
  TOPICS,
  type TopicKind,
  type TopicSpec,
} from '../contracts/topics.ts'
import { BEHAVIOUR_LATEST } from '../core/kernel/behaviour.ts'
import { Chain } from './chain.ts'
import { journalStart, readJournal, transactionalIdOf } from './journal.ts'
import { LogError, type LogErrorCode } from './log-error.ts'
import type { Clock, LogAdmin, LogPort, TopicPartition, TopicSetup } from './ports.ts'
import type { TaskSpec } from './replay.ts'
import { checkFormat, SNAPSHOT_FORMAT } from './snapshot-format.ts'
import { allTasks, isFleet } from './task-spec.ts'

const TRANSACTION_TIMEOUT_MS = 5_000
const COMMIT_DEADLINE_MS = 10_000
const VISIBLE_PAUSE_MS = 5
const AT_A_TIME = 6
const PATIENCE_MS = 15_000
const TRY_PAUSE_MS = 250

export interface InitOptions {
  readonly clock: Clock
  readonly prefix?: string
  readonly partitions?: number
  /** Policies may enforce at once (marked in genesis). */
  readonly dev?: boolean
  readonly replicas?: number
  /** Of the latency histograms. Default 4: P99 within 2.2 %; 5: within 1.1 %, more memory. */
  readonly scale?: 4 | 5
  /** Default: the newest this build knows. */
  readonly behaviour?: number
}

export interface InitReport {
  readonly clusterId: ClusterId
  readonly partitions: number
  /** Topics that were made now. */
  readonly created: readonly string[]
  /** Journals that were begun now. */
  readonly begun: number
  /** Journals that had been begun before. */
  readonly found: number
}

/** Topics of a prefix as they have to be (DESIGN.md section 4). */
export function topicSetups(
  prefix: string,
  partitions: number,
  replicas?: number,
): readonly TopicSetup[] {
  return TOPICS.map((spec) => ({
    topic: topicName(spec.kind, prefix),
    partitions: spec.partitions === 'P' ? partitions : spec.partitions,
    ...(replicas === undefined ? {} : { replicas }),
    config: { ...topicConfig(spec), ...safety(replicas) },
  }))
}

/** With three replicas an answered record lies on two brokers at least. */
function safety(replicas: number | undefined): Readonly<Record<string, string>> {
  return replicas !== undefined && replicas >= 3 ? { 'min.insync.replicas': '2' } : {}
}

function topicConfig(spec: TopicSpec): Readonly<Record<string, string>> {
  const retention = spec.retentionMs ?? -1
  return {
    'cleanup.policy': spec.cleanup,
    ...(spec.cleanup === 'delete' ? { 'retention.ms': String(retention) } : {}),
    'message.timestamp.type': spec.time === 'append' ? 'LogAppendTime' : 'CreateTime',
    'max.message.bytes': String(spec.maxBytes),
    ...(spec.edge ? { 'compression.type': 'uncompressed' } : {}),
  }
}

/**
 * Errors: HS_FOREIGN_CLUSTER for journals of another cluster, HS_CONFIG for another number of
 * partitions, HS_CHAIN_BROKEN for a journal that cannot be read; LogError of the log.
 */
export async function initCluster(log: LogPort, options: InitOptions): Promise<InitReport> {
  const prefix = options.prefix ?? DEFAULT_PREFIX
  const partitions = options.partitions ?? DEFAULT_PARTITIONS
  const clusterId = toClusterId(await log.clusterId())
  const admin = log.admin()
  try {
    const created = await createTopics(admin, topicSetups(prefix, partitions, options.replicas))
    const report = { clusterId, partitions, created, begun: 0, found: 0 }
    await eachOf(allTasks(partitions), async (spec) => {
      const isNew = await patiently(options.clock, async () => {
        const genesis: GenesisEntry = {
          kind: 'genesis',
          clusterId,
          task: spec.task,
          partitions,
          prefix,
          positions: await positionsOf(admin, spec, { prefix, at: 'earliest' }),
          behaviour: options.behaviour ?? BEHAVIOUR_LATEST,
          format: SNAPSHOT_FORMAT,
          scale: options.scale ?? DEFAULT_SCALE,
          dev: options.dev ?? false,
          atMs: options.clock.nowMs(),
          lastTip: null,
        }
        return begin(log, options.clock, { genesis, spec })
      })
      if (isNew) report.begun++
      else report.found++
    })
    return report
  } finally {
    await admin.close()
  }
}

/** Some journals at a time: each waits for several answers of the log. */
async function eachOf(
  specs: readonly TaskSpec[],
  work: (spec: TaskSpec) => Promise<void>,
): Promise<void> {
  const left = [...specs]
  const walk = async (): Promise<void> => {
    for (let spec = left.shift(); spec !== undefined; spec = left.shift()) await work(spec)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, walk))
}

export async function createTopics(
  admin: LogAdmin,
  setups: readonly TopicSetup[],
): Promise<readonly string[]> {
  const found = await admin.describeTopics(setups.map(({ topic }) => topic))
  for (const [i, setup] of setups.entries()) {
    const there = found[i]
    if (there === null || there === undefined || there.partitions === setup.partitions) continue
    throw new HsError(
      'HS_CONFIG',
      `${setup.topic} has ${there.partitions} partitions, ${setup.partitions} were asked for`,
      { fix: 'The number of partitions is fixed at creation: use it, or another prefix.' },
    )
  }
  const missing = setups.filter((_, i) => (found[i] ?? null) === null)
  await admin.createTopics(missing)
  return missing.map(({ topic }) => topic)
}

/** Where each input of a task begins, or ends. */
export async function positionsOf(
  admin: LogAdmin,
  { inputs }: TaskSpec,
  { prefix, at }: { readonly prefix: string; readonly at: 'earliest' | 'latest' },
): Promise<readonly InputPosition[]> {
  const places = inputs.map(({ topic, partition }) => ({
    topic: topicName(topic, prefix),
    partition,
  }))
  const offsets = await admin.offsets(places, at, 'read_committed')
  return inputs.map((input, i) => ({ ...input, offset: offsets[i] ?? 0 }))
}

/** What a slow log or another init answers; looking again tells what came of it. */
const AGAIN: readonly LogErrorCode[] = ['UNAVAILABLE', 'IN_DOUBT', 'ABORTED', 'FENCED']

/** Tries for a while: topics that were just made are not led at once, and a log may be busy. */
export async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const untilMs = clock.monotonicMs() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const isPassing = error instanceof LogError && AGAIN.includes(error.code)
      if (!isPassing || clock.monotonicMs() > untilMs) throw error
    }
    await clock.sleep(TRY_PAUSE_MS)
  }
}

/** Writes the genesis; false when the journal has a fitting one. Never fences a begun journal. */
export async function begin(
  log: LogPort,
  clock: Clock,
  { genesis, spec }: { readonly genesis: GenesisEntry; readonly spec: TaskSpec },
): Promise<boolean> {
  const at = { topic: topicName(spec.journal, genesis.prefix), partition: spec.partition }
  if (await isBegun(log, at, genesis)) return false
  if (genesis.lastTip === null) await checkNeverRan(log, spec, genesis.prefix)
  const writer = log.writer({
    transactionalId: transactionalIdOf(genesis.prefix, genesis.task),
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    deadlineMs: COMMIT_DEADLINE_MS,
  })
  try {
    await writer.fence()
    // Somebody may have begun it since: their transaction is settled now.
    if (await isBegun(log, at, genesis)) return false
    await new Chain(writer, clock, { at, tip: NO_HASH }).append([], [genesis])
    // A commit is answered a moment before it is visible; whoever starts now must find it.
    while ((await readGenesis(log, at)) === null) await clock.sleep(VISIBLE_PAUSE_MS)
    return true
  } finally {
    await writer.close()
  }
}

/** What only a task that has run leaves behind, whatever became of its journal. */
async function checkNeverRan(log: LogPort, spec: TaskSpec, prefix: string): Promise<void> {
  const kinds: readonly TopicKind[] = isFleet(spec)
    ? ['fleet-snapshots', 'fleet-checkpoints']
    : ['observations', 'health', 'registry', 'incidents', 'commands', 'snapshots', 'checkpoints']
  const admin = log.admin()
  try {
    const { partition } = spec
    const places = kinds.map((kind) => ({ topic: topicName(kind, prefix), partition }))
    const ends = await admin.offsets(places, 'latest', 'read_committed')
    const trace = places[ends.findIndex((end) => end > 0)]
    if (trace === undefined) return
    throw new HsError(
      'HS_JOURNAL_LOST',
      `the journal of ${spec.task} is empty, but it has run: ${trace.topic}-${partition} was ` +
        'written to',
    )
  } finally {
    await admin.close()
  }
}

async function isBegun(
  log: LogPort,
  at: { topic: string; partition: number },
  wanted: GenesisEntry,
): Promise<boolean> {
  const found = await readBeginning(log, at)
  if (found === null) return false
  // A journal that has outlived its retention was begun long ago; a restore checks whose it is.
  if (found === 'expired') return true
  checkFormat(found)
  const { clusterId, partitions, prefix } = found
  if (clusterId !== wanted.clusterId)
    throw new HsError(
      'HS_FOREIGN_CLUSTER',
      `${at.topic}-${at.partition} was begun for cluster ${clusterId}, this is ${wanted.clusterId}`,
    )
  if (partitions !== wanted.partitions || prefix !== wanted.prefix)
    throw new HsError(
      'HS_CONFIG',
      `${at.topic}-${at.partition} was begun for ${partitions} partitions and prefix ${prefix}`,
    )
  return true
}

/** The genesis, where it has not expired; null for an empty journal. Errors: as readBeginning. */
export async function readGenesis(log: LogPort, at: TopicPartition): Promise<GenesisEntry | null> {
  const found = await readBeginning(log, at)
  return found === 'expired' ? null : found
}

/**
 * First entry of a journal; 'expired': it was begun, but retention has taken the genesis; null for
 * an empty one. Errors: HS_CHAIN_BROKEN, LogError of the log.
 */
export async function readBeginning(
  log: LogPort,
  at: TopicPartition,
): Promise<GenesisEntry | 'expired' | null> {
  for await (const { entry, offset } of readJournal(log, at)) {
    if (entry.kind === 'genesis') return entry
    if ((await journalStart(log, at)) > 0) return 'expired'
    throw new HsError(
      'HS_CHAIN_BROKEN',
      `${at.topic}-${at.partition} begins at offset ${offset} with ${entry.kind}, not with genesis`,
    )
  }
  return null
}
