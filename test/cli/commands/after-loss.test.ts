// `init --after-loss` on a real log, without brokers: what it says before it does anything, and
// what those tasks begin with.
import { afterEach, expect, test } from 'vitest'
import { beginAnew } from '../../../src/cli/commands/after-loss.ts'
import type { InitFlags } from '../../../src/cli/commands/init.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { clusterId } from '../../../src/contracts/ids.ts'
import { initCluster, readGenesis } from '../../../src/runtime/init.ts'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'

const logs: MemoryLog[] = []
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close()
})

const S0 = { topic: 'hs.journal', partition: 0 }
const S1 = { topic: 'hs.journal', partition: 1 }

/** Set up with a scale that is not the default; s0 has lost its journal. */
async function halfLost(): Promise<MemoryLog> {
  const log = createMemoryLog()
  logs.push(log)
  await initCluster(log, { clock, partitions: 2, dev: true, scale: 5 })
  await forget(log)
  return log
}

async function forget(log: MemoryLog): Promise<void> {
  const admin = log.admin()
  const [end] = await admin.offsets([S0], 'latest', 'read_committed')
  await admin.deleteRecords(S0, end ?? 0)
  await admin.close()
}

async function anew(log: MemoryLog, flags: Partial<InitFlags>): Promise<[unknown, string[]]> {
  const said: string[] = []
  let told = ''
  const terminal: Terminal = {
    out: (line) => (told += line),
    raw: () => undefined,
    say: (line) => said.push(line),
    paint: (_, text) => text,
    interactive: false,
  }
  const at = { log, clock, prefix: 'hs.', clusterId: clusterId(await log.clusterId()) }
  const all: InitFlags = { output: 'json', afterLoss: true, ...flags }
  await beginAnew({ terminal, env: {} }, all, at)
  return [JSON.parse(told), said]
}

// It used to delete what was left of the journals in spite of --dry-run.
test('--dry-run says what would begin anew and touches nothing, agreed to or not', async () => {
  const log = await halfLost()
  const kept = await readGenesis(log, S1)
  const flags = { dryRun: true, yes: true, discard: ['s1'] }
  const [value] = await anew(log, flags)
  expect(value).toMatchObject({ dry_run: true, tasks: ['s0', 's1'] })
  expect(await readGenesis(log, S0)).toBeNull()
  expect(await readGenesis(log, S1)).toEqual(kept)
})

// A cluster of scale 5 had tasks of scale 4 after a loss, for nobody had said it again.
test('what begins anew has the scale and the ladder of those that are left', async () => {
  const log = await halfLost()
  const [value] = await anew(log, { yes: true })
  expect(value).toMatchObject({ tasks: ['s0'], holds: [expect.stringMatching(/^after-loss-\d+$/)] })
  expect(await readGenesis(log, S0)).toMatchObject({ scale: 5, dev: true })
})

test('one that is left and broken tells nothing, and is left alone', async () => {
  const log = await halfLost()
  const admin = log.admin()
  await admin.deleteRecords(S1, 2)
  const producer = log.producer()
  await producer.send([{ ...S1, key: null, value: Buffer.from('no entry'), timestampMs: 0 }])
  await producer.close()
  const [value] = await anew(log, { yes: true })
  expect(value).toMatchObject({ tasks: ['s0'] })
  // The fleet's journal is left too.
  expect(await readGenesis(log, S0)).toMatchObject({ scale: 5 })
})

test('what is said counts more, and nothing is done that nobody has agreed to', async () => {
  const log = await halfLost()
  await expect(anew(log, {})).rejects.toThrow('nobody can be asked')
  expect(await readGenesis(log, S0)).toBeNull()
  await anew(log, { yes: true, scale: 4 })
  expect(await readGenesis(log, S0)).toMatchObject({ scale: 4, dev: true })
  const [again] = await anew(log, { yes: true })
  expect(again).toMatchObject({ tasks: [], holds: [] })
})
