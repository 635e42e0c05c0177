// How many partitions a cluster has that has lost journals: one lost journal, the first, kept
// people from seeing all the others, and workers from running them.
import { afterEach, expect, test } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { partitionsLeft } from '../../../src/roles/parts/partitions-left.ts'
import { clusterId } from '../../../src/contracts/ids.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'

const logs: MemoryLog[] = []
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
})

async function cluster(): Promise<MemoryLog> {
  const log = createMemoryLog()
  logs.push(log)
  await initCluster(log, { clock, partitions: 3 })
  return log
}

const left = async (log: MemoryLog): Promise<number> =>
  await partitionsLeft(log, 'hs.', clusterId(await log.clusterId()))

test('the first journal is empty, or is none: the others tell', async () => {
  const log = await cluster()
  expect(await left(log)).toBe(3)
  const admin = log.admin()
  await admin.deleteRecords({ topic: 'hs.journal', partition: 0 }, 2)
  expect(await left(log)).toBe(3)
  const value = Buffer.from('no entry')
  await log
    .producer()
    .send([{ topic: 'hs.journal', partition: 0, key: null, value, timestampMs: 0 }])
  expect(await left(log)).toBe(3)
})

test('where nothing was ever begun, or the cluster is another, it says so', async () => {
  const log = await cluster()
  await expect(partitionsLeft(log, 'hs.', clusterId('another'))).rejects.toMatchObject({
    code: 'HS_FOREIGN_CLUSTER',
  })
  const admin = log.admin()
  for (const partition of [0, 1, 2])
    await admin.deleteRecords({ topic: 'hs.journal', partition }, 2)
  await expect(left(log)).rejects.toMatchObject({ code: 'HS_NO_GENESIS' })
  await expect(partitionsLeft(log, 'none.', clusterId('any'))).rejects.toMatchObject({
    code: 'HS_NO_GENESIS',
  })
  await log.admin().createTopics([{ topic: 'bare.journal', partitions: 2, config: {} }])
  await expect(partitionsLeft(log, 'bare.', clusterId('any'))).rejects.toMatchObject({
    code: 'HS_NO_GENESIS',
  })
})
