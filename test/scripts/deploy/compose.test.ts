// docker-compose.yml on this machine without an engine: every service with its own command,
// environment and health check, in the order in which it says they depend on each other.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { whatIsMissing } from '../../../scripts/lib/servers/fetch.mjs'
import { firstOnPath } from '../../../scripts/lib/servers/packages.mjs'
import { readCompose, ROOT } from '../../support/deploy/compose.ts'
import { type HostService, HostServices, seconds } from '../../support/deploy/host.ts'

const compose = readCompose()
const names = Object.keys(compose.services)
const text = readFileSync(`${ROOT}docker-compose.yml`, 'utf8')

describe('what it says', () => {
  test('no obsolete version, a name, only the services that exist', () => {
    expect(text).not.toMatch(/^version:/m)
    expect(compose.name).toBe('healstream')
    expect(names).toEqual(['kafka', 'registry', 'redis', 'init', 'worker', 'projector'])
  })

  test('images are pinned to a whole version', () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
    for (const { image, build } of Object.values(compose.services)) {
      expect(image).toMatch(/:\d+\.\d+\.\d+/)
      if (build !== undefined) expect(image).toBe(`healstream:${version}`)
    }
  })

  test('ports are open to this machine alone', () => {
    for (const { ports } of Object.values(compose.services)) {
      for (const port of ports) expect(port).toMatch(/^127[.]0[.]0[.]1:/)
    }
  })

  test('named volumes are declared and used', () => {
    const used = Object.values(compose.services).flatMap(({ volumes }) =>
      volumes.map((volume) => volume.split(':')[0]),
    )
    expect(used.toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
  })

  test('who is waited for has a health check, or ends', () => {
    for (const { depends_on } of Object.values(compose.services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const other = compose.services[name]
        if (condition === 'service_healthy') expect(other?.healthcheck.test).toBeDefined()
        else expect([condition, other?.restart]).toEqual(['service_completed_successfully', 'no'])
      }
    }
  })

  test('variables reach it', () => {
    const other = readCompose({ HEALSTREAM_KAFKA_PORT: '19999' })
    expect(other.services['kafka']?.ports).toEqual(['127.0.0.1:19999:9092'])
    const advertised = other.services['kafka']?.environment['KAFKA_ADVERTISED_LISTENERS']
    expect(advertised).toContain('EXTERNAL://127.0.0.1:19999')
  })
})

const missing =
  whatIsMissing().java ?? (firstOnPath(['redis-server']) === null ? 'there is no Redis' : null)
const reason = missing === null ? '' : ` (${missing})`

describe.skipIf(missing !== null)(`what it does${reason}`, () => {
  let host: HostServices
  const running = new Map<string, HostService>()
  const service = (name: string): HostService => {
    const found = running.get(name) ?? host.of(name)
    running.set(name, found)
    return found
  }
  const untilHealthy = async (name: string): Promise<void> => {
    const limit = seconds(compose.services[name]?.healthcheck.start_period)
    const end = performance.now() + limit * 1000
    while (!service(name).healthy()) {
      const log = (): string => readFileSync(service(name).log, 'utf8').slice(-3000)
      if (performance.now() > end) throw new Error(`${name} is not healthy\n${log()}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  beforeAll(async () => {
    host = await HostServices.prepare(compose, mkdtempSync(join(tmpdir(), 'healstream-compose-')))
  }, 300_000)
  afterAll(() => host.close(), 30_000)

  test('redis, kafka, registry: healthy only when they serve', { timeout: 200_000 }, async () => {
    for (const name of ['redis', 'kafka', 'registry']) {
      expect(service(name).healthy(), `${name} before its start`).toBe(false)
      await service(name).start()
    }
    await Promise.all(['redis', 'kafka', 'registry'].map(untilHealthy))
  })

  test('init does its work once; a second time there is nothing to do', async () => {
    await service('init').start()
    expect(await service('init').ended, readFileSync(service('init').log, 'utf8')).toBe(0)
    expect(readFileSync(service('init').log, 'utf8')).toMatch(/is set up: \d+ topics made/)
    const again = host.of('init')
    await again.start()
    expect(await again.ended).toBe(0)
    expect(readFileSync(again.log, 'utf8')).toContain('nothing was changed')
  })

  test('worker and projector become ready; commands reach the projector', async () => {
    for (const name of ['worker', 'projector']) {
      expect(service(name).healthy()).toBe(false)
      await service(name).start()
    }
    await Promise.all(['worker', 'projector'].map(untilHealthy))
    const main = [process.execPath, `${ROOT}dist/cli/main.js`]
    const got = service('projector').exec([...main, 'get', 'services', '-o', 'json'])
    expect([got.code, got.stderr]).toEqual([0, ''])
  })

  // The registry's image keeps its data in memory unless it is told otherwise: after a restart ids
  // would mean other schemas than the ones that records in Kafka were written with.
  test('a registry that is started again knows the ids it gave', async () => {
    await service('registry').stop()
    running.delete('registry')
    expect(service('registry').healthy()).toBe(false)
    await service('registry').start()
    await untilHealthy('registry')
    const again = host.of('init')
    await again.start()
    expect(await again.ended).toBe(0)
    const lines = readFileSync(again.log, 'utf8').trimEnd().split('\n')
    expect(lines.findLast((line) => line.includes('cluster '))).toContain('nothing was changed')
  })

  test('asked to, all end within their time, and are no longer healthy', async () => {
    for (const name of ['worker', 'projector', 'redis', 'registry', 'kafka']) {
      const code = await service(name).stop()
      expect(code, `${name} had to be killed`).not.toBeNull()
      if (name === 'worker' || name === 'projector') expect(code).toBe(0)
      expect(service(name).healthy()).toBe(false)
    }
  })
})
