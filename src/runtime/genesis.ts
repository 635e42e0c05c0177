// What every process asks before it serves a cluster: was it set up, and is it the one that its
// journals belong to?
import { HsError } from '../contracts/failure.ts'
import type { ClusterId } from '../contracts/ids.ts'
import type { GenesisEntry } from '../contracts/journal.ts'
import { topicName } from '../contracts/topics.ts'
import { readBeginning } from './init.ts'
import { describeTopic } from './journal.ts'
import type { LogPort } from './ports.ts'

/**
 * The genesis of the first task. Errors: HsError HS_NO_GENESIS before `healstream init`,
 * HS_FOREIGN_CLUSTER, HS_CONFIG when partitions were added since, HS_CHAIN_BROKEN; LogError of the
 * log.
 */
export async function findGenesis(
  log: LogPort,
  prefix: string,
  clusterId: ClusterId,
): Promise<Pick<GenesisEntry, 'partitions'>> {
  const topic = topicName('journal', prefix)
  const found = await describeTopic(log, topic)
  if (found === null)
    throw new HsError('HS_NO_GENESIS', `there is no topic ${topic}: this cluster was never begun`)
  const genesis = await readBeginning(log, { topic, partition: 0 })
  // Whose it is then is said by the snapshots that tasks restore from.
  if (genesis === 'expired') return { partitions: found.partitions }
  if (genesis === null) throw new HsError('HS_NO_GENESIS', `the journal ${topic}-0 is empty`)
  if (genesis.clusterId !== clusterId)
    throw new HsError(
      'HS_FOREIGN_CLUSTER',
      `the journals under ${prefix} belong to cluster ${genesis.clusterId}, this is ${clusterId}`,
    )
  if (genesis.partitions !== found.partitions)
    throw new HsError(
      'HS_CONFIG',
      `${topic} has ${found.partitions} partitions, it was begun with ${genesis.partitions}`,
      { fix: 'The number of partitions is fixed at creation; restore the topic as it was.' },
    )
  return genesis
}
