// A release with a slip in its name was told as done, and everything stayed held.
import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { known } from '../../src/cli/commands/release.ts'
import { holdsInForce, type HoldsInForce } from '../../src/cli/holds.ts'
import { eventId } from '../../src/contracts/ids.ts'
import type { OperatorRecord } from '../../src/contracts/records.ts'
import { beginAfterLoss, findLost } from '../../src/runtime/after-loss.ts'
import { broadcast } from '../../src/runtime/broadcast.ts'
import { systemClock as clock } from '../../src/runtime/clock.ts'
import { initCluster } from '../../src/runtime/init.ts'

const NOW_MS = 1_800_000_000_000
const prefix = 'hs.'
const partitions = 2
const serde = await createSerde()
const logs: MemoryLog[] = []
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
})

async function cluster(): Promise<MemoryLog> {
  const log = createMemoryLog()
  logs.push(log)
  await initCluster(log, { clock, partitions })
  return log
}

/** To all partitions, or to the first only, as when it broke off. */
async function say(log: MemoryLog, more: Partial<OperatorRecord>, of = partitions): Promise<void> {
  const producer = log.producer()
  const body: OperatorRecord = {
    id: eventId(randomUUID()),
    kind: 'hold',
    actor: 'ann',
    reason: 'a look first',
    at_ms: NOW_MS,
    expires_at_ms: null,
    scope: { fleet: true, service: null, instance: null, policy: null },
    refers_to: null,
    verdict: null,
    command: null,
    signature: null,
    kid: null,
    ...more,
  }
  const how = { encoder: serde, prefix, partitions: of, clusterId: 'c', source: '/test', producer }
  await broadcast({ topic: 'operator', body }, how)
  await producer.close()
}

const inForce = (log: MemoryLog): Promise<HoldsInForce> =>
  holdsInForce({ log, decoder: serde, prefix, partitions, nowMs: NOW_MS })

test('of people: until they are released everywhere, or have run out', async () => {
  const log = await cluster()
  expect(await inForce(log)).toEqual({ names: [], isCut: false })
  await say(log, { id: eventId('mine') })
  await say(log, { id: eventId('over'), expires_at_ms: NOW_MS })
  await say(log, { id: eventId('later'), kind: 'kill_switch', expires_at_ms: NOW_MS + 1 })
  expect((await inForce(log)).names).toEqual(['mine', 'later'])
  await say(log, { kind: 'release', refers_to: 'mine' }, 1)
  expect((await inForce(log)).names).toEqual(['later', 'mine'])
  await say(log, { kind: 'release', refers_to: 'mine' })
  expect((await inForce(log)).names).toEqual(['later'])
})

test('of a loss: told by the genesis, and not known where that has expired', async () => {
  const log = await cluster()
  const at = { topic: 'hs.journal', partition: 0 }
  const admin = log.admin()
  await admin.deleteRecords(at, 2)
  const how = { clock, prefix, partitions, discard: [], from: 'earliest' } as const
  const [hold = ''] = await beginAfterLoss(log, await findLost(log, how), how)
  expect(await inForce(log)).toEqual({ names: [hold], isCut: false })
  await say(log, { kind: 'release', refers_to: hold })
  expect(await inForce(log)).toEqual({ names: [], isCut: false })
  await admin.deleteRecords(at, 4)
  const producer = log.producer()
  await producer.send([{ ...at, key: null, value: Buffer.from('no entry'), timestampMs: 0 }])
  await producer.close()
  expect(await inForce(log)).toEqual({ names: [], isCut: true })
})

test('a name that holds nothing is refused with those that do', () => {
  const found = { names: ['after-loss-17', 'mine'], isCut: false }
  expect(() => known('mine', found)).not.toThrow()
  expect(() => known('after-loss-71', found)).toThrow('no hold "after-loss-71" is in force')
  expect(() => known('x', { names: [], isCut: true })).toThrow('no hold "x"')
  // Its journal has outlived its genesis: only the task knows.
  expect(() => known('after-loss-71', { ...found, isCut: true })).not.toThrow()
})
