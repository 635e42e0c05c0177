// An agent that lost its folder must not speak as an incarnation the registry has forgotten.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import type { RegistryEntry } from '../../../src/contracts/records.ts'
import { topicName } from '../../../src/contracts/topics.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { pastIncarnations } from '../../../src/roles/agent/past.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { AGENT, CLUSTER, freePort, PARTITIONS, PREFIX, Rig, stockInstance } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

async function remember(instance: string, incarnation: number | null): Promise<void> {
  const entry: RegistryEntry = {
    service: serviceId('stock'),
    instance: instanceId(instance),
    cluster_id: CLUSTER,
    incarnation: incarnation ?? 0,
    version: 1,
    lifecycle: 'ready',
    link: 'online',
    host: null,
    port: null,
    health_path: null,
    zone: null,
    app_version: null,
    agent: AGENT,
    agent_epoch: 1,
    lease_ttl_ms: null,
    lease_until_ms: null,
    registered_at_ms: 1,
    at_ms: 1,
    vector: {},
    path: [],
    metadata: {},
    record_version: 1,
  }
  const producer = rig.log.producer()
  await producer.send([
    {
      topic: topicName('registry', PREFIX),
      partition: partitionFor('stock', PARTITIONS),
      key: Buffer.from(viewKey('stock', instance)),
      value: incarnation === null ? null : rig.serde.encode('registry', entry),
      timestampMs: 1,
    },
  ])
  await producer.close()
}

test('the highest incarnation of each instance; tombstones are none', async () => {
  const find = (): ReturnType<typeof pastIncarnations> =>
    pastIncarnations({
      log: rig.log,
      decoder: rig.serde,
      clock,
      prefix: PREFIX,
      partitions: PARTITIONS,
      services: ['stock', 'shop', 'none'],
    })
  expect(await find()).toEqual(new Map())
  await remember('stock-1', 4)
  await remember('stock-1', 9)
  await remember('stock-2', 2)
  await remember('stock-3', null)
  expect(await find()).toEqual(
    new Map([
      ['stock/stock-1', 9],
      ['stock/stock-2', 2],
    ]),
  )
})

test('an agent with a new folder goes on above it', async () => {
  await remember('stock-1', 9)
  const agent = await rig.start([stockInstance('stock-1', await freePort())])
  expect(agent.started[0]?.incarnation).toBe(10)
})
