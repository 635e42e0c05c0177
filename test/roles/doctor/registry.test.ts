// A schema registry that is away, empty, or holds what is not ours.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { registerSchemas } from '../../../src/adapters/serde/registry-check.ts'
import { loadSchemas } from '../../../src/adapters/serde/schema-files.ts'
import { checkRegistry } from '../../../src/roles/doctor/registry.ts'
import { RegistryServer } from '../../adapters/serde/registry-server.ts'

let registry: RegistryServer
beforeEach(async () => {
  registry = await RegistryServer.start()
})
afterEach(async () => {
  await registry.close()
})

const look = () => checkRegistry({ url: registry.url }, 'hs.')

describe('a registry', () => {
  it('that holds all of ours is fine, and nothing is written', async () => {
    const options = { url: registry.url, prefix: 'hs.', deadlineMs: 5_000 }
    await registerSchemas(loadSchemas(), options)
    const before = registry.subjects.size
    expect(await look()).toMatchObject([{ level: 'ok' }])
    expect(registry.subjects.size).toBe(before)
  })

  it('that is empty is warned about, with the command', async () => {
    const [finding] = await look()
    expect(finding).toMatchObject({ level: 'warn' })
    expect(finding?.found).toContain('not registered yet: ')
    expect(finding?.fix).toContain('healstream schemas register')
    expect(registry.subjects.size).toBe(0)
  })

  it('that is away fails', async () => {
    const { url } = registry
    await registry.close()
    const [finding] = await checkRegistry({ url }, 'hs.')
    expect(finding).toMatchObject({ check: 'registry', level: 'fail' })
  })

  it('that does not let us in fails with what to look at', async () => {
    registry.account = 'me:secret'
    expect(await look()).toMatchObject([{ check: 'registry', level: 'fail' }])
  })
})
