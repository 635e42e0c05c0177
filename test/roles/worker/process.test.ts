// The worker's process over the embedded log: ready when its tasks run, and gone when it is asked.
import { expect, test, vi } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { resolveSettings } from '../../../src/config/settings.ts'
import { openParts } from '../../../src/roles/parts/parts.ts'
import { startWorkerProcess, waitingFor } from '../../../src/roles/worker/process.ts'
import type { WorkerStatus } from '../../../src/roles/worker/worker.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import type { TaskStatus } from '../../../src/runtime/task.ts'

const HOW = { port: 0, standbys: 1, upgrade: 'auto', run: null } as const

async function parts() {
  const log = createMemoryLog()
  await initCluster(log, { clock, partitions: 2, prefix: 'hs.', dev: true })
  const resolved = resolveSettings({ logLevel: 'silent' }, {})
  return openParts(resolved, { role: 'worker', connect: () => log })
}

test('becomes ready, shows metrics, ends', async () => {
  const role = await startWorkerProcess(await parts(), HOW)
  const get = (path: string) => fetch(`${role.url}${path}`)
  expect((await get('/livez')).status).toBe(200)
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), 10_000)
  expect(await (await get('/metrics')).text()).toContain('role="worker"')
  expect((await get('/v1/services')).status).toBe(404)
  await role.stop()
  await expect(get('/livez')).rejects.toThrow('fetch failed')
})

test('a port in use ends the start, and the worker with it', async () => {
  const first = await startWorkerProcess(await parts(), HOW)
  const port = Number(new URL(first.url).port)
  const second = await parts()
  await expect(startWorkerProcess(second, { ...HOW, port })).rejects.toMatchObject({
    code: 'HS_PORT_IN_USE',
  })
  await second.close()
  await first.stop()
})

test('what it waits for, one sentence each', () => {
  const task = (partition: number, state: TaskStatus['state'], more: Partial<TaskStatus> = {}) =>
    ({ task: `s${partition}`, state, restored: null, reason: null, ...more }) as TaskStatus
  const status = (generation: number, tasks: readonly TaskStatus[]) =>
    ({ generation, tasks }) as WorkerStatus
  expect(waitingFor(status(3, [task(0, 'Running')]))).toEqual([])
  expect(waitingFor(status(-1, [task(0, 'Running'), task(7, 'Restoring')]))).toEqual([
    'worker: not in its group',
    'worker: task s7 is Restoring',
  ])
  const odd = [
    task(1, 'Restoring', { restored: 0.429 }),
    task(2, 'Closed', { reason: 'HS_DIVERGED: entry at offset 4' }),
  ]
  expect(waitingFor(status(3, odd))).toEqual([
    'worker: task s1 is Restoring, 42 %',
    'worker: task s2 is Closed: HS_DIVERGED: entry at offset 4',
  ])
})
