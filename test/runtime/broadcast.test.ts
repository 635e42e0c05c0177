// Policies and words of operators reach every partition, the same bytes each.
import { describe, expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { eventId, policyName } from '../../src/contracts/ids.ts'
import type { OperatorRecord, PolicyRecord } from '../../src/contracts/records.ts'
import { broadcast, toAllPartitions } from '../../src/runtime/broadcast.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import { toyEncoder } from '../support/toy-core.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const POLICY: PolicyRecord = {
  name: policyName('restart-it'),
  kind: 'HealPolicy',
  version: 4,
  deleted: false,
  document: '{}',
  sha256: 'x',
  author: 'a person',
  at_ms: 1_000,
  comment: null,
}
const NOTE: OperatorRecord = {
  id: eventId('o-1'),
  kind: 'note',
  actor: 'a person',
  reason: 'because',
  at_ms: 1_000,
  expires_at_ms: null,
  scope: { fleet: true, service: null, instance: null, policy: null },
  refers_to: null,
  verdict: null,
  command: null,
  signature: null,
  kid: null,
}
const HOW = {
  encoder: toyEncoder,
  prefix: 'hs.',
  partitions: 3,
  clusterId: 'c1',
  source: '/cli',
}

const header = (record: { headers?: readonly { key: string; value: Uint8Array | null }[] }) =>
  Buffer.from(record.headers?.find(({ key }) => key === 'ce_id')?.value ?? []).toString()

describe('a broadcast', () => {
  test('is one record per partition with the name as key and the version in its id', () => {
    const records = toAllPartitions({ topic: 'policies', body: POLICY }, HOW)
    expect(records.map(({ partition }) => partition)).toEqual([0, 1, 2])
    expect(new Set(records.map(({ value }) => Buffer.from(value ?? []).toString())).size).toBe(1)
    expect(Buffer.from(records[0]?.key ?? []).toString()).toBe('restart-it')
    expect(header(records[2] ?? {})).toBe('HealPolicy/restart-it/4')
  })

  test('of an operator has its id as key', () => {
    const [record] = toAllPartitions({ topic: 'operator', body: NOTE }, HOW)
    expect(Buffer.from(record?.key ?? []).toString()).toBe('o-1')
    expect(header(record ?? {})).toBe('o-1')
  })

  test('arrives on every partition', async () => {
    const clock = new VirtualClock()
    const log = createMemoryLog({ clock })
    await clock.run(log.admin().createTopics(topicSetups('hs.', 3)))
    const producer = log.producer()
    const how = { ...HOW, producer }
    const appended = await clock.run(broadcast({ topic: 'policies', body: POLICY }, how))
    expect(appended.map(({ partition, baseOffset }) => [partition, baseOffset])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ])
    await clock.run(log.close())
  })
})
