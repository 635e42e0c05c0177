// What an operator does to a cluster in these tests: topics with a chosen place, leaders moved,
// settings changed. With kafkajs' admin client, which is not under test.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'

const TRANSACTIONS = '__transaction_state'
const GROUPS = '__consumer_offsets'

export class Operator {
  readonly #admin: Admin

  static async connect(brokers: readonly string[]): Promise<Operator> {
    const kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 },
    })
    const admin = kafka.admin()
    await admin.connect()
    return new Operator(admin)
  }

  constructor(admin: Admin) {
    this.#admin = admin
  }

  close(): Promise<void> {
    return this.#admin.disconnect()
  }

  /** `places`: the nodes of each partition, the leader first. */
  async createTopic(
    topic: string,
    places: readonly (readonly number[])[],
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const replicaAssignment = places.map((nodes, partition) => ({
      partition,
      replicas: [...nodes],
    }))
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.#admin.createTopics({ topics: [{ topic, replicaAssignment, configEntries }] })
  }

  /** All topics of the prefix. */
  async deleteTopics(prefix: string): Promise<void> {
    const topics = await this.#admin.listTopics()
    await this.#admin.deleteTopics({ topics: topics.filter((topic) => topic.startsWith(prefix)) })
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#admin.deleteTopics({ topics: [topic] })
  }

  /** What the partition holds now. */
  async deleteToEnd(topic: string, partition: number): Promise<void> {
    const partitions = [{ partition, offset: '-1' }]
    // Without it the client does not know who leads.
    await this.#admin.fetchTopicOffsets(topic)
    await this.#admin.deleteTopicRecords({ topic, partitions })
  }

  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#admin.createPartitions({ topicPartitions: [{ topic, count }] })
  }

  async leaderOf(topic: string, partition: number): Promise<number> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
    const found = topics[0]?.partitions.find((one) => one.partitionId === partition)
    return found?.leader ?? -1
  }

  /** In-sync replicas. */
  async inSync(topic: string, partition: number): Promise<readonly number[]> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.find((one) => one.partitionId === partition)?.isr ?? []
  }

  /** Every replica of every topic is in sync, the log's own topics included. */
  async isWhole(): Promise<boolean> {
    const { topics } = await this.#admin.fetchTopicMetadata()
    return topics.every(({ partitions }) =>
      partitions.every(({ isr, replicas }) => isr.length === replicas.length),
    )
  }

  /** Takes the partition from its leader, which follows from then on. */
  async moveLeader(topic: string, partition: number): Promise<void> {
    const before = await this.leaderOf(topic, partition)
    const others = [1, 2, 3].filter((node) => node !== before)
    await this.place(topic, partition, others)
    for (const endMs = performance.now() + 30_000; ; ) {
      const now = await this.leaderOf(topic, partition)
      if (now !== before && now !== -1) break
      assert.ok(performance.now() < endMs, `${topic}-${partition} is still led by ${before}`)
      await sleep(50)
    }
    await this.place(topic, partition, [...others, before])
  }

  /** Where the log keeps the state of a transactional id. */
  transactionPartition(transactionalId: string): { topic: string; partition: number } {
    return { topic: TRANSACTIONS, partition: internalPartition(transactionalId) }
  }

  /** Where the log keeps the state of a group. */
  groupPartition(group: string): { topic: string; partition: number } {
    return { topic: GROUPS, partition: internalPartition(group) }
  }

  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.#admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
    })
  }

  /** Sets what a group has committed of a topic back to its beginning. Nobody may be in it. */
  async setBack(groupId: string, topic: string): Promise<void> {
    const places = await this.#admin.fetchTopicOffsets(topic)
    const partitions = places.map(({ partition, low }) => ({ partition, offset: low }))
    await this.#admin.setOffsets({ groupId, topic, partitions })
    const [now] = await this.#admin.fetchOffsets({ groupId, topics: [topic] })
    const set = new Map(now?.partitions.map(({ partition, offset }) => [partition, offset]))
    for (const { partition, offset } of partitions) assert.equal(set.get(partition), offset)
  }

  /** Errors: while somebody is in it. */
  async deleteGroup(group: string): Promise<void> {
    await this.#admin.deleteGroups([group])
  }

  /** Has the replicas of a partition be on these nodes; it may take a while until they are. */
  place(topic: string, partition: number, replicas: readonly number[]): Promise<void> {
    const partitionAssignment = [{ partition, replicas: [...replicas] }]
    return this.#admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
  }
}

/** Java's `hashCode` over the partitions that `scripts/kafka` gives the log's own topics. */
function internalPartition(name: string): number {
  let hash = 0
  for (const unit of name) hash = (Math.imul(31, hash) + unit.charCodeAt(0)) | 0
  return Math.abs(hash) % 8
}
