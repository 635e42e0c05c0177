// `healstream init`: once per cluster, creates the topics, registers the schemas where a registry
// is named, and writes the genesis of every task. Without a broker it is done through the endpoint
// of what runs (a demo).
import { registerSchemas } from '../../adapters/serde/registry-check.ts'
import { loadSchemas } from '../../adapters/serde/schema-files.ts'
import { resolveSettings, type ResolvedSettings } from '../../config/settings.ts'
import { HsError } from '../../contracts/failure.ts'
import { DEFAULT_SCALE, type GenesisEntry } from '../../contracts/journal.ts'
import { topicName } from '../../contracts/topics.ts'
import { systemClock } from '../../runtime/clock.ts'
import { initCluster, readGenesis } from '../../runtime/init.ts'
import type { TopicPartition } from '../../runtime/ports.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { reached, registryOptions } from './schemas.ts'
import { creationTable, headOf, missingOf, type TopicFlags, withPlan } from './topics.ts'

export interface InitFlags extends TopicFlags {
  readonly dev?: boolean
  readonly scale?: 4 | 5
  readonly dryRun?: boolean
  readonly url?: string
  readonly tokenFile?: string
  readonly afterLoss?: boolean
  /** Tasks whose broken journals are given up. */
  readonly discard?: readonly string[]
  readonly from?: 'earliest' | 'latest'
  readonly yes?: boolean
}

/** Topics and journals on real brokers take their time. */
const INIT_MS = 25_000

interface InitAnswer {
  readonly cluster_id: string
  readonly created: boolean
}

/** Errors: HS_USAGE, HS_CONFIG, HS_LOG, HS_FOREIGN_CLUSTER, HS_SCHEMA, HS_UNREACHABLE. */
export async function init(context: Context, flags: InitFlags): Promise<void> {
  if ((flags.discard ?? flags.from) !== undefined)
    throw new HsError('HS_USAGE', '--discard and --from mean something with --after-loss alone', {
      fix: 'Nothing was done. To begin lost journals anew: healstream init --after-loss …',
    })
  const resolved = resolveSettings(flags, context.env)
  if (flags.url !== undefined || resolved.settings.kafka === null)
    return viaEndpoint(context, flags)
  if (flags.dryRun === true) return dryRun(context, flags)
  return onBrokers(context, flags, resolved)
}

async function viaEndpoint(context: Context, flags: InitFlags): Promise<void> {
  const {
    output,
    url,
    tokenFile,
    dryRun: isDry,
    dev,
    scale,
    partitions,
    replicas,
    registry,
  } = flags
  if ([isDry, dev, scale, partitions, replicas, registry].some((flag) => flag !== undefined))
    throw new HsError('HS_USAGE', 'these options need --brokers', {
      fix: 'Name the brokers with --brokers; without them init works through the run it finds.',
    })
  const reading: ReadFlags = { output, url, tokenFile }
  const answer = await connect(context, reading).post<InitAnswer>('/v1/init', {}, INIT_MS)
  show(context, output, {
    value: answer,
    lines: () => [
      answer.created
        ? `cluster ${answer.cluster_id} is set up; the worker starts now`
        : `cluster ${answer.cluster_id} was set up before; nothing was changed`,
    ],
    next: ['get services'],
  })
}

function dryRun(context: Context, flags: InitFlags): Promise<void> {
  return withPlan(context, flags, (plan) => {
    const missing = missingOf(plan)
    show(context, flags.output, {
      value: { ...headOf(plan), create: missing, dry_run: true },
      lines: () => [
        ...(missing.length === 0 ? [] : creationTable(missing)),
        `${missing.length} topics would be made; ` +
          (plan.hasGenesis
            ? 'the journals were begun before'
            : `${plan.partitions} journals would be begun`),
      ],
    })
  })
}

function onBrokers(context: Context, flags: InitFlags, resolved: ResolvedSettings): Promise<void> {
  const { prefix, registry } = resolved.settings
  return withPlan(context, flags, async ({ partitions, replicas, hasGenesis }, log) => {
    const forEver = chosen(flags, hasGenesis ? await readGenesis(log, firstJournal(prefix)) : null)
    const schemas =
      registry === null
        ? null
        : await reached(registerSchemas(loadSchemas(), registryOptions(resolved)))
    const how = { clock: systemClock, prefix, partitions, replicas, ...forEver }
    const { clusterId, created, begun, found } = await initCluster(log, how)
    const registered = schemas?.filter(({ isNew }) => isNew).length ?? 0
    const isChanged = begun + created.length + registered > 0
    show(context, flags.output, {
      value: {
        cluster_id: clusterId,
        created: isChanged,
        partitions,
        replicas,
        topics_created: created,
        journals_begun: begun,
        journals_found: found,
        schemas_registered: schemas === null ? null : registered,
      },
      lines: () =>
        isChanged
          ? [
              `cluster ${clusterId} is set up: ${created.length} topics made, ${begun} journals ` +
                `begun${schemas === null ? '' : `, ${registered} schemas registered`}`,
            ]
          : [`cluster ${clusterId} was set up before; nothing was changed`],
      next: ['topics check', 'worker'],
    })
  })
}

const firstJournal = (prefix: string): TopicPartition => ({
  topic: topicName('journal', prefix),
  partition: 0,
})

/**
 * Scale and ladder, which are for ever: as the first journal has them, where there is one.
 * Errors: HS_CONFIG where something else is asked for.
 */
export function chosen(
  { scale, dev }: Pick<InitFlags, 'scale' | 'dev'>,
  begun: Pick<GenesisEntry, 'scale' | 'dev'> | null,
): Pick<GenesisEntry, 'scale' | 'dev'> {
  if (begun === null) return { scale: scale ?? DEFAULT_SCALE, dev: dev ?? false }
  const otherwise = [
    ...(scale === undefined || scale === begun.scale ? [] : [`with --scale ${begun.scale}`]),
    ...(dev === undefined || dev === begun.dev ? [] : ['without --dev']),
  ]
  if (otherwise.length === 0) return { scale: begun.scale, dev: begun.dev }
  throw new HsError('HS_CONFIG', `this cluster was set up ${otherwise.join(' and ')}`, {
    fix: 'That is fixed from then on: nothing was changed. Another prefix is another cluster.',
  })
}
