// The two settings of a topic that its clients act on, asked for once.
import { LogError } from '../../runtime/log-error.ts'
import type { ResponseOf } from './protocol.ts'

export interface TopicFacts {
  readonly partitions: number
  readonly maxMessageBytes: number
  readonly compacted: boolean
}

type Describe = (names: readonly string[]) => Promise<ResponseOf<'describeTopics'>>

export class TopicCache {
  readonly #describe: Describe
  readonly #facts = new Map<string, TopicFacts>()

  constructor(describe: Describe) {
    this.#describe = describe
  }

  /** Errors: `TOPIC_GONE` when there is no such topic, `UNAVAILABLE`. */
  async get(topic: string): Promise<TopicFacts> {
    const known = this.#facts.get(topic)
    if (known !== undefined) return known
    const [description] = (await this.#describe([topic])).topics
    if (description === undefined || description === null)
      throw new LogError('TOPIC_GONE', `there is no topic ${topic}`)
    const { config, partitions } = description
    const facts = {
      partitions,
      maxMessageBytes: Number(config['max.message.bytes']),
      compacted: (config['cleanup.policy'] ?? '').includes('compact'),
    }
    this.#facts.set(topic, facts)
    return facts
  }

  /** To be called when the topic turned out to be another than it was. */
  forget(topic: string): void {
    this.#facts.delete(topic)
  }
}
