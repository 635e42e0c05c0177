// What is asked of a registry at start, and every way in which one can fail to help.
import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA_KINDS } from '../../../src/adapters/serde/schema-files.ts'
import { fullDelta } from '../../contracts/telemetry-fixture.ts'
import { changedSchemas } from './records.ts'
import { type RegistryRig, failure, registryRig } from './registry-rig.ts'
import type { Mood } from './registry-server.ts'

let rig: RegistryRig
beforeEach(async () => {
  rig = await registryRig()
})
afterEach(() => rig.close())

describe('a registry that is well', () => {
  it('gives every schema its id', async () => {
    rig.server.firstId = 100
    await rig.register()
    const serde = await rig.start()
    expect([serde.source, serde.warning]).toEqual(['registry', null])
    const value = Buffer.from(serde.encode('telemetry', fullDelta()))
    expect(value.readInt32BE(1)).toBe(serde.schemaId('telemetry'))
    expect(serde.schemaId('telemetry')).toBeGreaterThanOrEqual(100)
    expect(serde.decodeBytes('telemetry', value)).toEqual({ ok: true, record: fullDelta() })
  })

  // Only CI and operators register: a process with a wrong build must not leave its mark.
  it('is never written to by a start, which says what to run instead', async () => {
    const error = await failure(rig.start())
    expect(rig.server.requests.every((request) => /^POST \/subjects\/[^/]+$/.test(request))).toBe(
      true,
    )
    expect(rig.server.requests.length).toBeGreaterThanOrEqual(SCHEMA_KINDS.length)
    expect(error.code).toBe('HS_SCHEMA')
    const version = readdirSync('schemas/history/alerts').length
    const what = `subject hs.alerts-value: version ${version} of schema alerts is not registered`
    expect(error.message).toContain(what)
    expect(error.fix).toContain('healstream schemas register')
  })

  it('is not asked while records go by', async () => {
    await rig.register()
    const serde = await rig.start()
    rig.server.requests.length = 0
    serde.decodeBytes('telemetry', serde.encode('telemetry', fullDelta()))
    serde.decodeBytes('telemetry', Uint8Array.of(0, 0, 0, 99, 99, 1))
    expect(rig.server.requests).toEqual([])
  })

  it('gets user, password and prefix, and none of the secrets reach the disk', async () => {
    const account = { username: 'agent', password: 's3cret/: ' }
    rig.server.account = `${account.username}:${account.password}`
    const how = { registry: { url: rig.server.url, account }, prefix: 'eu.hs.' }
    await rig.register(how)
    const serde = await rig.start(how)
    expect(serde.source).toBe('registry')
    expect(rig.server.subjects.has('eu.hs.telemetry-value')).toBe(true)
    expect(readFileSync(rig.file, 'utf8')).not.toContain('s3cret')
  })

  it('reads records of older versions under their ids, and of none it does not know', async () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      await rig.register()
      const older = await rig.start()
      await rig.register({ schemasDir: later.dir })
      const newer = await rig.start({ schemasDir: later.dir })
      expect(newer.decodeBytes('telemetry', older.encode('telemetry', fullDelta()))).toEqual({
        ok: true,
        record: { ...fullDelta(), added: null },
      })
      const unknown = older.decodeBytes('telemetry', newer.encode('telemetry', fullDelta()))
      expect(unknown).toMatchObject({ ok: false, reason: 'unknown_schema' })
    } finally {
      later.remove()
    }
  })
})

describe('a registry that does not help', () => {
  it.each<[Mood, string, RegExp]>([
    ['silent', 'HS_UNREACHABLE', /has not answered within 300 ms/],
    ['slow_body', 'HS_UNREACHABLE', /has not answered within 300 ms/],
    ['error_500', 'HS_UNREACHABLE', /status 500/],
    ['cut_off', 'HS_UNREACHABLE', /socket hang up/],
    ['not_found', 'HS_SCHEMA', /is not registered/],
    ['emptied', 'HS_SCHEMA', /is not registered/],
    ['web_page', 'HS_SCHEMA', /may not be a schema registry/],
    ['negative_id', 'HS_SCHEMA', /no schema id/],
    ['unauthorized', 'HS_SCHEMA', /status 401/],
  ])('because it is %s ends the start within its deadline', async (mood, code, message) => {
    await rig.register()
    rig.server.mood = mood
    const started = performance.now()
    const error = await failure(rig.start())
    expect(performance.now() - started).toBeLessThan(5_000)
    expect([error.code, error.fix !== '']).toEqual([code, true])
    expect(error.message).toMatch(message)
  })

  it('because nothing listens is told as that, not as a bad request', async () => {
    await rig.server.close()
    const error = await failure(rig.start())
    expect(error.code).toBe('HS_UNREACHABLE')
    expect(error.message).toMatch(/ECONNREFUSED/)
  })

  it.each(['not a url', 'ftp://127.0.0.1/', 'file:///etc/passwd', '', 'http://u:s3cret@h/'])(
    'is named by %j, which is refused',
    async (url) => {
      const error = await failure(rig.start({ registry: { url } }))
      expect(error.code).toBe('HS_CONFIG')
      expect(error.message).not.toContain('s3cret')
    },
  )

  it('never sees its password in an error', async () => {
    const account = { username: 'agent', password: 's3cret' }
    rig.server.mood = 'unauthorized'
    const registry = { url: rig.server.url, account }
    const error = await failure(rig.start({ registry }))
    expect(`${error.message} ${error.fix} ${String(error.cause)}`).not.toContain('s3cret')
    await rig.server.close()
    const dead = await failure(rig.start({ registry }))
    expect(`${dead.message} ${String(dead.cause)}`).not.toContain('s3cret')
  })
})
