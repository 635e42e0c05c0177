// The image: what the Dockerfile says, and the same steps carried out on this machine.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { execForm, imageEnv, readCompose, readDockerfile } from '../../support/deploy/compose.ts'
import { buildImage } from '../../support/deploy/image.ts'

const instructions = readDockerfile()
const texts = (name: string): readonly string[] =>
  instructions.filter((each) => each.name === name).map(({ text }) => text)

describe('what it says', () => {
  test('two stages from the same Node, pinned to a whole version', () => {
    const images = texts('FROM').map((text) => text.replace(/ AS .*/, ''))
    expect(images).toEqual([images[0], images[0]])
    expect(images[0]).toMatch(/^node:20[.]\d+[.]\d+-[a-z]+-slim$/)
  })

  test('no install scripts, nothing fetched by address, not root at the end', () => {
    const installs = texts('RUN').filter((text) => /npm (ci|install|prune)/.test(text))
    expect(installs).toHaveLength(2)
    for (const text of installs) expect(text).toContain('--ignore-scripts')
    expect(texts('ADD')).toEqual([])
    expect(texts('RUN').filter((text) => /curl|wget|apt-get/.test(text))).toEqual([])
    expect(texts('USER')).toEqual(['node'])
    expect(texts('STOPSIGNAL')).toEqual(['SIGTERM'])
  })

  test('every variable of the image is one that is read', () => {
    const main = ['dist/cli/main.js', 'config', 'view', '--show-origin', '-o', 'json']
    const env = { PATH: process.env['PATH'], ...imageEnv() }
    const ran = spawnSync(process.execPath, main, { encoding: 'utf8', env })
    expect(ran.status, ran.stderr).toBe(0)
    for (const name of Object.keys(imageEnv()).filter((each) => each.startsWith('HEALSTREAM_'))) {
      expect(ran.stdout).toContain(name)
    }
  })

  test('its health check asks what compose asks', () => {
    const [text = ''] = texts('HEALTHCHECK')
    const [own = ''] = /CMD (\[.*\])$/.exec(text)?.slice(1) ?? []
    const words: unknown = JSON.parse(own)
    const check = readCompose().services['worker']?.healthcheck.test ?? []
    const plain = (list: unknown): string =>
      JSON.stringify(list)
        .replaceAll(/[`'\s]/g, '')
        .replace('${process.env.HEALSTREAM_HTTP_PORT}', imageEnv()['HEALSTREAM_HTTP_PORT'] ?? '')
    expect(plain(words)).toBe(plain(check.slice(1)))
  })
})

describe('the same steps here', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-image-'))
  let root = ''
  const healstream = (...args: readonly string[]) => {
    const env = { PATH: process.env['PATH'], ...imageEnv() }
    const [program = ''] = execForm('ENTRYPOINT')
    const path = join(root, 'usr/local/bin', program)
    return spawnSync(path, [...args], { encoding: 'utf8', env, cwd: folder })
  }
  beforeAll(() => {
    root = buildImage(folder)
  }, 300_000)
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test('it runs, with help as its default', () => {
    const help = healstream(...execForm('CMD'))
    expect([help.status, help.stdout]).toEqual([0, expect.stringContaining('npx healstream demo')])
    expect(healstream('version').stdout).toMatch(/^healstream \d/)
  })

  test('schemas are found, a policy is checked, no tools of developers are in it', () => {
    const lint = healstream('policy', 'lint', join(root, 'app/examples/demo/policies.yaml'))
    expect([lint.status, lint.stderr]).toEqual([0, expect.not.stringContaining('HS_')])
    const modules = readdirSync(join(root, 'app/node_modules'))
    expect(modules).toContain('kafkajs')
    expect(modules.filter((name) => /^(typescript|vitest|knip|oxlint)/.test(name))).toEqual([])
    expect(existsSync(join(root, 'app/src'))).toBe(false)
    expect(existsSync(join(root, 'var/lib/healstream'))).toBe(true)
  })

  test('a command that needs the schemas of the image', () => {
    const asked = healstream('schemas', 'check', '--registry', 'http://127.0.0.1:1/')
    expect([asked.status, asked.stderr]).toEqual([3, expect.stringContaining('HS_')])
  })
})
