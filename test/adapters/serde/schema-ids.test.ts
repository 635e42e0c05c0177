// Which ids are used: those of the registry, those known from before, and when neither will do.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA_KINDS } from '../../../src/adapters/serde/schema-files.ts'
import { fullDelta } from '../../contracts/telemetry-fixture.ts'
import { changedSchemas } from './records.ts'
import { type RegistryRig, failure, registryRig } from './registry-rig.ts'
import { type Mood, RegistryServer } from './registry-server.ts'

let rig: RegistryRig
beforeEach(async () => {
  rig = await registryRig()
})
afterEach(() => rig.close())

describe('the ids on disk', () => {
  // F50: down, hung, wrong answers. An id never changes its meaning, so the start goes on; records
  // must not end among the dead letters because a registry is unwell.
  it.each<Mood>([
    'silent',
    'slow_body',
    'error_500',
    'cut_off',
    'web_page',
    'negative_id',
    'unauthorized',
  ])('serve while the registry is %s', async (mood) => {
    await rig.register()
    const before = await rig.start()
    rig.server.mood = mood
    const serde = await rig.start()
    expect(serde.source).toBe('cache')
    expect(serde.warning).toContain(rig.server.url)
    for (const kind of SCHEMA_KINDS) expect(serde.schemaId(kind)).toBe(before.schemaId(kind))
  })

  // F50: 404 for a known id. It stays known; the registry needs a person.
  it.each<Mood>(['emptied', 'not_found'])('serve what a registry that is %s lost', async (mood) => {
    await rig.register()
    const before = await rig.start()
    const value = before.encode('telemetry', fullDelta())
    rig.server.mood = mood
    const serde = await rig.start()
    expect(serde.source).toBe('registry')
    expect(serde.warning).toMatch(/no longer holds hs\.alerts-value/)
    expect(serde.decodeBytes('telemetry', value)).toMatchObject({ ok: true })
    rig.server.mood = 'silent'
    expect((await rig.start()).schemaId('telemetry')).toBe(before.schemaId('telemetry'))
  })

  // F50: mid-run. Nothing is asked after the start, so nothing can go wrong with it.
  it('a registry that goes away after the start is not missed', async () => {
    await rig.register()
    const serde = await rig.start()
    await rig.server.close()
    const value = serde.encode('telemetry', fullDelta())
    expect(serde.decodeBytes('telemetry', value)).toEqual({ ok: true, record: fullDelta() })
  })

  it('serve while nothing listens', async () => {
    await rig.register()
    const before = await rig.start()
    await rig.server.close()
    const serde = await rig.start()
    expect(serde.source).toBe('cache')
    expect(serde.warning).toMatch(/ECONNREFUSED/)
    expect(serde.schemaId('telemetry')).toBe(before.schemaId('telemetry'))
  })

  it('of another registry are not used', async () => {
    await rig.register()
    await rig.start()
    const other = await RegistryServer.start()
    other.mood = 'error_500'
    try {
      expect((await failure(rig.start({ registry: { url: other.url } }))).code).toBe(
        'HS_UNREACHABLE',
      )
    } finally {
      await other.close()
    }
  })

  it('do not serve a schema they have never seen', async () => {
    await rig.register()
    await rig.start()
    rig.server.mood = 'error_500'
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('results', (schema) => void schema.fields.push(added))
    try {
      const error = await failure(rig.start({ schemasDir: later.dir }))
      expect(error.code).toBe('HS_UNREACHABLE')
      expect(error.message).toMatch(/schema results/)
    } finally {
      later.remove()
    }
  })
})

describe('ids that contradict each other', () => {
  it('are refused when two versions of one topic get the same', async () => {
    rig.server.mood = 'same_id'
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('results', (schema) => void schema.fields.push(added))
    try {
      await rig.register({ schemasDir: later.dir })
      expect((await failure(rig.start({ schemasDir: later.dir }))).message).toMatch(
        /share the id 1/,
      )
    } finally {
      later.remove()
    }
  })

  // Records under the ids from before could not be read.
  it('are refused when the registry was emptied and counts from elsewhere', async () => {
    await rig.register()
    await rig.start()
    rig.server.firstId = 500
    const error = await failure(rig.start())
    expect(error.code).toBe('HS_SCHEMA')
    expect(error.message).toMatch(/gives hs\..* the id 5\d\d, before it was/)
    expect(error.fix).toMatch(/schema-ids\.json/)
  })
})
