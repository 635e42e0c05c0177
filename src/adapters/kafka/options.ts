// How the adapter is told where Kafka is and who it is there. Secrets and certificates come from
// files (or a function), never as a value that could be printed with the rest.
import { HsError } from '../../contracts/failure.ts'
import type { Clock } from '../../runtime/ports.ts'

/** PEM files. They are read for every new connection: replacing them needs no restart. */
export interface TlsOptions {
  /** Authorities to trust instead of Node's own list. */
  readonly caFile?: string | undefined
  /** Certificate chain of this client, where the broker asks for one; with `keyFile`. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** Certificates that were revoked. */
  readonly crlFile?: string | undefined
  /** Name the broker's certificate must be for. Default: the host that is connected to. */
  readonly servername?: string | undefined
}

/** Asked for at every authentication; a line end after it is not part of it. */
export type Secret = { readonly file: string } | (() => Promise<string>)

export type SaslOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: Secret
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret }

export interface KafkaOptions {
  /** `host:port`, `[::1]:port`: some of the brokers, the others are learned from them. */
  readonly brokers: readonly string[]
  /** Name in the brokers' logs, metrics and quotas. Default `healstream`. */
  readonly clientId?: string | undefined
  readonly tls?: TlsOptions | undefined
  readonly sasl?: SaslOptions | undefined
  /** From the first packet to the end of TLS, version check and SASL. Default 3,000. */
  readonly connectTimeoutMs?: number | undefined
  readonly clock: Clock
}

export const DEFAULT_CLIENT_ID = 'healstream'
export const DEFAULT_CONNECT_TIMEOUT_MS = 3_000

export interface Address {
  readonly host: string
  readonly port: number
}

export function addressText(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${host}:${address.port}`
}

/** Errors: `HS_CONFIG` unless it is `host:port`. */
export function parseAddress(text: string): Address {
  const at = text.lastIndexOf(':')
  const inBrackets = text.startsWith('[') && text[at - 1] === ']'
  const host = inBrackets ? text.slice(1, at - 1) : text.slice(0, Math.max(0, at))
  const digits = text.slice(at + 1)
  const port = /^[0-9]{1,5}$/.test(digits) ? Number(digits) : 0
  const isHost = inBrackets ? /^[0-9A-Fa-f:.]+$/.test(host) : /^[0-9A-Za-z._-]+$/.test(host)
  if (isHost && port >= 1 && port <= 65_535) return { host, port }
  throw new HsError('HS_CONFIG', `a broker must be host:port, found ${JSON.stringify(text)}`)
}
