// A real schema registry: what CI and operators do with it, and every way in which it can fail a
// process that needs ids (F50). Nothing of that may ever make a dead letter of a record.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkSchemas, registerSchemas } from '../../src/adapters/serde/registry-check.ts'
import { loadSchemas, SCHEMA_KINDS } from '../../src/adapters/serde/schema-files.ts'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import { changedSchemas } from '../adapters/serde/records.ts'
import { healstream } from '../cli/command.ts'
import { fullDelta } from '../contracts/telemetry-fixture.ts'
import { type OwnRegistry, startOwnRegistry } from '../support/kafka/registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-registry-'))
const env = { HOME: folder }
let registry: OwnRegistry
beforeAll(async () => {
  registry = await startOwnRegistry()
})
afterAll(async () => {
  await registry.stop()
  rmSync(folder, { recursive: true, force: true })
})

const freshPrefix = (): string => `t${randomBytes(4).toString('hex')}.`

function run(prefix: string, ...command: readonly string[]) {
  const args = [...command, '-o', 'json', '--registry', registry.url, '--prefix', prefix]
  return healstream(args, { env })
}

async function ask(path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  return (await fetch(`${registry.url}${path}`, { ...init, headers })).json()
}

const options = (prefix: string) => ({ url: registry.url, prefix, deadlineMs: 10_000 })
const start = (prefix: string, more: object = {}): Promise<Serde> =>
  createSerde({ registry: { url: registry.url }, prefix, registryDeadlineMs: 10_000, ...more })

describe('schemas', () => {
  test('check writes nothing; register gives ids, and the same ones again', async () => {
    const prefix = freshPrefix()
    const before = await run(prefix, 'schemas', 'check')
    expect([before.code, before.stderr]).toEqual([0, ''])
    expect(new Set(JSON.parse(before.stdout).map((one: { state: string }) => one.state))).toEqual(
      new Set(['new']),
    )
    expect(JSON.stringify(await ask('/subjects'))).not.toContain(prefix)
    const first = await run(prefix, 'schemas', 'register')
    expect(first.code).toBe(0)
    const ids = JSON.parse(first.stdout)
    expect(ids.length).toBeGreaterThanOrEqual(SCHEMA_KINDS.length)
    expect(ids[0]).toMatchObject({ subject: `${prefix}alerts-value`, version: 1, new: true })
    expect(await ask(`/config/${prefix}alerts-value`)).toEqual({
      compatibilityLevel: 'FULL_TRANSITIVE',
    })
    const again = JSON.parse((await run(prefix, 'schemas', 'register')).stdout)
    const plain = (all: readonly { new: boolean }[]) => all.map((one) => ({ ...one, new: null }))
    expect(plain(again)).toEqual(plain(ids))
    expect(again.some((one: { new: boolean }) => one.new)).toBe(false)
    const after = await run(prefix, 'schemas', 'check')
    expect(JSON.parse(after.stdout).map((one: { id: number }) => one.id)).toEqual(
      ids.map((one: { id: number }) => one.id),
    )
  })

  test('check finds a schema that the registry would refuse, and says which', async () => {
    const prefix = freshPrefix()
    await registerSchemas(loadSchemas(), options(prefix))
    const versions = await ask(`/subjects/${prefix}alerts-value/versions`)
    const later = changedSchemas('alerts', (schema) => {
      schema.fields.push({ name: 'added', type: 'long' })
    })
    try {
      const found = await checkSchemas(loadSchemas(later.dir), options(prefix))
      const bad = found.filter(({ state }) => state !== 'registered')
      expect(bad).toMatchObject([{ subject: `${prefix}alerts-value`, state: 'incompatible' }])
      expect(bad[0]?.detail).toMatch(/added/)
      const refused = registerSchemas(loadSchemas(later.dir), options(prefix))
      await expect(refused).rejects.toMatchObject({ code: 'HS_SCHEMA' })
      expect(await ask(`/subjects/${prefix}alerts-value/versions`)).toEqual(versions)
    } finally {
      later.remove()
    }
  })

  test('check ends with 1 on a subject that belongs to somebody else', async () => {
    const prefix = freshPrefix()
    await ask(`/subjects/${prefix}alerts-value/versions`, { schema: '"string"' })
    const { code, stdout } = await run(prefix, 'schemas', 'check')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)[0]).toMatchObject({
      subject: `${prefix}alerts-value`,
      state: 'wrong_level',
      detail: 'level is NONE',
    })
  })

  test('without a registry: 2 and a sentence; with a dead one: 3', async () => {
    const none = await healstream(['schemas', 'check'], { env })
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no schema registry is')])
    const dead = await healstream(['schemas', 'check', '--registry', 'http://127.0.0.1:9/'], {
      env,
    })
    expect([dead.code, dead.stderr]).toEqual([3, expect.stringMatching(/^HS_UNREACHABLE: .*127/)])
  })
})

describe('ids for records', () => {
  test('records of an older version decode under the id they were written with', async () => {
    const prefix = freshPrefix()
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('telemetry', (schema) => void schema.fields.push(added))
    try {
      await registerSchemas(loadSchemas(), options(prefix))
      const older = await start(prefix)
      await registerSchemas(loadSchemas(later.dir), options(prefix))
      const newer = await start(prefix, { schemasDir: later.dir })
      expect(newer.schemaId('telemetry')).not.toBe(older.schemaId('telemetry'))
      expect(newer.decodeBytes('telemetry', older.encode('telemetry', fullDelta()))).toEqual({
        ok: true,
        record: { ...fullDelta(), added: null },
      })
    } finally {
      later.remove()
    }
  })

  test('a start before anything is registered says what to run', async () => {
    await expect(start(freshPrefix())).rejects.toMatchObject({
      code: 'HS_SCHEMA',
      fix: expect.stringContaining('healstream schemas register'),
    })
  })

  // One after the other: the registry is in memory, so its end is the end of what it held.
  test('hung, killed, emptied: what it said before is used; else the start says so', async () => {
    const prefix = freshPrefix()
    const cacheDir = join(folder, 'cache')
    await registerSchemas(loadSchemas(), options(prefix))
    const before = await start(prefix, { cacheDir })
    const value = before.encode('telemetry', fullDelta())
    const decodes = (serde: Serde): void => {
      expect(serde.decodeBytes('telemetry', value)).toEqual({ ok: true, record: fullDelta() })
    }
    registry.pause()
    try {
      const short = { registryDeadlineMs: 500 }
      const hung = await start(prefix, { cacheDir, ...short })
      expect([hung.source, hung.warning]).toEqual(['cache', expect.stringMatching(/not answered/)])
      decodes(hung)
      await expect(start(prefix, short)).rejects.toMatchObject({ code: 'HS_UNREACHABLE' })
    } finally {
      registry.resume()
    }
    await registry.kill9()
    decodes(before)
    const down = await start(prefix, { cacheDir })
    expect([down.source, down.warning]).toEqual([
      'cache',
      expect.stringMatching(/cannot be reached/),
    ])
    decodes(down)
    await registry.restart()
    const emptied = await start(prefix, { cacheDir })
    expect(emptied.warning).toMatch(/no longer holds/)
    decodes(emptied)
    // Filled again after others had come first, it gives other ids: a person has to look.
    await ask('/subjects/somebody-value/versions', { schema: '"string"' })
    await registerSchemas(loadSchemas(), options(prefix))
    await expect(start(prefix, { cacheDir })).rejects.toMatchObject({
      code: 'HS_SCHEMA',
      message: expect.stringMatching(/gives .* the id \d+, before it was/),
    })
  })
})
