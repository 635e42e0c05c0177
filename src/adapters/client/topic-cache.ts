// The settings of a topic that its clients act on, asked for once by all clients of a log: a task
// that begins needs several of them, and over a slow way each question counts.
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, TopicDescription } from '../../runtime/ports.ts'
import { Backoff } from './backoff.ts'

export interface TopicFacts {
  readonly partitions: number
  readonly maxMessageBytes: number
  readonly compacted: boolean
}

/** What is known already, by name; shared by all clients of a log. */
export type KnownTopics = Map<string, TopicFacts>

export interface TopicSource {
  readonly clock: Clock
  /** One attempt. */
  readonly describe: (
    names: readonly string[],
    timeoutMs: number,
  ) => Promise<readonly (TopicDescription | null)[]>
  readonly sleep: (ms: number) => Promise<void>
}

/**
 * That a topic is not there is said by brokers too that have not heard of it yet, or that have only
 * just become its leader: it is believed when it is still said after this long.
 */
export const CONFIRM_MS = 500
const ATTEMPT_MS = 1_000

export class TopicCache {
  readonly #source: TopicSource
  readonly #facts: KnownTopics

  constructor(source: TopicSource, known: KnownTopics = new Map()) {
    this.#source = source
    this.#facts = known
  }

  /**
   * `also`: topics that will be asked for next; what is not known of them comes in one answer.
   * Errors: `TOPIC_GONE` when there is no such topic, `UNAVAILABLE` after the deadline.
   */
  async get(topic: string, deadlineMs: number, also: readonly string[] = []): Promise<TopicFacts> {
    const known = this.#facts.get(topic)
    if (known !== undefined) return known
    const { clock, sleep } = this.#source
    const sinceMs = clock.monotonicMs()
    const backoff = new Backoff(20, 200)
    for (;;) {
      try {
        const leftMs = deadlineMs - clock.monotonicMs()
        const [facts] = await this.find([topic, ...also], Math.min(ATTEMPT_MS, leftMs))
        if (facts !== null && facts !== undefined) return facts
        if (clock.monotonicMs() - sinceMs >= CONFIRM_MS)
          throw new LogError('TOPIC_GONE', `there is no topic ${topic}`)
      } catch (error) {
        const isSilent = error instanceof LogError && error.code === 'UNAVAILABLE'
        if (!isSilent || clock.monotonicMs() >= deadlineMs) throw error
      }
      await sleep(Math.min(backoff.next(), Math.max(0, deadlineMs - clock.monotonicMs())))
    }
  }

  /** null for a topic that the log does not know now. Errors: `UNAVAILABLE` after the time-out. */
  async find(
    topics: readonly string[],
    timeoutMs: number,
  ): Promise<readonly (TopicFacts | null)[]> {
    const names = [...new Set(topics)].filter((name) => !this.#facts.has(name))
    if (names.length > 0) {
      const descriptions = await this.#source.describe(names, timeoutMs)
      for (const [i, name] of names.entries()) {
        const description = descriptions[i]
        if (description !== null && description !== undefined)
          this.#facts.set(name, factsOf(description))
      }
    }
    return topics.map((name) => this.#facts.get(name) ?? null)
  }

  /** To be called when the topic turned out to be another than it was. */
  forget(topic: string): void {
    this.#facts.delete(topic)
  }
}

function factsOf({ config, partitions }: TopicDescription): TopicFacts {
  return {
    partitions,
    maxMessageBytes: Number(config['max.message.bytes']),
    compacted: (config['cleanup.policy'] ?? '').includes('compact'),
  }
}
