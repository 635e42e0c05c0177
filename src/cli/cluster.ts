// What a command that reaches for brokers itself is given: the log, and what its genesis says.
import { kafkaOptionsOf } from '../roles/parts/access.ts'
import { partitionsLeft } from '../roles/parts/partitions-left.ts'
import { connectTo } from '../roles/parts/parts.ts'
import { resolveSettings, type ResolvedSettings } from '../config/settings.ts'
import type { KafkaOptions } from '../adapters/kafka/options.ts'
import { type ClusterId, clusterId as toClusterId } from '../contracts/ids.ts'
import { systemClock } from '../runtime/clock.ts'
import type { LogPort } from '../runtime/ports.ts'
import { forPeople } from '../runtime/reaction.ts'
import type { Context } from './context.ts'
import type { ClusterFlags } from './settings-flags.ts'

export interface OpenCluster {
  readonly log: LogPort
  readonly kafka: KafkaOptions
  readonly resolved: ResolvedSettings
  readonly clusterId: ClusterId
  readonly prefix: string
  readonly group: string
  /** P. */
  readonly partitions: number
}

/**
 * Also where the first journal is lost or broken: the others are as they were. Errors: HS_CONFIG
 * without brokers, HS_LOG; those of partitionsLeft and of `use`.
 */
export async function withCluster<T>(
  context: Context,
  flags: ClusterFlags,
  use: (cluster: OpenCluster) => Promise<T>,
): Promise<T> {
  return await withLog(context, flags, async ({ log, resolved, kafka, clusterId }) => {
    const { prefix, group } = resolved.settings
    const partitions = await partitionsLeft(log, prefix, clusterId)
    return await use({ log, resolved, kafka, clusterId, prefix, group, partitions })
  })
}

/** As `withCluster`, of one whose journals may be gone. */
export async function withLog<T>(
  context: Context,
  flags: ClusterFlags,
  use: (log: Omit<OpenCluster, 'partitions' | 'prefix' | 'group'>) => Promise<T>,
): Promise<T> {
  const resolved = resolveSettings(flags, context.env)
  const kafka = kafkaOptionsOf(resolved, { clock: systemClock, clientId: 'healstream-operator' })
  const log = connectTo(resolved, 'operator')
  try {
    return await use({ log, resolved, kafka, clusterId: toClusterId(await log.clusterId()) })
  } catch (error) {
    throw forPeople(error)
  } finally {
    await log.close()
  }
}
