// `config view` and what every command refuses before it does anything, as processes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { healstream } from './command.ts'

const base = mkdtempSync(join(tmpdir(), 'healstream-config-'))
const file = join(base, 'a.yaml')
writeFileSync(file, 'kafka:\n  brokers: [a:1]\nprefix: file.\n')
const env = { HOME: base, XDG_RUNTIME_DIR: base }
afterAll(() => rmSync(base, { recursive: true, force: true }))

test('every value with its origin, as a table and as one document', async () => {
  const more = { ...env, HEALSTREAM_GROUP: 'g' }
  const args = ['config', 'view', '--show-origin', '--config', file, '--port', '8080']
  const { code, stdout } = await healstream(args, { env: more })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^SETTING +VALUE +ORIGIN\n/)
  expect(stdout).toMatch(new RegExp(`^kafka[.]brokers +a:1 +file ${file}:2$`, 'm'))
  expect(stdout).toMatch(/^group +g +environment HEALSTREAM_GROUP$/m)
  expect(stdout).toMatch(/^http[.]port +8080 +flag --port$/m)
  const json = await healstream([...args, '-o', 'json'], { env: more })
  expect(JSON.parse(json.stdout)).toMatchObject({
    prefix: { value: 'file.', origin: `file ${file}:3` },
    'log.level': { value: 'info', origin: 'default' },
  })
  const plain = await healstream(['config', 'view', '-o', 'json'], { env })
  expect(JSON.parse(plain.stdout)).toMatchObject({ prefix: 'hs.', 'kafka.brokers': null })
})

test('files of secrets are named, never opened', async () => {
  const more = {
    ...env,
    HEALSTREAM_KAFKA_SASL_MECHANISM: 'PLAIN',
    HEALSTREAM_KAFKA_SASL_USERNAME: 'u',
    HEALSTREAM_KAFKA_SASL_PASSWORD_FILE: '/nowhere/p',
    HEALSTREAM_KAFKA_BROKERS: 'a:1',
  }
  const { code, stdout, stderr } = await healstream(['config', 'view'], { env: more })
  expect(code).toBe(0)
  expect(stdout).toMatch(/passwordFile +[/]nowhere[/]p \(its content is not shown\)/)
  expect(stderr).toContain('warning: SASL PLAIN without TLS sends the password in the clear')
})

test.each([
  [['worker', '--sasl-password=hunter2'], {}, 'would put a secret among the arguments'],
  [['agent', '--token', 'hunter2'], {}, 'would put a secret among the arguments'],
  [['config', 'view'], { HEALSTREAM_KAFKA_SASL_PASSWORD: 'hunter2' }, 'holds a secret in the env'],
  [['worker', '--registry', 'http://u:hunter2@h'], {}, 'without user and password in it'],
])('a secret that others could read is refused and not repeated: %j', async (args, more, words) => {
  const { code, stdout, stderr } = await healstream(args, { env: { ...env, ...more } })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^HS_CONFIG: /)
  expect(stderr).toContain(words)
  expect(stderr).not.toContain('hunter2')
})

test.each([
  [['worker'], 'no broker is named'],
  [['topics', 'check'], 'no broker is named'],
  [['agent', '--brokers', 'a:1'], 'no agent is described'],
  [['worker', '--brokers', 'a'], 'expected host:port'],
  [['worker', '--config', '/nowhere/x.yaml'], '/nowhere/x.yaml cannot be read'],
  [['schemas', 'register'], 'no schema registry is named'],
])('%j ends with 2 and a sentence', async (args, words) => {
  const { code, stdout, stderr } = await healstream(args, { env })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^HS_CONFIG: /)
  expect(stderr).toContain(words)
})

test('init without brokers takes none of the options that need them', async () => {
  const { code, stderr } = await healstream(['init', '--dev'], { env })
  expect([code, stderr]).toEqual([2, expect.stringContaining('these options need --brokers')])
  const none = await healstream(['init'], { env })
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('no running healstream')])
})

// `init --discard s3` without the flag that it belongs to was taken for a plain `init`, and said
// that all was well.
test.each([
  ['--discard', 's3'],
  ['--from', 'latest'],
])('init %s without --after-loss is refused before anything is asked', async (...flag) => {
  const { code, stderr } = await healstream(['init', ...flag, '--brokers', 'a:1'], { env })
  expect([code, stderr]).toEqual([2, expect.stringContaining('with --after-loss alone')])
})

test('journal verify goes to the brokers that are named, and else to what runs', async () => {
  const direct = await healstream(['journal', 'verify', '--brokers', '127.0.0.1:1'], { env })
  expect([direct.code, direct.stderr]).toEqual([3, expect.stringContaining('127.0.0.1:1 failed')])
  const asked = await healstream(['journal', 'verify'], { env })
  expect([asked.code, asked.stderr]).toEqual([3, expect.stringContaining('no running healstream')])
})
