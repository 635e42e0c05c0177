// The only file that knows what is inside kafkajs: its Connection, with the queue of requests, and
// its SASL authenticators. All that is reached is checked when this file is loaded: an inside
// may change with any version.
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HsError } from '../../contracts/failure.ts'

const VERSION = '2.2.4'
const load: (path: string) => unknown = createRequire(import.meta.url)

/** A function that does nothing: kafkajs' logs would hold whole payloads. */
const ignore = (): void => undefined
export interface Logger {
  readonly namespace: () => Logger
  readonly debug: () => void
  readonly info: () => void
  readonly warn: () => void
  readonly error: () => void
}
export const silent: Logger = {
  namespace: () => silent,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
}

/** What is written on a connection and who is told of the answer. */
export interface QueueEntry {
  readonly apiKey: number
  readonly apiName: string
  readonly apiVersion: number
  readonly correlationId: number
  readonly resolve: (answer: { readonly payload: Buffer }) => void
  readonly reject: (error: Error) => void
}

export interface RequestQueue {
  readonly pending: readonly unknown[]
  push(request: {
    readonly entry: QueueEntry
    readonly expectResponse: true
    readonly requestTimeout: null
    readonly sendRequest: () => void
  }): void
  fulfillRequest(answer: { correlationId: number; payload: Buffer; size: number }): void
  rejectAll(error: Error): void
  scheduleCheckPendingRequests(): void
  destroy(): void
}

export interface SaslMessage {
  readonly request: unknown
  readonly response?: {
    readonly decode: (bytes: Buffer) => unknown
    readonly parse: (decoded: unknown) => unknown
  }
}
/** What an authenticator of kafkajs is made of. */
export interface SaslHost {
  readonly host: string
  readonly port: number
  readonly logger: Logger
  readonly saslAuthenticate: (message: SaslMessage) => Promise<unknown>
}
export type SaslProvider = (host: SaslHost) => { authenticate(): Promise<void> }
export interface SaslSettings {
  readonly mechanism: string
  readonly authenticationProvider: SaslProvider
}

export interface ConnectionSettings {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly socketFactory: (to: {
    readonly host: string
    readonly port: number
    readonly onConnect: () => void
  }) => Socket
  readonly ssl: ConnectionOptions | null
  readonly sasl: SaslSettings | null
  readonly connectionTimeout: number
  readonly logger: Logger
  /** Of no meaning without `enforceRequestTimeout`, whose interval fires ten times a second. */
  readonly requestTimeout: 0
  readonly enforceRequestTimeout: false
}

/** kafkajs' Connection, what is used and overridden of it. */
export interface VendorConnection {
  readonly clientId: string
  readonly requestQueue: RequestQueue
  readonly socket?: Socket
  readonly sessionLifetime: { readonly value: bigint }
  sasl: SaslSettings | null
  authenticatedAt: unknown
  connectionStatus: string
  connect(): Promise<true>
  disconnect(): Promise<true>
  isConnected(): boolean
  authenticate(): Promise<void>
  nextCorrelationId(): number
  processData(bytes: Buffer): void
  rejectRequests(reason: Error): void
  setVersions(versions: Readonly<Record<number, VersionRange>>): void
  setSupportAuthenticationProtocol(isSupported: boolean): void
}
export interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function refuse(what: string, cause?: unknown): never {
  throw new HsError('HS_INTERNAL', `kafkajs is not the version that is built on: ${what}`, {
    fix: `Install kafkajs ${VERSION} as the lock file says (\`npm ci\`).`,
    ...(cause === undefined ? {} : { cause }),
  })
}

function loadOrRefuse(path: string): unknown {
  try {
    return load(path)
  } catch (cause) {
    return refuse(`${path} cannot be loaded`, cause)
  }
}

/** A class of kafkajs with the methods named. */
function classAt(path: string, methods: readonly string[]): unknown {
  const found = loadOrRefuse(path)
  const prototype = isRecord(found) ? found['prototype'] : undefined
  if (!isRecord(prototype)) return refuse(`${path} is no class`)
  for (const name of methods)
    if (!(name in prototype)) refuse(`the class of ${path} has no ${name}`)
  return found
}

function checkVersion(): void {
  const found = loadOrRefuse('kafkajs/package.json')
  const version = isRecord(found) ? found['version'] : undefined
  if (version !== VERSION) refuse(`found ${String(version)}, expected ${VERSION}`)
}

function providerAt(name: string): (settings: object) => SaslProvider {
  const found = loadOrRefuse(`kafkajs/src/broker/saslAuthenticator/${name}`)
  if (typeof found !== 'function') return refuse(`the authenticator ${name} is no function`)
  return found as (settings: object) => SaslProvider
}

checkVersion()
/** Extended by quiet-connection.ts. */
export const Connection: new (settings: ConnectionSettings) => VendorConnection = classAt(
  'kafkajs/src/network/connection',
  [
    'connect',
    'disconnect',
    'isConnected',
    'authenticate',
    'nextCorrelationId',
    'processData',
    'rejectRequests',
    'setVersions',
    'setSupportAuthenticationProtocol',
  ],
) as new (
  settings: ConnectionSettings,
) => VendorConnection
classAt('kafkajs/src/network/requestQueue', [
  'push',
  'fulfillRequest',
  'rejectAll',
  'scheduleCheckPendingRequests',
  'destroy',
])

/** kafkajs' authenticators, by mechanism. */
export const SASL_PROVIDERS: Readonly<
  Record<
    'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER',
    (settings: object) => SaslProvider
  >
> = {
  PLAIN: providerAt('plain'),
  'SCRAM-SHA-256': providerAt('scram256'),
  'SCRAM-SHA-512': providerAt('scram512'),
  OAUTHBEARER: providerAt('oauthBearer'),
}
