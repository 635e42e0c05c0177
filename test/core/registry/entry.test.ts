// The view of an entry: every field of the state that others need, under its wire name.
import { expect, test } from 'vitest'
import { newEntry, registryRecord } from '../../../src/core/registry/entry.ts'

test('a new entry knows nothing but its name and origin', () => {
  const entry = newEntry(
    { service: 'shop', instance: 'shop-1' },
    { clusterId: 'cluster-a', incarnation: 3, nowMs: 7 },
  )
  Object.assign(entry, {
    zone: 'z1',
    agent: 'agent-1',
    agentEpoch: 2,
    leaseUntilMs: 99,
    recordVersion: 4,
  })
  expect(registryRecord(entry, 8)).toEqual({
    service: 'shop',
    instance: 'shop-1',
    cluster_id: 'cluster-a',
    incarnation: 3,
    version: 0,
    lifecycle: 'unknown',
    link: 'unknown',
    host: null,
    port: null,
    health_path: null,
    zone: 'z1',
    app_version: null,
    agent: 'agent-1',
    agent_epoch: 2,
    lease_ttl_ms: null,
    lease_until_ms: 99,
    registered_at_ms: 7,
    at_ms: 8,
    vector: {},
    path: [],
    metadata: {},
    record_version: 4,
  })
})

test('an id that is none is a defect of the caller', () => {
  const origin = { clusterId: 'c', incarnation: 0, nowMs: 0 }
  expect(() => newEntry({ service: 'a\nb', instance: null }, origin)).toThrow(RangeError)
})
