// Ids from a registry: asked at start, kept on disk, and every way in which a registry can fail to help.
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA_KINDS } from '../../../src/adapters/serde/schema-files.ts'
import { type Serde, type SerdeOptions, createSerde } from '../../../src/adapters/serde/serde.ts'
import { HsError } from '../../../src/contracts/failure.ts'
import { fullDelta } from '../../contracts/telemetry-fixture.ts'
import { changedSchemas } from './records.ts'
import { type Mood, type RegistryServer, startRegistry } from './registry-server.ts'

let server: RegistryServer
let cacheDir: string

beforeEach(async () => {
  server = await startRegistry()
  cacheDir = mkdtempSync(join(tmpdir(), 'healstream-ids-'))
})
afterEach(async () => {
  await server.close()
  rmSync(cacheDir, { recursive: true, force: true })
})

const start = (more: SerdeOptions = {}): Promise<Serde> =>
  createSerde({ registryUrl: server.url, cacheDir, registryDeadlineMs: 300, ...more })

async function failure(of: Promise<unknown>): Promise<HsError> {
  const error: unknown = await of.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof HsError)) throw new Error(`no HsError: ${String(error)}`)
  return error
}

const file = (): string => join(cacheDir, 'schema-ids.json')

describe('a registry that is well', () => {
  it('gives every schema its id, under FULL_TRANSITIVE and one subject a topic', async () => {
    server.firstId = 100
    const serde = await start()
    expect([serde.source, serde.warning]).toEqual(['registry', null])
    expect([...server.subjects.keys()].sort()).toEqual(
      SCHEMA_KINDS.map((kind) => `hs.${kind}-value`).sort(),
    )
    expect(new Set(server.levels.values())).toEqual(new Set(['FULL_TRANSITIVE']))
    const value = Buffer.from(serde.encode('telemetry', fullDelta()))
    expect(value.readInt32BE(1)).toBe(serde.schemaId('telemetry'))
    expect(serde.schemaId('telemetry')).toBeGreaterThanOrEqual(100)
    expect(serde.decodeBytes('telemetry', value)).toEqual({ ok: true, record: fullDelta() })
  })

  it('is asked again at the next start but not written to', async () => {
    const first = await start()
    server.requests.length = 0
    const second = await start()
    expect(server.requests.every((request) => /^POST \/subjects\/[^/]+$/.test(request))).toBe(true)
    expect(server.requests.length).toBeGreaterThanOrEqual(SCHEMA_KINDS.length)
    expect(second.schemaId('alerts')).toBe(first.schemaId('alerts'))
  })

  it('is not asked while records go by', async () => {
    const serde = await start()
    server.requests.length = 0
    serde.decodeBytes('telemetry', serde.encode('telemetry', fullDelta()))
    serde.decodeBytes('telemetry', Uint8Array.of(0, 0, 0, 99, 99, 1))
    expect(server.requests).toEqual([])
  })

  it('gets user, password and prefix, and none of the secrets reach the disk', async () => {
    server.account = 'agent:s3cret/✓'.replace('✓', '')
    const url = server.url.replace('//', '//agent:s3cret%2F@')
    const serde = await start({ registryUrl: url, prefix: 'eu.hs.' })
    expect(serde.source).toBe('registry')
    expect(server.subjects.has('eu.hs.telemetry-value')).toBe(true)
    expect(readFileSync(file(), 'utf8')).not.toContain('s3cret')
  })

  it('holds older versions too, in order', async () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      const newer = await start({ schemasDir: later.dir })
      const held = server.subjects.get('hs.telemetry-value') ?? []
      expect(held.map((schema) => schema.includes('"added"'))).toEqual([false, true])
      const older = await start()
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

describe('the ids on disk', () => {
  it('are for the owner alone, complete, and leave no other file', async () => {
    const serde = await start()
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(readdirSync(cacheDir)).toEqual(['schema-ids.json'])
    const cache = JSON.parse(readFileSync(file(), 'utf8'))
    expect(cache.registry).toBe(server.url)
    expect(Object.values(cache.ids)).toContain(serde.schemaId('dlq'))
  })

  it.each<Mood>(['silent', 'slow_body', 'error_500', 'cut_off'])(
    'serve while the registry is %s',
    async (mood) => {
      const before = await start()
      server.mood = mood
      const serde = await start()
      expect(serde.source).toBe('cache')
      expect(serde.warning).toContain(server.url)
      for (const kind of SCHEMA_KINDS) expect(serde.schemaId(kind)).toBe(before.schemaId(kind))
    },
  )

  it('serve while nothing listens', async () => {
    const before = await start()
    await server.close()
    const serde = await start()
    expect(serde.source).toBe('cache')
    expect(serde.warning).toMatch(/ECONNREFUSED/)
    expect(serde.schemaId('telemetry')).toBe(before.schemaId('telemetry'))
  })

  it.each([
    ['empty', ''],
    ['cut in half', '{"format":1,"regis'],
    ['of another format', '{"format":2}'],
    ['not an object', 'null'],
    ['full of nonsense', '{"format":1,"registry":"URL","ids":{"a":"b","c":-1,"d":1e99}}'],
  ])('count as none when the file is %s', async (_, text) => {
    writeFileSync(file(), text.replace('URL', server.url))
    server.mood = 'error_500'
    expect((await failure(start())).code).toBe('HS_UNREACHABLE')
    server.mood = 'well'
    expect((await start()).source).toBe('registry')
    server.mood = 'error_500'
    expect((await start()).source).toBe('cache')
  })

  it('of another registry are not used', async () => {
    await start()
    const other = await startRegistry()
    other.mood = 'error_500'
    try {
      expect((await failure(start({ registryUrl: other.url }))).code).toBe('HS_UNREACHABLE')
    } finally {
      await other.close()
    }
  })

  it('do not serve a schema they have never seen', async () => {
    await start()
    server.mood = 'error_500'
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('results', (schema) => void schema.fields.push(added))
    try {
      const error = await failure(start({ schemasDir: later.dir }))
      expect(error.code).toBe('HS_UNREACHABLE')
      expect(error.message).toMatch(/schema results/)
    } finally {
      later.remove()
    }
  })

  it('that cannot be written are a warning, not an end', async () => {
    const blocked = join(cacheDir, 'file')
    writeFileSync(blocked, '')
    chmodSync(blocked, 0o400)
    const serde = await start({ cacheDir: blocked })
    expect(serde.source).toBe('registry')
    expect(serde.warning).toMatch(/cannot be stored/)
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
    server.mood = mood
    const started = performance.now()
    const error = await failure(start())
    expect(performance.now() - started).toBeLessThan(5_000)
    expect([error.code, error.fix !== '']).toEqual([code, true])
    expect(error.message).toMatch(message)
  })

  it('because nothing listens is told as that, not as a bad request', async () => {
    await server.close()
    const error = await failure(start())
    expect(error.code).toBe('HS_UNREACHABLE')
    expect(error.message).toMatch(/ECONNREFUSED/)
  })

  it('keeps another compatibility level than ours', async () => {
    server.levels.set('hs.alerts-value', 'BACKWARD')
    const error = await failure(start())
    expect(error.code).toBe('HS_SCHEMA')
    expect(error.message).toMatch(/hs\.alerts-value.*FULL_TRANSITIVE != BACKWARD/)
  })

  it('gives two versions of one topic the same id', async () => {
    server.mood = 'same_id'
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('results', (schema) => void schema.fields.push(added))
    try {
      expect((await failure(start({ schemasDir: later.dir }))).message).toMatch(/share the id 1/)
    } finally {
      later.remove()
    }
  })

  it('was emptied and counts from elsewhere: refused, because old records could not be read', async () => {
    await start()
    server.firstId = 500
    const error = await failure(start())
    expect(error.code).toBe('HS_SCHEMA')
    expect(error.message).toMatch(/gives hs\..* the id 5\d\d, before it was/)
    expect(error.fix).toMatch(/schema-ids\.json/)
  })

  it.each(['not a url', 'ftp://127.0.0.1/', 'file:///etc/passwd', ''])(
    'is named by %j, which is refused',
    async (registryUrl) => {
      expect((await failure(start({ registryUrl }))).code).toBe('HS_CONFIG')
    },
  )

  it('never sees its password in an error', async () => {
    server.mood = 'unauthorized'
    const url = server.url.replace('//', '//agent:s3cret@')
    const error = await failure(start({ registryUrl: url }))
    expect(`${error.message} ${error.fix} ${String(error.cause)}`).not.toContain('s3cret')
    await server.close()
    const down = await failure(start({ registryUrl: url }))
    expect(`${down.message} ${String(down.cause)}`).not.toContain('s3cret')
  })
})
