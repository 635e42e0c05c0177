// The projector's process over the embedded log: found by its run file, read with its token.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { resolveSettings } from '../../../src/config/settings.ts'
import { openParts } from '../../../src/roles/parts/parts.ts'
import { startProjectorProcess } from '../../../src/roles/projector/process.ts'
import { recencyOf } from '../../../src/roles/projector/view-recency.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import { claimRun, liveRuns } from '../../../src/runtime/run-file.ts'
import { mustRun, startRedis } from '../../adapters/redis/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-projector-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function parts() {
  const log = createMemoryLog()
  await initCluster(log, { clock, partitions: 2, prefix: 'hs.', dev: true })
  const resolved = resolveSettings({ logLevel: 'silent' }, {})
  return openParts(resolved, { role: 'projector', connect: () => log })
}

test('is found, read with the token alone, and leaves nothing', async () => {
  const run = claimRun(folder, Date.now(), null)
  const opened = await parts()
  const role = await startProjectorProcess(opened, { port: 0, run, redis: null })
  expect(liveRuns(folder).map(({ url }) => url)).toEqual([role.url])
  const token = readFileSync(run.tokenFile, 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const get = (path: string) => fetch(`${role.url}${path}`, { headers })
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), 10_000)
  expect(await (await get('/v1/services')).json()).toEqual([])
  expect((await fetch(`${role.url}/v1/services`)).status).toBe(401)
  const init = await fetch(`${role.url}/v1/init`, { method: 'POST', headers })
  expect(await init.json()).toEqual({ cluster_id: opened.clusterId, created: false })
  await role.stop()
  expect(readdirSync(folder)).toEqual([])
})

test.skipIf(!mustRun)(
  'on a Redis: answers say where they come from and how old they are',
  async () => {
    const server = await startRedis()
    const run = claimRun(folder, Date.now(), null)
    const redis = { url: server.url }
    const role = await startProjectorProcess(await parts(), { port: 0, run, redis })
    const headers = { authorization: `Bearer ${readFileSync(run.tokenFile, 'utf8').trim()}` }
    const recency = async () =>
      recencyOf((await fetch(`${role.url}/v1/instances`, { headers })).headers)
    await vi.waitFor(async () => {
      expect(await recency()).toMatchObject({ source: 'redis', problem: null })
    }, 20_000)
    expect((await recency())?.staleMs).toBeLessThan(20_000)
    const metrics = await (await fetch(`${role.url}/metrics`)).text()
    expect(metrics).toMatch(/healstream_views_rebuild_seconds_count\{.*store="redis".*\} 1/)
    await server.stop()
    await vi.waitFor(async () => {
      expect(await recency()).toMatchObject({ source: 'memory' })
    }, 20_000)
    expect((await recency())?.problem).toContain('this process answers alone')
    await role.stop()
  },
)

test('a port in use ends the start, and no run file stays', async () => {
  const first = await startProjectorProcess(await parts(), {
    port: 0,
    run: claimRun(folder, Date.now(), null),
    redis: null,
  })
  const elsewhere = join(folder, 'other')
  const opened = await parts()
  const port = Number(new URL(first.url).port)
  const run = claimRun(elsewhere, Date.now(), null)
  await expect(startProjectorProcess(opened, { port, run, redis: null })).rejects.toMatchObject({
    code: 'HS_PORT_IN_USE',
  })
  expect(readdirSync(elsewhere)).toEqual([])
  await opened.close()
  await first.stop()
})
