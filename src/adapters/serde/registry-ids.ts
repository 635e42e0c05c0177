// Ids of our schemas from a Confluent-compatible registry, asked once at start through its client
// (which never encodes or decodes for us). The client has no deadline, reports a dead registry as
// HTTP 400 and shares its retry settings between instances: hence the race, the watch over its
// connections and the full retry object here.
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type * as Confluent from '@kafkajs/confluent-schema-registry'
import { HsError } from '../../contracts/failure.ts'
import { isSchemaId } from './id-cache.ts'
import type { SchemaFamily, SchemaVersion } from './schema-files.ts'

/** The registry did not answer, or not now: ids known from before may be used. */
export class RegistryDown extends Error {
  override readonly name = 'RegistryDown'
}

export interface RegistryOptions {
  /** With user and password inside, if it asks for them. */
  readonly url: string
  /** Before the topic kind in the name of a subject. */
  readonly prefix: string
  /** For one call. */
  readonly deadlineMs: number
}

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

/** The URL without user and password, as it may be shown and stored. */
export function publicUrl(url: string): string {
  const parsed = parseUrl(url)
  parsed.username = ''
  parsed.password = ''
  return parsed.href.replace(/\/$/, '')
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new HsError('HS_CONFIG', 'the schema registry is not named by an http or https URL')
  return parsed
}

/**
 * Id of every version of every schema by `idKey`; what the registry does not hold yet is
 * registered, oldest first, under FULL_TRANSITIVE. Errors: RegistryDown; HsError `HS_SCHEMA` for a
 * definite refusal.
 */
export async function registryIds(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
): Promise<Map<string, number>> {
  const client = await Client.open(options)
  try {
    const ids = new Map<string, number>()
    for (const family of families) {
      const subject = subjectOf(options.prefix, family.kind)
      for (const version of family.versions)
        ids.set(idKey(subject, version), await client.idOf(subject, version))
    }
    return ids
  } finally {
    client.close()
  }
}

type Vendor = typeof Confluent

class Client {
  private readonly registry: Confluent.SchemaRegistry
  private readonly agent: http.Agent
  private readonly options: RegistryOptions
  private readonly vendor: Vendor
  /** Connections of the call under way. */
  private readonly sockets: Duplex[]

  private constructor(vendor: Vendor, options: RegistryOptions) {
    const { protocol, username, password } = parseUrl(options.url)
    this.agent = protocol === 'https:' ? new https.Agent() : new http.Agent()
    this.sockets = watchSockets(this.agent)
    const account = {
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
    }
    this.vendor = vendor
    this.options = options
    this.registry = new vendor.SchemaRegistry({
      host: publicUrl(options.url),
      clientId: 'healstream',
      retry: RETRY,
      agent: this.agent,
      ...(username === '' ? {} : { auth: account }),
    })
  }

  /** The client and its dependants are loaded only where a registry is used. */
  static async open(options: RegistryOptions): Promise<Client> {
    return new Client(await import('@kafkajs/confluent-schema-registry'), options)
  }

  close(): void {
    this.agent.destroy()
  }

  async idOf(subject: string, version: SchemaVersion): Promise<number> {
    const schema = { type: this.vendor.SchemaType.AVRO, schema: version.text } as const
    const found = await this.call(subject, () =>
      this.registry.getRegistryIdBySchema(subject, schema).catch((error: unknown) => {
        if (isNotFound(error)) return null
        throw error
      }),
    )
    if (found !== null) return found
    const compatibility = this.vendor.COMPATIBILITY.FULL_TRANSITIVE
    const registered = await this.call(subject, async () => {
      const { id } = await this.registry.register(schema, { subject, compatibility })
      return id
    })
    if (registered === null) throw this.refusal(subject, 'gave no id')
    return registered
  }

  /** One call under the deadline. */
  private async call(subject: string, ask: () => Promise<number | null>): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const silence = `has not answered within ${this.options.deadlineMs} ms`
      timer = setTimeout(() => reject(this.down(silence)), this.options.deadlineMs)
    })
    this.sockets.length = 0
    try {
      const id = await Promise.race([ask(), late])
      if (id === null || isSchemaId(id)) return id
      throw this.refusal(subject, 'gave no schema id; it may not be a schema registry')
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
      return this.down(`cannot be reached: ${what}`)
    if (status !== null && (status >= 500 || status === 408 || status === 429))
      return this.down(`answers with status ${status}`)
    return this.refusal(subject, status === null ? what : `answers with status ${status}: ${what}`)
  }

  private down(what: string): RegistryDown {
    return new RegistryDown(`schema registry ${publicUrl(this.options.url)} ${what}`)
  }

  private refusal(subject: string, what: string): HsError {
    const shown = what.length > 300 ? `${what.slice(0, 300)}…` : what
    const where = publicUrl(this.options.url)
    return new HsError('HS_SCHEMA', `schema registry ${where}, subject ${subject}: ${shown}`)
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
