// `./scripts/registry` and `./scripts/redis` with the real servers.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { whatIsMissing } from '../../../scripts/lib/servers/fetch.mjs'
import { firstOnPath } from '../../../scripts/lib/servers/packages.mjs'
import { REDIS_PROGRAMS } from '../../../scripts/lib/servers/redis.mjs'
import { startOwnRegistry } from '../../support/kafka/registry.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const state = mkdtempSync(join(tmpdir(), 'healstream-state-'))
const port = 20_000 + (process.pid % 4000)
const { java } = whatIsMissing()
const noRedis = firstOnPath(REDIS_PROGRAMS) === null

function script(name: string, args: readonly string[], more: Record<string, string> = {}) {
  const env = { ...process.env, XDG_STATE_HOME: state, ...more }
  const ran = spawnSync(`./scripts/${name}`, args, { cwd: ROOT, encoding: 'utf8', env })
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr }
}

afterAll(() => {
  rmSync(state, { recursive: true, force: true })
})

describe.each([
  { name: 'registry', skip: java, url: `http://127.0.0.1:${port}/apis/ccompat/v7` },
  { name: 'redis', skip: noRedis ? 'no Redis' : null, url: `redis://127.0.0.1:${port}` },
])('$name', ({ name, skip, url }) => {
  const at = ['--port', String(port)]

  test.skipIf(skip !== null)('up, up again, another port, status, a crash, down', () => {
    const first = script(name, ['up', ...at, '--output', 'json'])
    expect(first.code, first.stderr).toBe(0)
    expect(JSON.parse(first.stdout)).toMatchObject({ running: true, url })
    const again = script(name, ['up', ...at, '--output', 'json'])
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout))
    const other = script(name, ['up', '--port', String(port + 1)])
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining(`port ${port}`)])

    spawnSync('kill', ['-9', String(JSON.parse(first.stdout).pid)])
    expect(script(name, ['status']).code).toBe(1)
    expect(script(name, ['up', ...at]).stdout).toContain(url)
    expect(script(name, ['down']).stdout).toBe(`${name} default: ended\n`)
    expect(script(name, ['down']).stdout).toBe(`${name} default: nothing ran\n`)
    expect(readdirSync(join(state, 'healstream', name))).toEqual([])
  })

  test.skipIf(skip !== null)('a port that is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const ran = script(name, ['up', ...at])
    server.close()
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(`port ${port}`)])
    expect(readdirSync(join(state, 'healstream', name))).toEqual([])
  })

  test('a wrong port, a wrong name', () => {
    expect(script(name, ['up', '--port', '1']).code).toBe(2)
    expect(script(name, ['up', '--name', '../x']).code).toBe(2)
    expect(script(name, ['--help']).stdout).toContain(`./scripts/${name} up|down|status`)
  })
})

test.skipIf(java !== null)('a registry of a suite: killed, started again, gone', async () => {
  const registry = await startOwnRegistry()
  const subjects = async (): Promise<unknown> => {
    const answer = await fetch(`${registry.url}/subjects`, { signal: AbortSignal.timeout(2000) })
    return await answer.json()
  }
  try {
    expect(await subjects()).toEqual([])
    await registry.kill9()
    await expect(subjects()).rejects.toThrow('fetch failed')
    await registry.restart()
    registry.pause()
    await expect(subjects()).rejects.toThrow(/timeout/)
    registry.resume()
    expect(await subjects()).toEqual([])
  } finally {
    await registry.stop()
  }
  await expect(subjects()).rejects.toThrow('fetch failed')
})
