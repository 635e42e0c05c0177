// Where a value comes from, and every way in which one is refused: always with the flag, variable
// or line that said it, never with a secret.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { resolveSettings } from '../../src/config/settings.ts'
import type { ResolvedSettings, SettingFlags } from '../../src/config/settings.ts'
import { SETTINGS } from '../../src/config/settings-schema.ts'
import { HsError } from '../../src/contracts/failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
function file(text: string): string {
  const path = join(folder, `${files++}.yaml`)
  writeFileSync(path, text)
  return path
}

type Env = Readonly<Record<string, string>>
const HOME = { HOME: '/nowhere' }
const resolved = (flags: SettingFlags = {}, env: Env = {}): ResolvedSettings =>
  resolveSettings(flags, { ...HOME, ...env })
const settings = (flags: SettingFlags = {}, env: Env = {}) => resolved(flags, env).settings

/** The refusal, message and fix. */
function refusal(flags: SettingFlags, env: Env = {}): string {
  try {
    resolved(flags, env)
  } catch (error) {
    if (error instanceof HsError && error.code === 'HS_CONFIG')
      return `${error.message} | ${error.fix}`
    throw error
  }
  throw new Error('nothing was refused')
}

const view = (found: ResolvedSettings, key: string): unknown => {
  const line = found.view.find((one) => one.key === key)
  return [line?.value, line?.origin]
}

const K = 'HEALSTREAM_KAFKA_'

describe('order', () => {
  test('without anything: defaults, and no broker', () => {
    const found = resolved()
    expect(found.settings).toEqual({
      kafka: null,
      registry: null,
      redis: null,
      prefix: 'hs.',
      group: 'healstream',
      cacheDir: '/nowhere/.cache/healstream',
      standbys: 1,
      upgrade: 'auto',
      port: 0,
      logLevel: 'info',
      agent: null,
      notifier: null,
    })
    expect(view(found, 'kafka.brokers')).toEqual([null, 'not set'])
    expect(view(found, 'prefix')).toEqual(['hs.', 'default'])
    expect(found.warnings).toEqual([])
  })

  test('flag over environment over file over default, value by value', () => {
    const config = file(
      'prefix: file.\ngroup: file\nkafka:\n  brokers: [file:1]\nhttp: {port: 1}\n',
    )
    const env = { HEALSTREAM_PREFIX: 'env.', HEALSTREAM_GROUP: 'env', HEALSTREAM_CONFIG: config }
    const found = resolved({ prefix: 'flag.' }, env)
    expect(view(found, 'prefix')).toEqual(['flag.', 'flag --prefix'])
    expect(view(found, 'group')).toEqual(['env', 'environment HEALSTREAM_GROUP'])
    expect(view(found, 'kafka.brokers')).toEqual([['file:1'], `file ${config}:4`])
    expect(view(found, 'http.port')).toEqual([1, `file ${config}:5`])
    expect(view(found, 'log.level')).toEqual(['info', 'default'])
  })

  // An independent statement of the same order, over every subset of sources of one setting.
  test('for any subset of sources the first that speaks wins', () => {
    const sources = fc.subarray(['flag', 'env', 'file'] as const)
    fc.assert(
      fc.property(sources, (from) => {
        const flags = {
          ...(from.includes('flag') ? { group: 'by-flag' } : {}),
          ...(from.includes('file') ? { config: GROUP_FILE } : {}),
        }
        const env = from.includes('env') ? { HEALSTREAM_GROUP: 'by-env' } : {}
        const expected = ['flag', 'env', 'file'].find((name) => from.some((one) => one === name))
        const wanted = expected === undefined ? 'healstream' : `by-${expected}`
        expect(settings(flags, env).group).toBe(wanted)
      }),
    )
  })

  test('an empty variable is none, the file of a flag wins over that of the environment', () => {
    const env = { HEALSTREAM_PREFIX: '', HEALSTREAM_CONFIG: file('prefix: env.') }
    expect(settings({}, { HEALSTREAM_PREFIX: '' }).prefix).toBe('hs.')
    expect(settings({ config: file('prefix: flag.') }, env).prefix).toBe('flag.')
  })

  test('every setting has a variable of its own and a line in the view', () => {
    expect(new Set(SETTINGS.map(({ env }) => env)).size).toBe(SETTINGS.length)
    expect(resolved().view.map(({ key }) => key)).toEqual(SETTINGS.map(({ key }) => key))
  })
})
const GROUP_FILE = file('group: by-file')

describe('Kafka', () => {
  test('brokers: a list, spaces are no matter', () => {
    const { kafka } = settings({ brokers: 'a:9092, [::1]:9093' })
    expect(kafka).toEqual({ brokers: ['a:9092', '[::1]:9093'], tls: null, sasl: null })
  })

  test.each(['a', 'a:0', 'a:65536', 'a:b', 'http://a:9092', ':9092', 'a:9092,', 'a b:9092'])(
    'brokers %j are refused',
    (brokers) => {
      expect(refusal({ brokers })).toMatch(
        /^kafka.brokers\[\d\] \(flag --brokers\): found .*, expected host:port/,
      )
    },
  )

  test('TLS by a switch or by any of its files; paths are made absolute', () => {
    const brokers = 'a:1'
    const none = { caFile: null, certFile: null, keyFile: null }
    expect(settings({ brokers }, { [`${K}TLS`]: 'true' }).kafka?.tls).toEqual(none)
    expect(settings({ brokers }, { [`${K}TLS`]: 'false' }).kafka?.tls).toBeNull()
    const ca = settings({ brokers }, { [`${K}TLS_CA_FILE`]: 'ca.pem' }).kafka?.tls
    expect(ca).toEqual({ ...none, caFile: join(process.cwd(), 'ca.pem') })
    const config = file('kafka: {brokers: ["a:1"], tls: {caFile: tls/ca.pem}}')
    expect(settings({ config }).kafka?.tls?.caFile).toBe(join(folder, 'tls/ca.pem'))
  })

  test('TLS that contradicts itself is refused', () => {
    const ca = { [`${K}TLS`]: 'false', [`${K}TLS_CA_FILE`]: '/ca' }
    expect(refusal({}, ca)).toContain('environment HEALSTREAM_KAFKA_TLS) is false, and yet')
    expect(refusal({}, { [`${K}TLS_CERT_FILE`]: '/c' })).toContain('needs kafka.tls.keyFile')
    expect(refusal({}, { [`${K}TLS_KEY_FILE`]: '/k' })).toContain('needs kafka.tls.certFile')
    expect(refusal({}, { [`${K}TLS`]: 'yes' })).toContain('found "yes", expected true or false')
  })

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('SASL %s', (mechanism) => {
    const env = {
      [`${K}TLS`]: 'true',
      [`${K}SASL_MECHANISM`]: mechanism,
      [`${K}SASL_USERNAME`]: 'worker',
      [`${K}SASL_PASSWORD_FILE`]: '/run/secrets/kafka',
    }
    const found = resolved({ brokers: 'a:1' }, env)
    const passwordFile = '/run/secrets/kafka'
    expect(found.settings.kafka?.sasl).toEqual({ mechanism, username: 'worker', passwordFile })
    expect(found.warnings).toEqual([])
  })

  test('SASL OAUTHBEARER takes a token file', () => {
    const env = { [`${K}SASL_MECHANISM`]: 'OAUTHBEARER', [`${K}SASL_TOKEN_FILE`]: '/t' }
    const { sasl } = settings({ brokers: 'a:1' }, env).kafka ?? {}
    expect(sasl).toEqual({ mechanism: 'OAUTHBEARER', tokenFile: '/t' })
  })

  test.each([
    [{ SASL_MECHANISM: 'PLAIN' }, 'is PLAIN, which needs kafka.sasl.username'],
    [{ SASL_MECHANISM: 'PLAIN', SASL_USERNAME: 'u' }, 'needs kafka.sasl.passwordFile'],
    [{ SASL_MECHANISM: 'OAUTHBEARER' }, 'needs kafka.sasl.tokenFile'],
    [{ SASL_USERNAME: 'u' }, 'is set, kafka.sasl.mechanism is not'],
    [{ SASL_MECHANISM: 'SCRAM-SHA-265' }, 'did you mean "SCRAM-SHA-256"?'],
    [{ SASL_MECHANISM: 'GSSAPI' }, 'expected one of PLAIN, SCRAM-SHA-256'],
  ])('half a SASL is refused: %j', (env, words) => {
    const named = Object.fromEntries(Object.entries(env).map(([k, v]) => [`${K}${k}`, v]))
    expect(refusal({}, named)).toContain(words)
  })

  test('a password in the clear is warned of', () => {
    const env = {
      [`${K}SASL_MECHANISM`]: 'PLAIN',
      [`${K}SASL_USERNAME`]: 'u',
      [`${K}SASL_PASSWORD_FILE`]: '/p',
    }
    expect(resolved({ brokers: 'a:1' }, env).warnings).toEqual([
      'SASL PLAIN without TLS sends the password in the clear',
    ])
  })
})

describe('views', () => {
  const url = 'rediss://redis.example:6380/2'

  test('stay in the process unless Redis is asked for', () => {
    expect(settings({}, { HEALSTREAM_REDIS_URL: url }).redis).toBeNull()
    const found = resolved({}, { HEALSTREAM_REDIS_URL: url })
    expect(view(found, 'views')).toEqual(['memory', 'default'])
    expect(refusal({}, { HEALSTREAM_VIEWS: 'redis' })).toContain(
      'views (environment HEALSTREAM_VIEWS) is redis, which needs redis.url',
    )
  })

  test('in Redis: a password comes from a file, in the clear it is warned of', () => {
    const env = {
      HEALSTREAM_VIEWS: 'redis',
      HEALSTREAM_REDIS_URL: url,
      HEALSTREAM_REDIS_PASSWORD_FILE: '/secrets/redis',
      HEALSTREAM_REDIS_CA_FILE: '/tls/ca.pem',
    }
    const tls = { caFile: '/tls/ca.pem', certFile: null, keyFile: null }
    const passwordFile = '/secrets/redis'
    expect(settings({}, env).redis).toEqual({ url, username: null, passwordFile, tls })
    expect(resolved({}, env).warnings).toEqual([])
    const { HEALSTREAM_REDIS_CA_FILE: _ca, ...plain } = env
    const clear = { ...plain, HEALSTREAM_REDIS_URL: 'redis://redis.example' }
    expect(resolved({}, clear).warnings).toEqual([expect.stringContaining('in the clear')])
    expect(refusal({}, { ...env, HEALSTREAM_REDIS_URL: 'redis://redis.example' })).toContain(
      'redis.caFile (environment HEALSTREAM_REDIS_CA_FILE) is of TLS',
    )
    expect(refusal({}, { ...env, HEALSTREAM_REDIS_PASSWORD: 's3cret' })).toContain(
      'HEALSTREAM_REDIS_PASSWORD holds a secret in the environment',
    )
  })

  test.each([
    'redis.example:6379',
    'http://redis.example',
    'redis://:s3cret@redis.example',
    'redis:///0',
    'redis://redis.example/zero',
  ])('%s is no address of a Redis, and a password in it is not repeated', (found) => {
    const said = refusal({}, { HEALSTREAM_VIEWS: 'redis', HEALSTREAM_REDIS_URL: found })
    expect(said).toContain('redis.url (environment HEALSTREAM_REDIS_URL): found')
    expect(said).not.toContain('s3cret')
  })
})

describe('the registry', () => {
  test('URL and account', () => {
    const env = {
      HEALSTREAM_REGISTRY_USERNAME: 'ci',
      HEALSTREAM_REGISTRY_PASSWORD_FILE: '/p',
    }
    const registry = 'http://schemas.example:8081/apis/ccompat/v7/'
    expect(settings({ registry }, env).registry).toEqual({
      url: 'http://schemas.example:8081/apis/ccompat/v7',
      account: { username: 'ci', passwordFile: '/p' },
    })
    expect(resolved({ registry }, env).warnings).toHaveLength(1)
    expect(refusal({ registry }, { HEALSTREAM_REGISTRY_USERNAME: 'ci' })).toContain(
      'registry.username (environment HEALSTREAM_REGISTRY_USERNAME) needs registry.passwordFile',
    )
  })

  test.each([
    'registry',
    'ftp://a',
    'http://user:s3cret@host/',
    'http://s3cret@host',
    '//s3cret@h',
  ])('%s is refused, and a password in it is not repeated', (registry) => {
    const said = refusal({ registry })
    expect(said).toContain('expected an http or https URL without user and password in it')
    expect(said).not.toContain('s3cret')
  })

  test('a long password that would be cut before its end is not repeated either', () => {
    const url = `http://user:${'s3cret'.repeat(30)}@host`
    expect(refusal({ registry: url })).not.toContain('s3c')
    expect(refusal({ config: file(`registry: {url: "${url}"}`) })).not.toContain('s3c')
  })
})

describe('what else is refused', () => {
  test.each([
    [{ prefix: 'a b' }, 'prefix (flag --prefix): found "a b", expected a start of topic names'],
    [{ port: '70000' }, 'http.port (flag --port): found 70000, expected at most 65535'],
    [{ port: 'x' }, 'http.port (flag --port): found "x", expected a number'],
    [{ logLevel: 'inof' }, 'did you mean "info"?'],
  ])('%j', (flags, words) => {
    expect(refusal(flags)).toContain(words)
  })

  test.each(['KAFKA_SASL_PASSWORD', 'KAFKA_SASL_TOKEN', 'REGISTRY_PASSWORD'])(
    'a secret in HEALSTREAM_%s, with the reason and what to use',
    (name) => {
      const said = refusal({}, { [`HEALSTREAM_${name}`]: 'hunter2' })
      expect(said).toContain(`HEALSTREAM_${name} holds a secret in the environment`)
      expect(said).toContain(`name that file in HEALSTREAM_${name}_FILE`)
      expect(said).not.toContain('hunter2')
    },
  )
})

test('a variable that is nearly one of ours is warned of, those of others are not', () => {
  const env = {
    HEALSTREAM_KAFKA_BROKER: 'a:1',
    // Kubernetes sets these for a Service called healstream-kafka or healstream.
    HEALSTREAM_KAFKA_SERVICE_PORT_CLIENT: '9092',
    HEALSTREAM_SERVICE_HOST: '10.0.0.1',
    HEALSTREAM_PORT: 'tcp://10.0.0.1:8080',
    HEALSTREAM_URL: 'http://127.0.0.1:1',
  }
  expect(resolved({}, env).warnings).toEqual([
    'HEALSTREAM_KAFKA_BROKER in the environment means nothing; HEALSTREAM_KAFKA_BROKERS does',
  ])
})
