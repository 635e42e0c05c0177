// `healstream init --after-loss`: tasks whose journals are gone begin anew, holding everything
// until `healstream release` says that they may act again.
import { HsError } from '../../contracts/failure.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { topicName } from '../../contracts/topics.ts'
import {
  type AfterLossOptions,
  beginAfterLoss,
  findLost,
  type LostTask,
  remakeTopics,
} from '../../runtime/after-loss.ts'
import { systemClock } from '../../runtime/clock.ts'
import { readGenesis } from '../../runtime/init.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import { allTasks } from '../../runtime/task-spec.ts'
import { withLog } from '../cluster.ts'
import { confirm } from '../confirm.ts'
import { type Context, show } from '../context.ts'
import type { InitFlags } from './init.ts'

/** Errors: those of beginAnew and withLog. */
export function afterLoss(context: Context, flags: InitFlags): Promise<void> {
  return withLog(context, flags, ({ log, resolved, clusterId }) => {
    const { prefix } = resolved.settings
    return beginAnew(context, flags, { log, clock: systemClock, prefix, clusterId })
  })
}

export interface LossAt {
  readonly log: LogPort
  readonly clock: Clock
  readonly prefix: string
  readonly clusterId: ClusterId
}

/** Errors: HS_NO_GENESIS where nothing ever was, HS_USAGE, HS_NOT_FOUND; LogError of the log. */
export async function beginAnew(context: Context, flags: InitFlags, at: LossAt): Promise<void> {
  const { log, clusterId } = at
  const asked = await optionsOf(flags, at)
  const lost = await findLost(log, asked)
  const options = { ...(await asTheOthers(log, lost, asked)), ...asked }
  const names = lost.map(({ spec }) => spec.task)
  if (flags.dryRun === true) {
    show(context, flags.output, {
      value: { cluster_id: clusterId, tasks: names, dry_run: true },
      lines: () => (lost.length === 0 ? [NOTHING_LOST] : planOf(lost, options)),
    })
    return
  }
  if (lost.length > 0)
    await confirm(
      context,
      { plan: planOf(lost, options), word: 'yes', command: commandOf(flags) },
      flags.yes === true,
    )
  const created = await remakeTopics(log, options)
  const holds = await beginAfterLoss(log, lost, options)
  show(context, flags.output, {
    value: { cluster_id: clusterId, topics_created: created, tasks: names, holds },
    lines: () =>
      lost.length === 0
        ? [NOTHING_LOST]
        : [`${names.join(' ')}: begun anew; everything is held by ${holds.join(' ')}`],
    next: lost.length === 0 ? ['journal verify'] : ['worker', `release ${holds[0]} --why TEXT`],
  })
}

const NOTHING_LOST = 'every journal has its entries; nothing was changed'

async function optionsOf(
  flags: InitFlags,
  { log, clock, prefix }: LossAt,
): Promise<AfterLossOptions> {
  const partitions = flags.partitions ?? (await partitionsOf(log, prefix))
  const { replicas, scale, dev, discard = [], from = 'earliest' } = flags
  return {
    clock,
    prefix,
    partitions,
    discard,
    from,
    ...(dev === undefined ? {} : { dev }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(scale === undefined ? {} : { scale }),
  }
}

/** What was chosen for ever when the cluster was set up, as a journal that is left tells it. */
async function asTheOthers(
  log: LogPort,
  lost: readonly LostTask[],
  { prefix, partitions }: AfterLossOptions,
): Promise<Pick<AfterLossOptions, 'scale' | 'dev'>> {
  const gone = lost.map(({ spec }) => spec.task)
  for (const { task, journal, partition } of allTasks(partitions)) {
    if (gone.includes(task)) continue
    const at = { topic: topicName(journal, prefix), partition }
    const genesis = await readGenesis(log, at).catch((error: unknown) => {
      if (error instanceof HsError) return null
      throw error
    })
    if (genesis !== null) return { scale: genesis.scale, dev: genesis.dev }
  }
  return {}
}

/** Topics that are left tell how many partitions there were. */
async function partitionsOf(log: LogPort, prefix: string): Promise<number> {
  const admin = log.admin()
  try {
    const kinds = ['journal', 'policies', 'telemetry', 'incidents'] as const
    const found = await admin.describeTopics(kinds.map((kind) => topicName(kind, prefix)))
    const known = found.find((topic) => topic !== null)
    if (known !== undefined && known !== null) return known.partitions
  } finally {
    await admin.close()
  }
  throw new HsError('HS_NO_GENESIS', `there is no topic under ${prefix}: nothing was lost here`)
}

function planOf(lost: readonly LostTask[], { from }: AfterLossOptions): readonly string[] {
  return [
    ...lost.map(({ spec, left }) =>
      left === 0
        ? `${spec.task}: its journal is empty; it begins anew`
        : `${spec.task}: what is left of its journal (${left} offsets) is DELETED; it begins anew`,
    ),
    `What they had decided is forgotten. Inputs are read from the ${from}; every action is held.`,
  ]
}

function commandOf({ discard = [], from, brokers }: InitFlags): string {
  const words = ['init --after-loss', ...discard.map((task) => `--discard ${task}`)]
  if (from !== undefined) words.push(`--from ${from}`)
  return [...words, brokers === undefined ? '' : '--brokers …'].join(' ').trim()
}
