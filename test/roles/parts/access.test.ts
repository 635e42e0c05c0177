// Settings become what the adapters are handed; a file that cannot be read is told with the setting
// that named it, before anything is reached for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { resolveSettings } from '../../../src/config/settings.ts'
import { kafkaOptionsOf, registryAccessOf } from '../../../src/roles/parts/access.ts'
import { systemClock as clock } from '../../../src/runtime/clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-access-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const SECRET = join(folder, 'secret')
writeFileSync(SECRET, 's3cret\n')

const K = 'HEALSTREAM_KAFKA_'
const resolved = (env: Readonly<Record<string, string>>, flags: object = {}) =>
  resolveSettings({ ...flags }, { HOME: folder, ...env })
const options = (env: Readonly<Record<string, string>>) =>
  kafkaOptionsOf(resolved({ [`${K}BROKERS`]: 'a:1,b:2', ...env }), { clock })

describe('brokers', () => {
  test('in the clear', () => {
    expect(options({})).toEqual({ brokers: ['a:1', 'b:2'], clock })
  })

  test('none is named: three ways to do it', () => {
    expect(() => kafkaOptionsOf(resolved({}), { clock })).toThrow('no broker is named')
  })

  test('TLS and SASL go by files; what they hold goes nowhere', () => {
    const env = {
      [`${K}TLS_CA_FILE`]: SECRET,
      [`${K}TLS_CERT_FILE`]: SECRET,
      [`${K}TLS_KEY_FILE`]: SECRET,
      [`${K}SASL_MECHANISM`]: 'SCRAM-SHA-512',
      [`${K}SASL_USERNAME`]: 'worker',
      [`${K}SASL_PASSWORD_FILE`]: SECRET,
    }
    const { clock: _clock, ...plain } = options(env)
    expect(plain).toEqual({
      brokers: ['a:1', 'b:2'],
      tls: { caFile: SECRET, certFile: SECRET, keyFile: SECRET },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'worker', password: { file: SECRET } },
    })
    // It goes to a worker thread.
    expect(structuredClone(plain)).toEqual(plain)
    expect(JSON.stringify(plain)).not.toContain('s3cret')
  })

  test('TLS with the authorities of this machine; a token', () => {
    const env = {
      [`${K}TLS`]: 'true',
      [`${K}SASL_MECHANISM`]: 'OAUTHBEARER',
      [`${K}SASL_TOKEN_FILE`]: SECRET,
    }
    expect(options(env)).toMatchObject({
      tls: {},
      sasl: { mechanism: 'OAUTHBEARER', token: { file: SECRET } },
    })
  })

  test('a file that is not there is told with its setting', () => {
    expect(() => options({ [`${K}TLS_CA_FILE`]: '/nowhere/ca.pem' })).toThrow(
      'kafka.tls.caFile (environment HEALSTREAM_KAFKA_TLS_CA_FILE): the file cannot be read',
    )
  })
})

describe('the registry', () => {
  const R = 'HEALSTREAM_REGISTRY_'
  test('none, open, and with a password from its file', () => {
    const url = 'http://127.0.0.1:1/v7'
    expect(registryAccessOf(resolved({}))).toBeNull()
    expect(registryAccessOf(resolved({ [`${R}URL`]: url }))).toEqual({ url })
    const account = { [`${R}USERNAME`]: 'ci', [`${R}PASSWORD_FILE`]: SECRET }
    expect(registryAccessOf(resolved({ [`${R}URL`]: url, ...account }))).toEqual({
      url,
      account: { username: 'ci', password: 's3cret' },
    })
    const lost = { ...account, [`${R}PASSWORD_FILE`]: '/nowhere/p' }
    expect(() => registryAccessOf(resolved({ [`${R}URL`]: url, ...lost }))).toThrow(
      'registry.passwordFile (environment HEALSTREAM_REGISTRY_PASSWORD_FILE): the file cannot be',
    )
  })
})
