// The systemd units: systemd's own checker, hardening, and that what they name exists.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { firstOnPath } from '../../../scripts/lib/servers/packages.mjs'
import { ROOT } from '../../support/deploy/compose.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-units-'))
const hasAnalyze = firstOnPath(['systemd-analyze']) !== null
const main = `${ROOT}dist/cli/main.js`
/** Exposure by `systemd-analyze security`: 0 safe, 10 open. */
const EXPOSURE_MOST = 2

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe.each(['worker', 'agent'])('healstream-%s.service', (role) => {
  const text = readFileSync(`${ROOT}deploy/systemd/healstream-${role}.service`, 'utf8')
  const values = (key: string): readonly string[] =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))
  const unit = join(folder, `healstream-${role}.service`)
  writeFileSync(unit, text.replace('/usr/local/bin/healstream', process.execPath))

  test('hardened, with state of its own and secrets as credentials', () => {
    expect(values('NoNewPrivileges')).toEqual(['yes'])
    expect(values('ProtectSystem')).toEqual(['strict'])
    expect(values('CapabilityBoundingSet')).toEqual([''])
    expect(values('StateDirectory')).toEqual([`healstream-${role}`])
    expect(values('LoadCredential')).toEqual([
      'kafka-password:healstream.kafka-password',
      'registry-password:healstream.registry-password',
    ])
    expect(text).not.toMatch(/^Environment=.*(PASSWORD|TOKEN|SECRET)/m)
    expect(text).not.toMatch(/^MemoryDenyWriteExecute/m)
  })

  test('starts a command that exists, with options that it has', () => {
    const [, ...words] = values('ExecStart')[0]?.split(' ') ?? []
    const help = spawnSync(process.execPath, [main, words[0] ?? '', '--help'], { encoding: 'utf8' })
    expect(help.status).toBe(0)
    for (const flag of words.filter((word) => word.startsWith('--'))) {
      expect(help.stdout).toContain(flag)
    }
  })

  test.skipIf(!hasAnalyze)('systemd-analyze verify', () => {
    const verify = (path: string) =>
      spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' })
    const ran = verify(unit)
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    const wrong = join(folder, `wrong-${role}.service`)
    writeFileSync(wrong, text.replace('ProtectSystem=strict', 'ProtectSystem=very'))
    expect(verify(wrong).stderr).toContain('protect system value')
  })

  test.skipIf(!hasAnalyze)('systemd-analyze security', () => {
    const args = ['security', '--offline=true', `--threshold=${EXPOSURE_MOST * 10}`, unit]
    const ran = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    expect(ran.status, ran.stdout.split('\n').slice(-3).join('\n')).toBe(0)
  })
})

test('every variable of the example is one that is read', () => {
  const lines = readFileSync(`${ROOT}deploy/systemd/healstream.env`, 'utf8').split('\n')
  const found = lines.flatMap(
    (line) => /^(?:# )?(HEALSTREAM_\w+)=(.*)$/.exec(line)?.slice(1, 3) ?? [],
  )
  const pairs = found.flatMap((name, i) => (i % 2 === 0 ? [[name, found[i + 1] ?? '']] : []))
  const env: Record<string, string> = Object.fromEntries(pairs)
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'not-a-secret\n', { mode: 0o600 })
  for (const name of Object.keys(env)) if (name.endsWith('_FILE')) env[name] = secret
  const args = [main, 'config', 'view', '--show-origin', '-o', 'json']
  const ran = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  expect(ran.status, ran.stderr).toBe(0)
  expect(Object.keys(env).length).toBeGreaterThan(5)
  for (const name of Object.keys(env)) expect(ran.stdout).toContain(name)
  expect(ran.stdout).not.toContain('not-a-secret')
})
