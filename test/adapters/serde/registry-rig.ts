// A registry and a folder for ids of its own per test, and a start against them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Serde, type SerdeOptions, createSerde } from '../../../src/adapters/serde/serde.ts'
import { HsError } from '../../../src/contracts/failure.ts'
import { RegistryServer } from './registry-server.ts'

export interface RegistryRig {
  readonly server: RegistryServer
  readonly cacheDir: string
  /** Where the ids are kept. */
  readonly file: string
  start(more?: SerdeOptions): Promise<Serde>
  close(): Promise<void>
}

export async function registryRig(): Promise<RegistryRig> {
  const server = await RegistryServer.start()
  const cacheDir = mkdtempSync(join(tmpdir(), 'healstream-ids-'))
  return {
    server,
    cacheDir,
    file: join(cacheDir, 'schema-ids.json'),
    start: (more = {}) => {
      // Short only where nothing will come: a busy machine must not look like a dead registry.
      const isStuck = server.mood === 'silent' || server.mood === 'slow_body'
      const registryDeadlineMs = isStuck ? 300 : 10_000
      return createSerde({ registryUrl: server.url, cacheDir, registryDeadlineMs, ...more })
    },
    close: async () => {
      await server.close()
      rmSync(cacheDir, { recursive: true, force: true })
    },
  }
}

/** The HsError a promise ends in. */
export async function failure(of: Promise<unknown>): Promise<HsError> {
  const error: unknown = await of.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof HsError)) throw new Error(`no HsError: ${String(error)}`)
  return error
}
