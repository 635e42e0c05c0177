// Ids of our schemas from a Confluent-compatible registry, asked through its client (which never
// encodes or decodes for us). The client has no deadline, reports a dead registry as HTTP 400 and
// shares its retry settings between instances: hence the race, the watch over its connections and
// the full retry object here.
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type * as Confluent from '@kafkajs/confluent-schema-registry'
import { HsError } from '../../contracts/failure.ts'
import { isSchemaId } from './id-cache.ts'
import { checkedUrl, down, refusal, RegistryDown } from './registry-http.ts'
import type { RegistryOptions } from './registry-http.ts'
import type { SchemaFamily, SchemaVersion } from './schema-files.ts'

export function subjectOf(prefix: string, kind: string): string {
  return `${prefix}${kind}-value`
}

export function idKey(subject: string, version: SchemaVersion): string {
  return `${subject} ${version.fingerprint}`
}

const RETRY = {
  maxRetryTimeInSecs: 1,
  initialRetryTimeInSecs: 0.1,
  factor: 0.2,
  multiplier: 2,
  retries: 0,
}

/**
 * Ids of the versions that the registry holds, by `idKey`. Nothing is written.
 * Errors: RegistryDown; HsError `HS_SCHEMA` for a definite refusal.
 */
export async function registryIds(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
): Promise<Map<string, number>> {
  const client = await RegistryClient.open(options)
  try {
    const ids = new Map<string, number>()
    for (const family of families) {
      const subject = subjectOf(options.prefix, family.kind)
      for (const version of family.versions) {
        const id = await client.find(subject, version)
        if (id !== null) ids.set(idKey(subject, version), id)
      }
    }
    return ids
  } finally {
    client.close()
  }
}

type Vendor = typeof Confluent
type VendorSchema = Parameters<Confluent.SchemaRegistry['getRegistryIdBySchema']>[1]

export class RegistryClient {
  private readonly registry: Confluent.SchemaRegistry
  private readonly agent: http.Agent
  private readonly options: RegistryOptions
  private readonly vendor: Vendor
  /** Connections of the call under way. */
  private readonly sockets: Duplex[]

  private constructor(vendor: Vendor, options: RegistryOptions) {
    const isTls = options.url.startsWith('https:')
    this.agent = isTls ? new https.Agent() : new http.Agent()
    this.sockets = watchSockets(this.agent)
    this.vendor = vendor
    this.options = options
    this.registry = new vendor.SchemaRegistry({
      host: options.url,
      clientId: 'healstream',
      retry: RETRY,
      agent: this.agent,
      ...(options.account === undefined ? {} : { auth: options.account }),
    })
  }

  /** The client and its dependants are loaded only where a registry is used. */
  static async open(options: RegistryOptions): Promise<RegistryClient> {
    const url = checkedUrl(options.url)
    const vendor = await import('@kafkajs/confluent-schema-registry')
    return new RegistryClient(vendor, { ...options, url })
  }

  close(): void {
    this.agent.destroy()
  }

  /** The id of a version, or null when the subject does not hold it. Errors: as `registryIds`. */
  find(subject: string, version: SchemaVersion): Promise<number | null> {
    const schema = this.schemaOf(version)
    return this.call(subject, () =>
      this.registry.getRegistryIdBySchema(subject, schema).catch((error: unknown) => {
        if (isNotFound(error)) return null
        throw error
      }),
    )
  }

  /**
   * Registers a version; a subject without a level gets FULL_TRANSITIVE. Errors: as `registryIds`.
   */
  async register(subject: string, version: SchemaVersion): Promise<number> {
    const compatibility = this.vendor.COMPATIBILITY.FULL_TRANSITIVE
    const id = await this.call(subject, async () => {
      const how = { subject, compatibility }
      const registered = await this.registry.register(this.schemaOf(version), how)
      return registered.id
    })
    if (id === null) throw refusal(this.options, subject, 'gave no id')
    return id
  }

  private schemaOf(version: SchemaVersion): VendorSchema {
    return { type: this.vendor.SchemaType.AVRO, schema: version.text }
  }

  /** One call under the deadline. */
  private async call(subject: string, ask: () => Promise<number | null>): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const silence = `has not answered within ${this.options.deadlineMs} ms`
      timer = setTimeout(() => reject(down(this.options, silence)), this.options.deadlineMs)
    })
    this.sockets.length = 0
    try {
      const id = await Promise.race([ask(), late])
      if (id === null || isSchemaId(id)) return id
      const what = 'gave no schema id; it may not be a schema registry'
      throw refusal(this.options, subject, what)
    } catch (error) {
      throw this.classified(subject, error)
    } finally {
      clearTimeout(timer)
    }
  }

  private classified(subject: string, error: unknown): Error {
    if (error instanceof RegistryDown || error instanceof HsError) return error
    const status = statusOf(error)
    const what = error instanceof Error ? error.message : String(error)
    // The client turns a dead connection into status 400; a real answer has brought bytes.
    if (status === 400 && !this.sockets.some(hasRead))
      return down(this.options, `cannot be reached: ${what}`)
    if (status !== null && (status >= 500 || status === 408 || status === 429))
      return down(this.options, `answers with status ${status}`)
    const how = status === null ? what : `answers with status ${status}: ${what}`
    return refusal(this.options, subject, how)
  }
}

/**
 * The client replaces a 404 to a look-up, and nothing else there, by an error of this name without
 * a status.
 */
function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConfluentSchemaRegistryError'
}

/** Every connection the agent makes from now on, in order. */
function watchSockets(agent: http.Agent): Duplex[] {
  const sockets: Duplex[] = []
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback)
    if (socket) sockets.push(socket)
    return socket
  }
  return sockets
}

function hasRead(socket: Duplex): boolean {
  return 'bytesRead' in socket && typeof socket.bytesRead === 'number' && socket.bytesRead > 0
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('status' in error)) return null
  return typeof error.status === 'number' ? error.status : null
}
