// Topics against what they have to be: each rule with a value that breaks it and one that is fine.
import { describe, expect, test } from 'vitest'
import { topicSetups } from '../../src/runtime/init.ts'
import type { TopicDescription, TopicSetup } from '../../src/runtime/ports.ts'
import { type Spread, topicFindings } from '../../src/runtime/topic-check.ts'

const setups = topicSetups('hs.', 12)
function setupOf(kind: string): TopicSetup {
  const found = setups.find(({ topic }) => topic === `hs.${kind}`)
  if (found === undefined) throw new Error(kind)
  return found
}
const asIs = ({ topic, partitions, config }: TopicSetup): TopicDescription => {
  return { topic, partitions, config }
}
/** Findings of a topic that is right but for these settings. */
function findings(kind: string, changed: Record<string, string>, spread?: Spread) {
  const setup = setupOf(kind)
  const { config, ...rest } = asIs(setup)
  return topicFindings(setup, { ...rest, config: { ...config, ...changed } }, spread ?? null)
}

test('every topic that is made as planned has no finding', () => {
  for (const setup of setups) expect(topicFindings(setup, asIs(setup))).toEqual([])
  for (const setup of topicSetups('x.', 3, 3))
    expect(topicFindings(setup, asIs(setup), { replicas: 3, brokers: 3 })).toEqual([])
})

test('a missing topic', () => {
  expect(topicFindings(setupOf('dlq'), null)).toMatchObject([{ severity: 'missing', field: null }])
})

test('another number of partitions', () => {
  const setup = setupOf('journal')
  expect(topicFindings(setup, { ...asIs(setup), partitions: 13 })).toMatchObject([
    { severity: 'differs', field: 'partitions', found: '13', expected: '12' },
  ])
})

describe('settings', () => {
  test.each([
    ['journal', 'cleanup.policy', 'compact'],
    ['health', 'cleanup.policy', 'delete'],
    ['health', 'cleanup.policy', 'compact,delete'],
    ['journal', 'retention.ms', '86400000'],
    ['policies', 'retention.ms', '604800000'],
    ['telemetry', 'message.timestamp.type', 'CreateTime'],
    ['telemetry', 'compression.type', 'producer'],
    ['telemetry', 'max.message.bytes', '1048588'],
    ['telemetry', 'max.message.bytes', '1000'],
    ['journal', 'max.message.bytes', '1048575'],
  ])('%s with %s=%s differs', (kind, field, value) => {
    const found = findings(kind, { [field]: value })
    expect(found).toMatchObject([{ severity: 'differs', field, found: value }])
  })

  test.each([
    ['journal', 'retention.ms', '-1'],
    ['journal', 'retention.ms', '6048000000'],
    ['journal', 'max.message.bytes', '10000000'],
    ['journal', 'compression.type', 'zstd'],
    ['journal', 'segment.bytes', '1000000'],
  ])('%s with %s=%s is fine', (kind, field, value) => {
    expect(findings(kind, { [field]: value })).toEqual([])
  })

  test('a setting that the log does not tell of is a difference', () => {
    const setup = setupOf('journal')
    const found = topicFindings(setup, { ...asIs(setup), config: {} })
    expect(found.map(({ found: is }) => is)).toEqual([null, null, null, null])
  })
})

describe('safety', () => {
  test.each([
    [1, '1', 'replicas', 'advice'],
    [2, '1', 'replicas', 'advice'],
    [3, '1', 'min.insync.replicas', 'advice'],
    [2, '3', 'min.insync.replicas', 'differs'],
    [1, '2', 'min.insync.replicas', 'differs'],
  ])('%i replicas, %s in sync', (replicas, inSync, field, severity) => {
    const found = findings('journal', { 'min.insync.replicas': inSync }, { replicas, brokers: 3 })
    expect(found).toMatchObject([{ severity, field }])
  })

  test.each([1, 2])('as many replicas as the %i brokers there are is all one can do', (brokers) => {
    expect(findings('journal', {}, { replicas: brokers, brokers })).toEqual([])
  })

  test('unclean elections and a bound by size', () => {
    const unsafe = { 'unclean.leader.election.enable': 'true', 'retention.bytes': '1000' }
    expect(findings('journal', unsafe).map(({ severity, field }) => [severity, field])).toEqual([
      ['advice', 'unclean.leader.election.enable'],
      ['advice', 'retention.bytes'],
    ])
    expect(findings('health', { 'retention.bytes': '1000' })).toEqual([])
  })
})
