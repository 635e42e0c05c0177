// What workers of this machine say of their tasks, beside what journals tell.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { liveTasks, stateText, withLive } from '../../src/cli/worker-status.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { openParts } from '../../src/roles/parts/parts.ts'
import { startWorkerProcess } from '../../src/roles/worker/process.ts'
import { systemClock as clock } from '../../src/runtime/clock.ts'
import { initCluster } from '../../src/runtime/init.ts'
import { claimRun, workersFolder } from '../../src/runtime/run-file.ts'
import type { TaskView } from '../../src/runtime/task-view.ts'

let env: Readonly<Record<string, string>>
beforeEach(() => {
  env = { XDG_RUNTIME_DIR: mkdtempSync(join(tmpdir(), 'healstream-status-')) }
})
afterEach(() => rmSync(env['XDG_RUNTIME_DIR'] ?? '', { recursive: true, force: true }))

test('a worker is found by its run file, and asked with its token', async () => {
  const log = createMemoryLog({ clusterId: 'here' })
  await initCluster(log, { clock, partitions: 2, prefix: 'hs.', dev: true })
  const resolved = resolveSettings({ logLevel: 'silent' }, {})
  const parts = await openParts(resolved, { role: 'worker', connect: () => log })
  const run = claimRun(workersFolder(env), Date.now(), null)
  expect(await liveTasks(env, 'here')).toEqual(new Map())
  const role = await startWorkerProcess(parts, { port: 0, standbys: 1, upgrade: 'auto', run })
  try {
    expect((await fetch(`${role.url}/v1/tasks`)).status).toBe(401)
    await vi.waitFor(async () => {
      const [tasks = []] = (await liveTasks(env, 'here')).values()
      expect(tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
        's0 Running',
        's1 Running',
        'fleet Running',
      ])
    }, 10_000)
    expect(await liveTasks(env, 'elsewhere')).toEqual(new Map())
  } finally {
    await role.stop()
  }
  expect(await liveTasks(env, 'here')).toEqual(new Map())
})

test('a task that has not begun is told as its owner tells it', () => {
  const view = { task: 's1', condition: 'opening', owner: 'w-1', reason: null } as TaskView
  const told = (task: string, state: 'Restoring' | 'Closed' | 'Running', more = {}) =>
    withLive(view, new Map([['w-1', [{ task, state, restored: null, reason: null, ...more }]]]))
  expect(stateText(told('s1', 'Restoring', { restored: 0.456 }))).toBe('restoring 45 %')
  const stopped = told('s1', 'Closed', { reason: 'HS_DIVERGED: entry 4' })
  expect([stateText(stopped), stopped.reason]).toEqual(['stopped', 'HS_DIVERGED: entry 4'])
  expect(stateText(told('s2', 'Restoring'))).toBe('opening')
  expect(stateText(withLive({ ...view, condition: 'running' }, new Map()))).toBe('running')
})

// An input was lost under a task that ran: it stood, and was told as running, with exit code 0.
test('a task that has stopped or suspended itself after it had begun does not run', () => {
  const view = { task: 's1', condition: 'running', owner: 'w-1', reason: null } as TaskView
  const told = (state: 'Suspended' | 'Closed' | 'Running', condition = view.condition) => {
    const live = { task: 's1', state, restored: null, reason: null }
    const row = withLive({ ...view, condition }, new Map([['w-1', [live]]]))
    return [row.condition, stateText(row)]
  }
  expect(told('Closed')).toEqual(['opening', 'stopped'])
  expect(told('Suspended')).toEqual(['opening', 'suspended'])
  expect(told('Running')).toEqual(['running', 'running'])
  expect(told('Running', 'opening')).toEqual(['running', 'running'])
  expect(told('Running', 'broken')).toEqual(['broken', 'broken'])
})
