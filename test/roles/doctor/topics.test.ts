// Topics that are not as they have to be.
import { describe, expect, it } from 'vitest'
import type { ClusterAccess } from '../../../src/adapters/kafka/requests/inspection.ts'
import { checkSettings, checkTopics } from '../../../src/roles/doctor/topics.ts'
import type { TopicFinding } from '../../../src/runtime/topic-check.ts'

const broker = (node: number) => ({ node, host: 'h', port: node })
const partition = (replicas: number[], inSync = replicas, leader = inSync[0] ?? -1) => {
  return { partition: 0, leader, replicas, inSync }
}
const topic = (name: string, one: ReturnType<typeof partition> | null) => ({
  name,
  error: one === null ? ('UNKNOWN_TOPIC_OR_PARTITION' as const) : ('NONE' as const),
  partitions: one === null ? [] : [one],
  operations: [],
})
const cluster = (...topics: ReturnType<typeof topic>[]): ClusterAccess => {
  return { brokers: [1, 2, 3].map(broker), clusterId: 'c', topics, operations: [] }
}

describe('topics', () => {
  it('with three replicas in sync are fine', () => {
    const found = checkTopics(cluster(topic('hs.a', partition([1, 2, 3]))))
    expect(found.map(({ level }) => level)).toEqual(['ok'])
  })

  it.each([
    [topic('hs.a', null), 'fail', /missing: hs\.a/],
    [topic('hs.a', partition([1, 2, 3], [], -1)), 'fail', /without a leader: hs\.a/],
    [topic('hs.a', partition([1, 2, 3], [1, 3])), 'warn', /replicas behind: hs\.a/],
  ])('case %#', (one, level, words) => {
    const finding = checkTopics(cluster(one))[0]
    expect(finding).toMatchObject({ level })
    expect(finding?.found).toMatch(words)
    expect(finding?.fix).not.toBeNull()
  })

  it('with the same wrong setting are named together', () => {
    const wrong = (name: string): TopicFinding => ({
      topic: name,
      severity: 'differs',
      field: 'retention.ms',
      found: '1',
      expected: '2',
      why: 'records would be deleted',
    })
    expect(checkSettings([wrong('hs.a'), wrong('hs.b')])).toEqual([
      {
        check: 'topics',
        level: 'fail',
        found: 'retention.ms is 1, not 2: records would be deleted (hs.a, hs.b)',
        fix: 'Set retention.ms of these topics to 2 (kafka-configs --alter).',
      },
    ])
  })
})
