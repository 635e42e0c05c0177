// The topics of a cluster against what they have to be: what `healstream topics plan|check`, `init`
// and `doctor` say about them. Only asks.
import { createInspector, type Inspector } from '../../adapters/kafka/inspect.ts'
import type { KafkaOptions } from '../../adapters/kafka/options.ts'
import { DEFAULT_PARTITIONS, topicName } from '../../contracts/topics.ts'
import { readBeginning, topicSetups } from '../../runtime/init.ts'
import type { LogPort, TopicSetup } from '../../runtime/ports.ts'
import { topicFindings } from '../../runtime/topic-check.ts'
import type { TopicFinding } from '../../runtime/topic-check.ts'

export interface WantedTopics {
  readonly prefix: string
  /** Default: as the genesis says, or the journal's, or 12. */
  readonly partitions?: number | undefined
  /** Default: three, or as many as there are brokers. */
  readonly replicas?: number | undefined
}

export interface TopicPlan {
  readonly clusterId: string
  readonly brokers: number
  readonly partitions: number
  readonly replicas: number
  /** A task may run: the journals were begun. */
  readonly hasGenesis: boolean
  /** Every topic as it has to be. */
  readonly setups: readonly TopicSetup[]
  /** In the order of the setups. */
  readonly findings: readonly TopicFinding[]
}

const MOST_REPLICAS = 3

/** Errors: LogError; HS_CHAIN_BROKEN for a journal that cannot be read. */
export async function planTopics(
  log: LogPort,
  options: KafkaOptions,
  wanted: WantedTopics,
): Promise<TopicPlan> {
  const inspector = createInspector(options)
  const admin = log.admin()
  try {
    const names = topicSetups(wanted.prefix, DEFAULT_PARTITIONS).map(({ topic }) => topic)
    const [clusterId, found, { brokers, replicasOf }] = await Promise.all([
      log.clusterId(),
      admin.describeTopics(names),
      replication(inspector, names),
    ])
    const journal = found.find((one) => one?.topic === topicName('journal', wanted.prefix)) ?? null
    const begun = journal === null ? null : await readBeginning(log, { ...journal, partition: 0 })
    const genesis = begun === 'expired' ? null : begun
    const known = genesis?.partitions ?? journal?.partitions ?? DEFAULT_PARTITIONS
    const partitions = wanted.partitions ?? known
    const replicas = wanted.replicas ?? Math.min(MOST_REPLICAS, Math.max(1, brokers))
    const setups = topicSetups(wanted.prefix, partitions, replicas)
    const findings = setups.flatMap((setup, i) => {
      const fewest = replicasOf.get(setup.topic)
      const spread = fewest === undefined ? null : { replicas: fewest, brokers }
      return topicFindings(setup, found[i] ?? null, spread)
    })
    const hasGenesis = begun !== null
    return { clusterId, brokers, partitions, replicas, hasGenesis, setups, findings }
  } finally {
    inspector.close()
    await admin.close()
  }
}

interface Replication {
  readonly brokers: number
  /** Fewest of any partition of a topic. */
  readonly replicasOf: ReadonlyMap<string, number>
}

async function replication(inspector: Inspector, names: readonly string[]): Promise<Replication> {
  const { brokers, topics } = await inspector.access(names)
  const replicasOf = new Map(
    topics
      .filter(({ partitions }) => partitions.length > 0)
      .map(({ name, partitions }) => [
        name,
        Math.min(...partitions.map(({ replicas }) => replicas.length)),
      ]),
  )
  return { brokers: brokers.length, replicasOf }
}
