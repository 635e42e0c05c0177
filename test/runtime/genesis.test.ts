// A cluster that was never set up, one that was, and one that was changed since.
import { afterEach, expect, test } from 'vitest'
import { clusterId } from '../../src/contracts/ids.ts'
import { findGenesis } from '../../src/runtime/genesis.ts'
import { initCluster } from '../../src/runtime/init.ts'
import { EngineRig } from '../support/engine-rig.ts'

const CLUSTER = clusterId('toy-cluster')
let rig: EngineRig | null = null
afterEach(() => rig?.stop())

async function made(): Promise<EngineRig> {
  rig = new EngineRig(2)
  const { clock, log } = rig
  await rig.run(initCluster(log, { clock, partitions: 2, prefix: 'hs.', dev: true }))
  return rig
}

test('the genesis of a cluster that was set up', async () => {
  const cluster = await made()
  const genesis = await cluster.run(findGenesis(cluster.log, 'hs.', CLUSTER))
  expect(genesis).toMatchObject({ partitions: 2, dev: true })
})

test.each([
  ['other.', 'toy-cluster', 'HS_NO_GENESIS'],
  ['hs.', 'another-cluster', 'HS_FOREIGN_CLUSTER'],
])('prefix %s, cluster %s: %s', async (prefix, cluster, code) => {
  const toy = await made()
  const found = toy.run(findGenesis(toy.log, prefix, clusterId(cluster)))
  await expect(found).rejects.toMatchObject({ code })
})

test('topics without a genesis', async () => {
  rig = new EngineRig(2)
  const admin = rig.log.admin()
  await rig.run(admin.createTopics([{ topic: 'hs.journal', partitions: 2, config: {} }]))
  await expect(rig.run(findGenesis(rig.log, 'hs.', CLUSTER))).rejects.toMatchObject({
    code: 'HS_NO_GENESIS',
  })
})
