// What is known of a cluster, when brokers know less, are late, or have no leader for long.
import { describe, expect, it } from 'vitest'
import { type AskMetadata, MetadataCache } from '../../../src/adapters/kafka/metadata-cache.ts'
import type { ClusterMetadata } from '../../../src/adapters/kafka/requests/metadata.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

const LIMITS = { timeoutMs: 2_000 }
const at = (topic: string, partition = 0) => ({ topic, partition })

/** Every topic has three partitions, led by nodes 1, 2, 3, unless `overrides` says otherwise. */
function answering(
  topics: readonly string[],
  overrides: Partial<ClusterMetadata> = {},
): ClusterMetadata {
  const leading = [0, 1, 2].map(
    (partition) =>
      ({ error: 'NONE', partition, leader: partition + 1, leaderEpoch: 10 + partition }) as const,
  )
  return {
    brokers: [1, 2, 3].map((node) => ({ node, host: `h${node}`, port: 9092 })),
    clusterId: 'cluster',
    controller: 2,
    topics: topics.map((name) => ({ name, error: 'NONE', partitions: leading })),
    ...overrides,
  }
}

function cacheOf(answer: (topics: readonly string[], nth: number) => unknown) {
  const asked: (readonly string[])[] = []
  const ask: AskMetadata = async (topics) => {
    asked.push(topics)
    return (await answer(topics, asked.length)) as ClusterMetadata
  }
  return { cache: new MetadataCache(ask, systemClock), asked }
}

describe('leaders', () => {
  it('are asked for once, in the order asked', async () => {
    const { cache, asked } = cacheOf((topics) => answering(topics))
    const partitions = [at('a', 2), at('b', 0), at('a', 1)]
    expect(await cache.leaders(partitions, LIMITS)).toEqual([3, 1, 2])
    expect(await cache.leaders([at('a', 0), ...partitions], LIMITS)).toEqual([1, 3, 1, 2])
    expect([at('a', 2), at('a', 0), at('c')].map((one) => cache.leaderEpoch(one))).toEqual([
      12, 10, -1,
    ])
    expect(asked).toEqual([['a', 'b']])
  })

  it('are asked for together by all who wait', async () => {
    const { cache, asked } = cacheOf((topics) => answering(topics))
    await cache.clusterId(LIMITS)
    const names = Array.from({ length: 30 }, (_, i) => `t${i}`)
    const all = await Promise.all(names.map((name) => cache.leaders([at(name, 1)], LIMITS)))
    expect(all).toEqual(names.map(() => [2]))
    expect(asked.slice(1).flat().sort()).toEqual([...names].sort())
    expect(asked).toHaveLength(2)
  })

  // Every client of a partition whose broker died asks again after every failed attempt, until the
  // controller has noticed: seconds, with as many questions as there are attempts.
  it('that are gone make no storm of questions', async () => {
    const { cache, asked } = cacheOf((topics) => answering(topics))
    const endMs = systemClock.monotonicMs() + 1_000
    const lose = async (partition: number): Promise<void> => {
      while (systemClock.monotonicMs() < endMs) {
        await cache.leaders([at('a', partition)], LIMITS)
        cache.forgetLeader(at('a', partition))
        await systemClock.sleep(1)
      }
    }
    await Promise.all(Array.from({ length: 24 }, (_, i) => lose(i % 3)))
    expect(asked.length).toBeGreaterThan(5)
    expect(asked.length).toBeLessThan(15)
  })

  it('that are none now are told as that, and not remembered', async () => {
    const without = (topics: readonly string[]) =>
      answering(topics, {
        topics: topics.map((name) => ({
          name,
          error: 'NONE',
          partitions: [
            { error: 'LEADER_NOT_AVAILABLE', partition: 0, leader: -1, leaderEpoch: 3 },
            { error: 'NONE', partition: 1, leader: -1, leaderEpoch: 3 },
          ],
        })),
      })
    const { cache } = cacheOf((topics, nth) => (nth === 1 ? without(topics) : answering(topics)))
    const partitions = [at('a', 0), at('a', 1)]
    expect(await cache.leaders(partitions, LIMITS)).toEqual([
      'LEADER_NOT_AVAILABLE',
      'LEADER_NOT_AVAILABLE',
    ])
    expect(await cache.leaders(partitions, LIMITS)).toEqual([1, 2])
  })

  // A topic that was created a moment ago is unknown to brokers that have not heard of it: to say
  // so would end a worker that starts right behind `healstream init`.
  it('of a topic just created are found at the second question', async () => {
    const unknown = (topics: readonly string[]) =>
      answering(topics, {
        topics: topics.map((name) => ({
          name,
          error: 'UNKNOWN_TOPIC_OR_PARTITION',
          partitions: [],
        })),
      })
    const { cache, asked } = cacheOf((topics, nth) =>
      nth === 1 ? unknown(topics) : answering(topics),
    )
    expect(await cache.leaders([at('new')], LIMITS)).toEqual([1])
    expect(asked).toEqual([['new'], ['new']])
    const never = cacheOf((topics) => unknown(topics))
    expect(await never.cache.leaders([at('no')], LIMITS)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    expect(never.asked).toHaveLength(2)
    const beyond = cacheOf((topics) => answering(topics))
    expect(await beyond.cache.leaders([at('a', 7)], LIMITS)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  })

  it('of a topic that may not be seen are refused as such', async () => {
    const { cache } = cacheOf((topics) =>
      answering(topics, {
        topics: topics.map((name) => ({
          name,
          error: 'TOPIC_AUTHORIZATION_FAILED',
          partitions: [],
        })),
      }),
    )
    expect(await cache.leaders([at('a')], LIMITS)).toEqual(['TOPIC_AUTHORIZATION_FAILED'])
  })

  it('are left to the others when one has no more time', async () => {
    const { cache, asked } = cacheOf(async (topics) => {
      await systemClock.sleep(120)
      return answering(topics)
    })
    const stop = new AbortController()
    const short = cache.leaders([at('a')], { timeoutMs: 20 })
    const aborted = cache.leaders([at('a')], { timeoutMs: 2_000, signal: stop.signal })
    const patient = cache.leaders([at('a')], LIMITS)
    const both = Promise.allSettled([short, aborted])
    stop.abort(new Error('enough'))
    expect(await both).toMatchObject([
      { reason: { code: 'UNAVAILABLE' } },
      { reason: new Error('enough') },
    ])
    expect(await patient).toEqual([1])
    expect(asked).toHaveLength(1)
  })

  it('that nobody tells of in time are told with what happened before', async () => {
    const { cache } = cacheOf((_, nth) => {
      if (nth === 1) throw new LogError('UNAVAILABLE', 'h1:9092 refused')
      return new Promise(() => undefined)
    })
    await expect(cache.leaders([at('a')], LIMITS)).rejects.toThrow('h1:9092 refused')
    const late = cache.leaders([at('a')], { timeoutMs: 150 })
    await expect(late).rejects.toThrow('no metadata for 150 ms; before that: h1:9092 refused')
  })

  it('are asked for again after nobody answered', async () => {
    const { cache } = cacheOf((topics, nth) => {
      if (nth <= 2) throw new LogError('UNAVAILABLE', 'nobody')
      return answering(topics)
    })
    for (let i = 0; i < 2; i++)
      await expect(cache.leaders([at('a')], LIMITS)).rejects.toThrow('nobody')
    expect(await cache.leaders([at('a')], LIMITS)).toEqual([1])
  })
})

describe('the rest', () => {
  it('knows addresses, also from elsewhere, and says which nodes there are', async () => {
    const { cache, asked } = cacheOf((topics) => answering(topics))
    expect(await cache.addressOf(3, LIMITS)).toEqual({ host: 'h3', port: 9092 })
    cache.noteAddress(9, { host: 'h9', port: 1 })
    expect(await cache.addressOf(9, LIMITS)).toEqual({ host: 'h9', port: 1 })
    expect(asked).toHaveLength(1)
    await expect(cache.addressOf(4, LIMITS)).rejects.toThrow('node 4 is not in the cluster')
  })

  it('keeps the addresses it has where a starting broker knows of none', async () => {
    const { cache } = cacheOf((topics, nth) => answering(topics, nth === 1 ? {} : { brokers: [] }))
    await cache.clusterId(LIMITS)
    await cache.leaders([at('a')], LIMITS)
    expect(cache.addresses).toHaveLength(3)
  })

  it('asks for the controller until there is one', async () => {
    const { cache } = cacheOf((topics, nth) =>
      answering(topics, nth === 1 ? { controller: -1 } : {}),
    )
    expect(await cache.controller(LIMITS)).toBe('BROKER_NOT_AVAILABLE')
    expect(await cache.controller(LIMITS)).toBe(2)
    cache.forgetController()
    expect(await cache.controller(LIMITS)).toBe(2)
  })
})
