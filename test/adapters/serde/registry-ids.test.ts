// What is asked of a registry at start, and every way in which one can fail to help.
import { readFileSync } from 'node:fs'
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
  it('gives every schema its id, under FULL_TRANSITIVE and one subject a topic', async () => {
    rig.server.firstId = 100
    const serde = await rig.start()
    expect([serde.source, serde.warning]).toEqual(['registry', null])
    expect([...rig.server.subjects.keys()].sort()).toEqual(
      SCHEMA_KINDS.map((kind) => `hs.${kind}-value`).sort(),
    )
    expect(new Set(rig.server.levels.values())).toEqual(new Set(['FULL_TRANSITIVE']))
    const value = Buffer.from(serde.encode('telemetry', fullDelta()))
    expect(value.readInt32BE(1)).toBe(serde.schemaId('telemetry'))
    expect(serde.schemaId('telemetry')).toBeGreaterThanOrEqual(100)
    expect(serde.decodeBytes('telemetry', value)).toEqual({ ok: true, record: fullDelta() })
  })

  it('is asked again at the next start but not written to', async () => {
    const first = await rig.start()
    rig.server.requests.length = 0
    const second = await rig.start()
    expect(rig.server.requests.every((request) => /^POST \/subjects\/[^/]+$/.test(request))).toBe(
      true,
    )
    expect(rig.server.requests.length).toBeGreaterThanOrEqual(SCHEMA_KINDS.length)
    expect(second.schemaId('alerts')).toBe(first.schemaId('alerts'))
  })

  it('is not asked while records go by', async () => {
    const serde = await rig.start()
    rig.server.requests.length = 0
    serde.decodeBytes('telemetry', serde.encode('telemetry', fullDelta()))
    serde.decodeBytes('telemetry', Uint8Array.of(0, 0, 0, 99, 99, 1))
    expect(rig.server.requests).toEqual([])
  })

  it('gets user, password and prefix, and none of the secrets reach the disk', async () => {
    rig.server.account = 'agent:s3cret/✓'.replace('✓', '')
    const url = rig.server.url.replace('//', '//agent:s3cret%2F@')
    const serde = await rig.start({ registryUrl: url, prefix: 'eu.hs.' })
    expect(serde.source).toBe('registry')
    expect(rig.server.subjects.has('eu.hs.telemetry-value')).toBe(true)
    expect(readFileSync(rig.file, 'utf8')).not.toContain('s3cret')
  })

  it('holds older versions too, in order', async () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      const newer = await rig.start({ schemasDir: later.dir })
      const held = rig.server.subjects.get('hs.telemetry-value') ?? []
      expect(held.map((schema) => schema.includes('"added"'))).toEqual([false, true])
      const older = await rig.start()
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
    ['not_found', 'HS_SCHEMA', /status 404/],
    ['web_page', 'HS_SCHEMA', /may not be a schema registry/],
    ['negative_id', 'HS_SCHEMA', /no schema id/],
    ['unauthorized', 'HS_SCHEMA', /status 401/],
    ['incompatible', 'HS_SCHEMA', /status 409.*incompatible with version 1/],
  ])('because it is %s ends the start within its deadline', async (mood, code, message) => {
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

  it('keeps another compatibility level than ours', async () => {
    rig.server.levels.set('hs.alerts-value', 'BACKWARD')
    const error = await failure(rig.start())
    expect(error.code).toBe('HS_SCHEMA')
    expect(error.message).toMatch(/hs\.alerts-value.*FULL_TRANSITIVE != BACKWARD/)
  })

  it.each(['not a url', 'ftp://127.0.0.1/', 'file:///etc/passwd', ''])(
    'is named by %j, which is refused',
    async (registryUrl) => {
      expect((await failure(rig.start({ registryUrl }))).code).toBe('HS_CONFIG')
    },
  )

  it('never sees its password in an error', async () => {
    rig.server.mood = 'unauthorized'
    const url = rig.server.url.replace('//', '//agent:s3cret@')
    const error = await failure(rig.start({ registryUrl: url }))
    expect(`${error.message} ${error.fix} ${String(error.cause)}`).not.toContain('s3cret')
    await rig.server.close()
    const down = await failure(rig.start({ registryUrl: url }))
    expect(`${down.message} ${String(down.cause)}`).not.toContain('s3cret')
  })
})
