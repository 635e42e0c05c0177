// What CI asks of a registry, and what registering does; on servers that answer differently.
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA_KINDS } from '../../../src/adapters/serde/schema-files.ts'
import { RegistryDown } from '../../../src/adapters/serde/registry-http.ts'
import { changedSchemas } from './records.ts'
import { type RegistryRig, failure, registryRig } from './registry-rig.ts'
import type { Mood } from './registry-server.ts'

let rig: RegistryRig
beforeEach(async () => {
  rig = await registryRig()
})
afterEach(() => rig.close())

/** Versions of the schema of alerts so far. */
const ALERTS = readdirSync('schemas/history/alerts').length

const writes = (): readonly string[] =>
  rig.server.requests.filter((request) => /^PUT |\/versions$/.test(request))

describe('register', () => {
  it('holds every schema under FULL_TRANSITIVE, one subject a topic', async () => {
    const done = await rig.register()
    expect(done.every(({ isNew, id }) => isNew && id !== null)).toBe(true)
    expect([...rig.server.subjects.keys()].sort()).toEqual(
      SCHEMA_KINDS.map((kind) => `hs.${kind}-value`).sort(),
    )
    expect(new Set(rig.server.levels.values())).toEqual(new Set(['FULL_TRANSITIVE']))
  })

  it('done again writes nothing and gives the same ids', async () => {
    const first = await rig.register()
    rig.server.requests.length = 0
    const again = await rig.register()
    expect(writes()).toEqual([])
    expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id))
    expect(again.some(({ isNew }) => isNew)).toBe(false)
  })

  it('takes older versions first', async () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      await rig.register({ schemasDir: later.dir })
      const held = rig.server.subjects.get('hs.telemetry-value') ?? []
      expect(held.map((schema) => schema.includes('"added"'))).toEqual([false, true])
    } finally {
      later.remove()
    }
  })

  // Cut off between the first schema and the level, every later try met NONE and was refused.
  it('goes on where a subject has a schema and no level yet', async () => {
    await rig.register()
    rig.server.levels.set('hs.alerts-value', 'NONE')
    rig.server.subjects.delete('hs.telemetry-value')
    await rig.register()
    expect(rig.server.levels.get('hs.alerts-value')).toBe('FULL_TRANSITIVE')
    expect(rig.server.subjects.has('hs.telemetry-value')).toBe(true)
  })

  it('keeps another level than ours and says so', async () => {
    rig.server.levels.set('hs.alerts-value', 'BACKWARD')
    const error = await failure(rig.register())
    expect(error.code).toBe('HS_SCHEMA')
    expect(error.message).toMatch(/hs\.alerts-value: its level is BACKWARD, it must be FULL_TRANS/)
    expect(rig.server.levels.get('hs.alerts-value')).toBe('BACKWARD')
  })

  it('tells what the registry refuses', async () => {
    rig.server.mood = 'incompatible'
    expect((await failure(rig.register())).message).toMatch(/409.*incompatible with version 1/)
  })
})

describe('check', () => {
  it('writes nothing, before and after', async () => {
    const before = await rig.check()
    expect(new Set(before.map(({ state }) => state))).toEqual(new Set(['new']))
    await rig.register()
    rig.server.requests.length = 0
    const after = await rig.check()
    expect(new Set(after.map(({ state }) => state))).toEqual(new Set(['registered']))
    expect(after.every(({ id }) => id !== null)).toBe(true)
    expect(writes()).toEqual([])
  })

  it('finds a schema that the registry would refuse, and why', async () => {
    await rig.register()
    const later = changedSchemas('alerts', (schema) => {
      schema.fields.push({ name: 'added', type: 'long' })
    })
    try {
      rig.server.mood = 'incompatible'
      const found = await rig.check({ schemasDir: later.dir })
      expect(found.filter(({ state }) => state === 'incompatible')).toEqual([
        {
          subject: 'hs.alerts-value',
          version: ALERTS + 1,
          state: 'incompatible',
          id: null,
          detail: 'READER_FIELD_MISSING_DEFAULT_VALUE',
        },
      ])
    } finally {
      later.remove()
    }
  })

  // With NONE a registry calls everything compatible.
  it('does not believe a subject whose level is another', async () => {
    await rig.register()
    rig.server.levels.set('hs.alerts-value', 'NONE')
    const found = await rig.check()
    const each = { subject: 'hs.alerts-value', detail: 'level is NONE' }
    expect(found.filter(({ state }) => state === 'wrong_level')).toMatchObject(
      Array.from({ length: ALERTS }, () => each),
    )
  })

  it.each<[Mood, RegExp]>([
    ['silent', /has not answered within 300 ms/],
    ['slow_body', /has not answered within 300 ms/],
    ['error_500', /status 500/],
    ['cut_off', /cannot be reached/],
  ])('of a registry that is %s ends as unreachable, in time', async (mood, message) => {
    rig.server.mood = mood
    const error: unknown = await rig.check().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RegistryDown)
    expect(String(error)).toMatch(message)
  })

  it.each<Mood>(['web_page', 'unauthorized'])('of something %s is refused', async (mood) => {
    rig.server.mood = mood
    expect((await failure(rig.check())).code).toBe('HS_SCHEMA')
  })
})
