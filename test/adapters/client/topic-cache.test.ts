// Settings of topics are asked for once, and all that a commit needs in one question. Each topic
// used to be asked for by itself: over a way of 300 ms the first commit of every writer spent its
// four seconds on that, failed, and was followed by a restore and the next first commit.
import { expect, test } from 'vitest'
import { TopicCache } from '../../../src/adapters/client/topic-cache.ts'
import type { TopicDescription } from '../../../src/runtime/ports.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const WAY_MS = 600

function rig(known: readonly string[]): {
  clock: VirtualClock
  asked: (readonly string[])[]
  cache: TopicCache
} {
  const clock = new VirtualClock()
  const asked: (readonly string[])[] = []
  const cache = new TopicCache({
    clock,
    sleep: (ms) => clock.sleep(ms),
    describe: async (names) => {
      asked.push(names)
      await clock.sleep(WAY_MS)
      return names.map((topic): TopicDescription | null =>
        known.includes(topic)
          ? { topic, partitions: 1, config: { 'max.message.bytes': '1000' } }
          : null,
      )
    },
  })
  return { clock, asked, cache }
}

test('all topics of a commit are asked for in one question, and never again', async () => {
  const { clock, asked, cache } = rig(['a', 'b', 'c', 'd'])
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) await clock.run(cache.get(name, 4_000, names))
  expect(asked).toEqual([names])
  expect(clock.monotonicMs()).toBeLessThan(2 * WAY_MS)
})

test('a topic that is not there does not hide those that are', async () => {
  const { clock, asked, cache } = rig(['a'])
  expect((await clock.run(cache.get('a', 4_000, ['a', 'gone']))).maxMessageBytes).toBe(1_000)
  await expect(clock.run(cache.get('gone', 4_000, ['a', 'gone']))).rejects.toThrow('no topic gone')
  expect(asked.slice(1).flat()).not.toContain('a')
})
