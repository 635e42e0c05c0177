// The only file that knows what is inside kafkajs: its Connection with the SASL authenticators, its
// request codecs, and the Encoder and Decoder they are made of. Everything reached is checked when
// this file is loaded, because an inside may change with any version (2.2.4 is the last one).
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { HsError } from '../../contracts/failure.ts'
import type { KafkaRequest } from './wire.ts'

const VERSION = '2.2.4'
const load: (path: string) => unknown = createRequire(import.meta.url)

/** kafkajs' Encoder, what is used of it. Doubles its buffer when it is full. */
export interface Encoder {
  readonly buffer: Buffer
  writeInt8(value: number): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeInt64(value: number | bigint | string): Encoder
  writeBoolean(value: boolean): Encoder
  writeString(value: string | null): Encoder
  writeBytes(value: Buffer | null): Encoder
  writeBuffer(value: Buffer): Encoder
  writeUVarInt(value: number): Encoder
  writeUVarIntString(value: string | null): Encoder
  writeUVarIntBytes(value: Buffer | null): Encoder
}

/** kafkajs' Decoder, what is used of it. Bytes are views of what it reads. */
export interface Decoder {
  readonly offset: number
  readInt8(): number
  readInt16(): number
  readInt32(): number
  readInt64(): bigint
  readBoolean(): boolean
  readString(): string | null
  readBytes(): Buffer | null
  readAll(): Buffer
  readUVarInt(): number
  readUVarIntString(): string | null
  readUVarIntBytes(): Buffer | null
  readArray<T>(read: (from: Decoder) => T): T[]
  readUVarIntArray<T>(read: (from: Decoder) => T): T[]
}

/** A function that does nothing: kafkajs' logs would hold whole payloads. */
const ignore = (): void => undefined
export interface Logger {
  readonly namespace: () => Logger
  readonly debug: () => void
  readonly info: () => void
  readonly warn: () => void
  readonly error: () => void
}
const silent: Logger = {
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
  setVersions(versions: Readonly<Record<number, VersionRange>>): void
  setSupportAuthenticationProtocol(isSupported: boolean): void
}
export interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

type Definitions = Readonly<
  Record<string, { protocol(of: { version: number }): ((args: object) => Definition) | undefined }>
>
interface Definition {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly encode: () => Promise<Encoder>
  }
  readonly response: { readonly decode: (body: Buffer) => Promise<unknown> }
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

function requestDefinitions(): Definitions {
  const found = loadOrRefuse('kafkajs/src/protocol/requests')
  const requests = isRecord(found) ? found['requests'] : undefined
  if (!isRecord(requests)) return refuse('its list of requests is missing')
  return requests as Definitions
}

function providerAt(name: string): (settings: object) => SaslProvider {
  const found = loadOrRefuse(`kafkajs/src/broker/saslAuthenticator/${name}`)
  if (typeof found !== 'function') return refuse(`the authenticator ${name} is no function`)
  return found as (settings: object) => SaslProvider
}

checkVersion()
const Base = classAt('kafkajs/src/network/connection', [
  ...['connect', 'disconnect', 'isConnected', 'authenticate', 'nextCorrelationId', 'processData'],
  ...['setVersions', 'setSupportAuthenticationProtocol'],
]) as new (
  settings: ConnectionSettings & {
    readonly logger: Logger
    readonly requestTimeout: number
    readonly enforceRequestTimeout: false
  },
) => VendorConnection
classAt('kafkajs/src/network/requestQueue', [
  ...['push', 'fulfillRequest', 'rejectAll', 'scheduleCheckPendingRequests', 'destroy'],
])
const EncoderClass = classAt('kafkajs/src/protocol/encoder', [
  ...['buffer', 'writeInt64', 'writeUVarInt', 'writeUVarIntString', 'writeUVarIntBytes'],
]) as new (
  initialBytes?: number,
) => Encoder
const DecoderClass = classAt('kafkajs/src/protocol/decoder', [
  ...['readInt64', 'readAll', 'readUVarInt', 'readUVarIntString', 'readUVarIntArray'],
]) as new (
  bytes: Buffer,
) => Decoder
const definitions = requestDefinitions()

/** Not connected yet. */
export function newConnection(settings: ConnectionSettings): VendorConnection {
  const logger = silent
  return new Base({ ...settings, logger, requestTimeout: 0, enforceRequestTimeout: false })
}

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

/** `initialBytes` saves the doubling where the size is known. */
export function newEncoder(initialBytes = 511): Encoder {
  return new EncoderClass(initialBytes)
}

export function newDecoder(bytes: Buffer): Decoder {
  return new DecoderClass(bytes)
}

/** kafkajs' own names where they differ from the protocol's. */
const NAMES: Readonly<Record<string, string>> = { FindCoordinator: 'GroupCoordinator' }

/**
 * kafkajs' codec for one version of a request: what it takes (`A`) and what its `decode` gives
 * (`T`) are as in `kafkajs/src/protocol/requests/<name>/v<version>`; numeric error codes stay, for
 * its `parse`, which throws by them, is not called. int64 comes as a decimal string. None of these
 * versions is flexible. Errors: `HS_INTERNAL` when there is no such version.
 */
export function codec<A extends object, T>(
  apiName: string,
  version: number,
): (args: A) => KafkaRequest<T> {
  const make = definitions[NAMES[apiName] ?? apiName]?.protocol({ version })
  if (make === undefined) return refuse(`it has no ${apiName} of version ${version}`)
  return (args) => {
    const { request, response } = make(args)
    return {
      apiKey: request.apiKey,
      apiVersion: request.apiVersion,
      apiName,
      flexible: false,
      encode: async () => (await request.encode()).buffer,
      decode: async (body) => (await response.decode(body)) as T,
    }
  }
}
