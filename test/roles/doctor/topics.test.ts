// Topics and brokers that are not as they have to be.
import { describe, expect, it } from 'vitest'
import type { ClusterAccess } from '../../../src/adapters/kafka/requests/inspection.ts'
import { BROKER_SETTINGS, checkBrokerConfig } from '../../../src/roles/doctor/settings.ts'
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
    expect(finding?.todo).not.toBeNull()
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
        todo: 'Set retention.ms of these topics to 2 (kafka-configs --alter --entity-type topics).',
      },
    ])
  })
})

describe('settings of a broker', () => {
  const good = {
    'group.min.session.timeout.ms': '6000',
    'group.max.session.timeout.ms': '1800000',
    'transaction.max.timeout.ms': '900000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '10000',
    'transactional.id.expiration.ms': '604800000',
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '2',
    'offsets.topic.replication.factor': '3',
  }

  it('that are good are asked for by name, all of them', () => {
    expect(Object.keys(good).sort()).toEqual([...BROKER_SETTINGS].sort())
    expect(checkBrokerConfig(1, good, 3).map(({ level }) => level)).toEqual(['ok'])
  })

  it.each([
    ['group.min.session.timeout.ms', '10000'],
    ['transaction.max.timeout.ms', '1000'],
    ['auto.create.topics.enable', 'true'],
    ['unclean.leader.election.enable', 'true'],
    ['transaction.state.log.replication.factor', '1'],
  ])('%s=%s is named with what to set', (name, value) => {
    const [finding, ...more] = checkBrokerConfig(2, { ...good, [name]: value }, 3)
    expect(more).toEqual([])
    expect(finding).toMatchObject({ level: 'warn' })
    expect(finding?.found).toContain(`broker 2 has ${name}=${value}`)
    expect(finding?.todo).toContain(`Set ${name} to `)
  })

  it('about replicas are not asked of one broker', () => {
    const single = { ...good, 'transaction.state.log.replication.factor': '1' }
    expect(checkBrokerConfig(1, single, 1).map(({ level }) => level)).toEqual(['ok'])
  })

  it('that may not be read are a warning', () => {
    expect(checkBrokerConfig(1, 'refused', 3)).toMatchObject([{ level: 'warn' }])
  })
})
