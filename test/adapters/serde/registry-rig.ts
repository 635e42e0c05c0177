// A registry and a folder for ids of its own per test, and a start against them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  checkSchemas,
  registerSchemas,
  type SchemaFinding,
} from '../../../src/adapters/serde/registry-check.ts'
import type { RegistryOptions } from '../../../src/adapters/serde/registry-http.ts'
import { loadSchemas } from '../../../src/adapters/serde/schema-files.ts'
import { type Serde, type SerdeOptions, createSerde } from '../../../src/adapters/serde/serde.ts'
import { HsError } from '../../../src/contracts/failure.ts'
import { RegistryServer } from './registry-server.ts'

export interface RegistryRig {
  readonly server: RegistryServer
  readonly cacheDir: string
  /** Where the ids are kept. */
  readonly file: string
  /** Only asks. */
  start(more?: SerdeOptions): Promise<Serde>
  register(more?: SerdeOptions): ReturnType<typeof registerSchemas>
  check(more?: SerdeOptions): Promise<readonly SchemaFinding[]>
  close(): Promise<void>
}

export async function registryRig(): Promise<RegistryRig> {
  const server = await RegistryServer.start()
  const cacheDir = mkdtempSync(join(tmpdir(), 'healstream-ids-'))
  // Short only where nothing will come: a busy machine must not look like a dead registry.
  const deadline = (): number =>
    server.mood === 'silent' || server.mood === 'slow_body' ? 300 : 10_000
  const options = ({ registry, prefix = 'hs.' }: SerdeOptions): RegistryOptions => {
    return { ...(registry ?? { url: server.url }), prefix, deadlineMs: deadline() }
  }
  return {
    server,
    cacheDir,
    file: join(cacheDir, 'schema-ids.json'),
    start: (more = {}) => {
      const registry = { url: server.url }
      return createSerde({ registry, cacheDir, registryDeadlineMs: deadline(), ...more })
    },
    register: async (more = {}) => registerSchemas(loadSchemas(more.schemasDir), options(more)),
    check: async (more = {}) => checkSchemas(loadSchemas(more.schemasDir), options(more)),
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
