// Topics and offsets: one request each.
import { LogError } from '../../runtime/log-error.ts'
import type {
  Isolation,
  LogAdmin,
  TopicDescription,
  TopicPartition,
  TopicSetup,
} from '../../runtime/ports.ts'
import { type Connection, expectNone, REQUEST_TIMEOUT_MS, refusal, Session } from './session.ts'

const LIMITS = { timeoutMs: REQUEST_TIMEOUT_MS }

export class Admin implements LogAdmin {
  readonly #session: Session

  constructor(connection: Connection) {
    this.#session = new Session(connection)
  }

  async clusterId(): Promise<string> {
    return (await this.#session.call('describeCluster', {}, LIMITS)).clusterId
  }

  async createTopics(topics: readonly TopicSetup[]): Promise<void> {
    const { errors } = await this.#session.call('createTopics', { topics }, LIMITS)
    for (const [i, error] of errors.entries()) {
      if (error === 'NONE' || error === 'TOPIC_ALREADY_EXISTS') continue
      const cause = refusal('createTopics', error)
      throw new LogError(cause.code, `${cause.message} ${topics[i]?.topic ?? ''}`, { cause })
    }
  }

  async describeTopics(names: readonly string[]): Promise<readonly (TopicDescription | null)[]> {
    return (await this.#session.call('describeTopics', { names }, LIMITS)).topics
  }

  async offsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | { readonly timestampMs: number },
    isolation: Isolation,
  ): Promise<readonly number[]> {
    const request = { partitions, at, isolation }
    const answers = (await this.#session.call('listOffsets', request, LIMITS)).partitions
    return answers.map(({ error, offset }, i) => {
      expectNone('listOffsets', error, partitions[i])
      return offset
    })
  }

  async deleteRecords({ topic, partition }: TopicPartition, beforeOffset: number): Promise<void> {
    const at = { topic, partition }
    const request = { topic, partition, beforeOffset }
    const { error } = await this.#session.call('deleteRecords', request, LIMITS)
    expectNone('deleteRecords', error, at)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    const { errors } = await this.#session.call('deleteTopics', { names }, LIMITS)
    for (const error of errors)
      if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') expectNone('deleteTopics', error)
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }
}
