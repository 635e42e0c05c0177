// What is reached inside kafkajs is there, and another version of it is refused by name.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { Connection, SASL_PROVIDERS } from '../../../src/adapters/kafka/vendor.ts'

const kafkajs = dirname(createRequire(import.meta.url).resolve('kafkajs/package.json'))
const folder = mkdtempSync(join(tmpdir(), 'healstream-vendor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Loads the file of the build beside a kafkajs in which `file` was changed. */
async function loadBeside(name: string, file: string, change: (text: string) => string) {
  const root = join(folder, name)
  const source = join(import.meta.dirname, '../../../src')
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  cpSync(kafkajs, join(root, 'node_modules/kafkajs'), { recursive: true })
  for (const path of ['adapters/kafka/vendor.ts', 'contracts/failure.ts'])
    cpSync(join(source, path), join(root, path))
  const changed = join(root, 'node_modules/kafkajs', file)
  writeFileSync(changed, change(readFileSync(changed, 'utf8')))
  return await import(pathToFileURL(join(root, 'adapters/kafka/vendor.ts')).href)
}

describe('kafkajs', () => {
  it('has what is used of it', () => {
    expect(Object.keys(SASL_PROVIDERS)).toHaveLength(4)
    expect(new Connection({ ...settings, logger: quiet }).isConnected()).toBe(false)
  })

  it('in another version is refused, with what to do', async () => {
    const loading = loadBeside('version', 'package.json', (text) =>
      text.replace('"version": "2.2.4"', '"version": "2.3.0"'),
    )
    await expect(loading).rejects.toMatchObject({
      code: 'HS_INTERNAL',
      message: expect.stringContaining('found 2.3.0, expected 2.2.4'),
      fix: expect.stringContaining('npm ci'),
    })
  })

  it('changed inside is refused, with what is missing', async () => {
    const loading = loadBeside('inside', 'src/network/requestQueue/index.js', (text) =>
      text.replaceAll('scheduleCheckPendingRequests', 'scheduleSomething'),
    )
    await expect(loading).rejects.toThrow('has no scheduleCheckPendingRequests')
  })
})

const ignore = (): void => undefined
const quiet = {
  namespace: () => quiet,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
}
const settings = {
  host: 'h',
  port: 1,
  clientId: 'c',
  ssl: null,
  sasl: null,
  connectionTimeout: 1,
  socketFactory: (): never => {
    throw new Error('not to be opened')
  },
  requestTimeout: 0,
  enforceRequestTimeout: false,
} as const
