// The file with the ids: complete, private, and worth nothing when it is damaged.
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RegistryRig, failure, registryRig } from './registry-rig.ts'

let rig: RegistryRig
beforeEach(async () => {
  rig = await registryRig()
  await rig.register()
})
afterEach(() => rig.close())

describe('the ids on disk', () => {
  it('are for the owner alone, complete, and leave no other file', async () => {
    const serde = await rig.start()
    expect(statSync(rig.file).mode & 0o777).toBe(0o600)
    expect(readdirSync(rig.cacheDir)).toEqual(['schema-ids.json'])
    const cache = JSON.parse(readFileSync(rig.file, 'utf8'))
    expect(cache.registry).toBe(rig.server.url)
    expect(Object.values(cache.ids)).toContain(serde.schemaId('dlq'))
  })

  it.each([
    ['empty', ''],
    ['cut in half', '{"format":1,"regis'],
    ['of another format', '{"format":2}'],
    ['not an object', 'null'],
    ['full of nonsense', '{"format":1,"registry":"URL","ids":{"a":"b","c":-1,"d":1e99}}'],
  ])('count as none when the file is %s', async (_, text) => {
    writeFileSync(rig.file, text.replace('URL', rig.server.url))
    rig.server.mood = 'error_500'
    expect((await failure(rig.start())).code).toBe('HS_UNREACHABLE')
    rig.server.mood = 'well'
    expect((await rig.start()).source).toBe('registry')
    rig.server.mood = 'error_500'
    expect((await rig.start()).source).toBe('cache')
  })

  it('that cannot be written are a warning, not an end', async () => {
    const blocked = join(rig.cacheDir, 'file')
    writeFileSync(blocked, '')
    chmodSync(blocked, 0o400)
    const serde = await rig.start({ cacheDir: blocked })
    expect(serde.source).toBe('registry')
    expect(serde.warning).toMatch(/cannot be stored/)
  })
})
