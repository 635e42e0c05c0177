// From settings to Redis: nothing unless it is asked for, and a file that is not there is told at
// the start, with the setting that named it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { resolveSettings } from '../../../src/config/settings.ts'
import { redisOptionsOf } from '../../../src/roles/projector/redis-access.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-redis-access-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const optionsOf = (env: Record<string, string>) => redisOptionsOf(resolveSettings({}, env))
const REDIS = { HEALSTREAM_VIEWS: 'redis', HEALSTREAM_REDIS_URL: 'rediss://redis.example' }

test('files are named, never read into the options', () => {
  expect(optionsOf({})).toBeNull()
  const passwordFile = file('password', 's3cret\n')
  const caFile = file('ca.pem', 'certificate')
  const env = {
    ...REDIS,
    HEALSTREAM_REDIS_USERNAME: 'views',
    HEALSTREAM_REDIS_PASSWORD_FILE: passwordFile,
    HEALSTREAM_REDIS_CA_FILE: caFile,
  }
  expect(optionsOf(env)).toEqual({
    url: 'rediss://redis.example',
    username: 'views',
    passwordFile,
    tls: { caFile },
  })
})

test.each(['PASSWORD_FILE', 'CA_FILE'])('%s that is not there ends the start', (name) => {
  const env = { ...REDIS, [`HEALSTREAM_REDIS_${name}`]: join(folder, 'none') }
  expect(() => optionsOf(env)).toThrow(`environment HEALSTREAM_REDIS_${name}`)
})
