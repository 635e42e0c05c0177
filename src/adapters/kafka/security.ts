// Who the broker is and who we are: TLS with the broker's certificate always checked, and SASL.
// Files are read for every connection and every authentication, so that rotated certificates,
// passwords and tokens are used without a restart; no secret gets into an error.
import { readFile } from 'node:fs/promises'
import { type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls'
import { LogError } from '../../runtime/log-error.ts'
import type { SaslOptions, Secret, TlsOptions } from './options.ts'
import { SASL_PROVIDERS, type SaslMessage, type SaslProvider, type SaslSettings } from './vendor.ts'

/** 16,384 is the most a broker makes; a peer that asks for more would keep a core busy. */
const MAX_SCRAM_ITERATIONS = 100_000
const MAX_TEXT = 300

/** What makes a TLS connection fail, in words; by Node's code. */
const TLS_REFUSALS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is from an authority that is not trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is from an authority that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'its certificate is from an authority that is not trusted here',
  UNABLE_TO_GET_CRL: 'the list of revoked certificates is not from its authority',
  CRL_HAS_EXPIRED: 'the list of revoked certificates has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks only versions of TLS that are too old',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks only versions of TLS that are too old',
}

/** Why TLS failed, in words; null when the error is about something else. */
export function tlsRefusal(error: Error): string | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const known = TLS_REFUSALS[code]
  if (known !== undefined) return known
  if (code === 'EPROTO' && error.message.includes('wrong version number'))
    return 'it does not speak TLS on this port'
  if (/^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA)/.test(code))
    return 'it refused the certificate of this client, or asks for one'
  return code.startsWith('ERR_SSL_') ? `TLS failed (${code})` : null
}

/** Text of others for one line of a message. */
export function plainText(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]/g, '?')
  return printable.length > MAX_TEXT ? `${printable.slice(0, MAX_TEXT)}…` : printable
}

function refused(message: string): LogError {
  return new LogError('NOT_AUTHORIZED', message)
}

/** Certificates of a client, read anew for every connection. */
export class TlsFiles {
  readonly #options: TlsOptions
  #lastGood: SecureContext | null = null

  constructor(options: TlsOptions) {
    this.#options = options
  }

  /**
   * For one connection. While files are being replaced (a new certificate beside the old key) what
   * was read before them is used. Errors: LogError `NOT_AUTHORIZED` when nothing usable was ever
   * read.
   */
  async connectionOptions(): Promise<ConnectionOptions> {
    const { servername } = this.#options
    try {
      this.#lastGood = await this.#read()
    } catch (error) {
      if (this.#lastGood === null) throw error
    }
    return {
      secureContext: this.#lastGood,
      rejectUnauthorized: true,
      ...(servername === undefined ? {} : { servername }),
    }
  }

  async #read(): Promise<SecureContext> {
    const { caFile, certFile, keyFile, crlFile } = this.#options
    const [ca, cert, key, crl] = await Promise.all(
      [caFile, certFile, keyFile, crlFile].map((file) => readIfNamed(file)),
    )
    try {
      return createSecureContext({ ca, cert, key, crl, minVersion: 'TLSv1.2' })
    } catch (error) {
      const files = [caFile, certFile, keyFile, crlFile].filter((file) => file !== undefined)
      throw refused(`TLS cannot be set up from ${files.join(', ')}: ${textOf(error)}`)
    }
  }
}

async function readIfNamed(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file)
  } catch (error) {
    throw refused(`${file} cannot be read: ${textOf(error)}`)
  }
}

function textOf(error: unknown): string {
  return plainText(error instanceof Error ? error.message : String(error))
}

async function readSecret(secret: Secret, name: string): Promise<string> {
  let text: string
  if (typeof secret === 'function') {
    try {
      text = await secret()
    } catch {
      // What it throws may hold the secret.
      throw refused(`the ${name} could not be obtained: its provider failed`)
    }
  } else text = String((await readIfNamed(secret.file)) ?? '').replace(/\r?\n$/, '')
  if (text !== '') return text
  const where = typeof secret === 'function' ? 'its provider' : secret.file
  throw refused(`the ${name} from ${where} is empty`)
}

/** What one authentication is done with. */
export interface SaslAttempt {
  readonly settings: SaslSettings
  /** A message of others without the secret in it. */
  readonly hide: (message: string) => string
}

/** Reads the secret. Errors: LogError `NOT_AUTHORIZED` when it cannot be had. */
export async function saslAttempt(options: SaslOptions): Promise<SaslAttempt> {
  const { mechanism } = options
  if (mechanism === 'OAUTHBEARER') {
    const token = await readSecret(options.token, 'token')
    if (!/^[\x21-\x7e]+$/.test(token)) throw refused('the token holds a character that none may')
    const settings = { oauthBearerProvider: async () => ({ value: token }) }
    return attempt(mechanism, token, checkingToken(SASL_PROVIDERS[mechanism](settings)))
  }
  const password = await readSecret(options.password, 'password')
  const provider = SASL_PROVIDERS[mechanism]({ username: options.username, password })
  const isPlain = mechanism === 'PLAIN'
  return attempt(mechanism, password, isPlain ? provider : limitingIterations(provider))
}

function attempt(mechanism: string, secret: string, provider: SaslProvider): SaslAttempt {
  return {
    settings: { mechanism, authenticationProvider: provider },
    hide: (message) => message.replaceAll(secret, '…'),
  }
}

/**
 * A broker answers a bad token without an error code, with words in the answer, and takes the next
 * request for the rest of the dialogue (RFC 7628, 3.2.3); kafkajs would go on.
 */
function checkingToken(provider: SaslProvider): SaslProvider {
  const response = {
    // kafkajs gives the answer with its length before it.
    decode: (bytes: Buffer) => bytes.subarray(4),
    parse: (words: unknown) => {
      const text = String(words)
      if (text !== '') throw new Error(plainText(text))
    },
  }
  return (host) => {
    const saslAuthenticate = (message: SaslMessage): Promise<unknown> =>
      host.saslAuthenticate({ ...message, response })
    return provider({ ...host, saslAuthenticate })
  }
}

/** kafkajs computes as many iterations as the other side asks for. */
function limitingIterations(provider: SaslProvider): SaslProvider {
  return (host) => {
    const saslAuthenticate = async (message: SaslMessage): Promise<unknown> => {
      const answer = await host.saslAuthenticate(message)
      const asked = typeof answer === 'object' && answer !== null && 'i' in answer ? answer.i : 0
      if (Number(asked) <= MAX_SCRAM_ITERATIONS) return answer
      throw new Error(`more than ${MAX_SCRAM_ITERATIONS} iterations are asked for`)
    }
    return provider({ ...host, saslAuthenticate })
  }
}
