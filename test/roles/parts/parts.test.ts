// What a process opens before it serves, over the embedded log: it waits for a log that starts too,
// and refuses what is not set up.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { resolveSettings } from '../../../src/config/settings.ts'
import { openParts, reach } from '../../../src/roles/parts/parts.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import { type EventKind, SILENT } from '../../../src/runtime/instruments.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import { RegistryServer } from '../../adapters/serde/registry-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-parts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function cluster(partitions: number): Promise<LogPort> {
  const log = createMemoryLog()
  await initCluster(log, { clock, partitions, prefix: 't.', dev: true })
  return log
}

const resolved = (flags: Readonly<Record<string, string>> = {}) =>
  resolveSettings({ prefix: 't.', logLevel: 'silent', ...flags }, { HOME: folder })
const open = (log: LogPort, flags: Readonly<Record<string, string>> = {}) =>
  openParts(resolved(flags), { role: 'worker', connect: () => log })

test('the genesis says how many partitions there are', async () => {
  const log = await cluster(5)
  const parts = await open(log, { group: 'g' })
  expect(parts).toMatchObject({ partitions: 5, prefix: 't.', group: 'g' })
  expect(parts.clusterId).toBe(await log.clusterId())
  await parts.close()
})

test('without a genesis it does not open, and leaves nothing open', async () => {
  const log = createMemoryLog()
  await expect(open(log)).rejects.toMatchObject({ code: 'HS_NO_GENESIS' })
  await expect(log.clusterId()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a registry without our schemas ends the start with what to run', async () => {
  const registry = await RegistryServer.start()
  try {
    const opening = open(await cluster(1), { registry: registry.url })
    await expect(opening).rejects.toMatchObject({
      code: 'HS_SCHEMA',
      fix: expect.stringContaining('healstream schemas register'),
    })
  } finally {
    await registry.close()
  }
})

test('a cluster that does not answer yet is asked again, and that is told', async () => {
  const log = createMemoryLog()
  const told: EventKind[] = []
  let left = 2
  const slow: LogPort = {
    ...log,
    clusterId: () => {
      if (left-- > 0) return Promise.reject(new LogError('UNAVAILABLE', 'not yet'))
      return log.clusterId()
    },
  }
  expect(await reach(slow, { emit: (kind) => told.push(kind) })).toBe(await log.clusterId())
  expect(told).toEqual(['read_failed', 'read_failed'])
})

test('a refusal is not asked again', async () => {
  const log = createMemoryLog()
  const refusing: LogPort = {
    ...log,
    clusterId: () => Promise.reject(new LogError('NOT_AUTHORIZED', 'wrong password')),
  }
  await expect(reach(refusing, SILENT)).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
})

// Workers that were started while brokers were away ended, and came back in crash loops.
test('brokers that go away while a process begins are waited for as well', async () => {
  const log = await cluster(3)
  let left = 3
  const parting: LogPort = {
    ...log,
    admin: () => {
      if (left-- > 0) throw new LogError('UNAVAILABLE', 'gone again')
      return log.admin()
    },
  }
  const parts = await open(parting)
  expect([parts.partitions, left]).toEqual([3, -2])
  await parts.close()
})
