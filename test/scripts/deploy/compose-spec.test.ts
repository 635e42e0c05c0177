// docker-compose.yml as the Compose Specification's own library reads it, and as this project's
// tests read it: both must see the same.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeSpecCommand, fetchComposeSpec } from '../../../scripts/lib/servers/compose-spec.mjs'
import { firstOnPath } from '../../../scripts/lib/servers/packages.mjs'
import { readCompose, ROOT } from '../../support/deploy/compose.ts'

const hasLoader = existsSync(composeSpecCommand()) || firstOnPath(['go']) !== null
const folder = mkdtempSync(join(tmpdir(), 'healstream-compose-spec-'))
const text = readFileSync(`${ROOT}docker-compose.yml`, 'utf8')

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A changed copy; `${ROOT}docker-compose.yml` itself must be right. */
function changed(from: RegExp, to: string): string {
  const path = join(folder, 'docker-compose.yml')
  const other = text.replace(from, to)
  if (other === text) throw new Error(`${from} is not in it`)
  writeFileSync(path, other)
  return path
}

describe.skipIf(!hasLoader)(`the library${hasLoader ? '' : ' (no Go to build it with)'}`, () => {
  const load = (path: string) => {
    const ran = spawnSync(composeSpecCommand(), [path], { cwd: folder, encoding: 'utf8' })
    return { code: ran.status, stdout: ran.stdout, output: ran.stdout + ran.stderr }
  }
  beforeAll(async () => {
    await fetchComposeSpec(() => {})
  }, 320_000)

  test('reads it, and sees what our tests see', () => {
    const { code, stdout, output } = load(`${ROOT}docker-compose.yml`)
    expect(code, output).toBe(0)
    const seen = JSON.parse(stdout)
    const ours = readCompose()
    expect(Object.keys(seen.services).toSorted()).toEqual(Object.keys(ours.services).toSorted())
    for (const [name, service] of Object.entries(ours.services)) {
      const { environment = {}, healthcheck, command, image } = seen.services[name]
      expect({ image, environment }).toEqual({
        image: service.image,
        environment: service.environment,
      })
      expect(command ?? undefined).toEqual(service.command)
      const check = service.healthcheck.test?.map((word) => word.replaceAll('$', '$$$$'))
      expect(healthcheck.test?.map((word: string) => word.replaceAll(/\$+/g, '$$$$'))).toEqual(
        check,
      )
    }
  })

  test.each([
    [/^name:/m, 'nom:', 'nom'],
    [/start_period: 60s/, 'start_period: soon', 'soon'],
    [/\n {6}kafka: \{ condition: service_healthy \}/, '\n      kafak: {}', 'kafak'],
    [/interval: 10s/, 'interva: 10s', 'interva'],
    [/kafka-data:\/var/, 'other-data:/var', 'other-data'],
  ])('refuses %s as %j', (from, to, words) => {
    const { code, output } = load(changed(from, to))
    expect([code, output]).toEqual([1, expect.stringContaining(words)])
  })
})
