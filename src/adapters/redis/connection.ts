// One connection to Redis that is made anew after any trouble, with password and certificates read
// again. Nothing waits in a queue for a server that is away, and no answer is waited for longer
// than the time-out: who asked hears at once why there is none.
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { ViewError, type ViewErrorCode } from '../../runtime/view-port.ts'

export interface RedisOptions {
  /** `redis://host:port/db`, with TLS `rediss://`; no user and password in it. */
  readonly url: string
  readonly username?: string
  readonly passwordFile?: string
  readonly tls?: {
    readonly caFile?: string | undefined
    readonly certFile?: string | undefined
    readonly keyFile?: string | undefined
  }
  /** Longest wait for a connection or an answer; default 2,000. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 2_000

export class Connection {
  private readonly options: RedisOptions
  private client: Promise<Redis> | null = null
  private closed = false

  constructor(options: RedisOptions) {
    this.options = options
  }

  /** Runs a script. Errors: ViewError. */
  async run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const client = this.connected()
    try {
      return await (await client).eval(script, keys.length, ...keys, ...args)
    } catch (error) {
      const failure = viewError(error)
      if (['UNREACHABLE', 'SLOW', 'NOT_ALLOWED'].includes(failure.code)) this.drop(client)
      throw failure
    }
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.client !== null) this.drop(this.client)
    await Promise.resolve()
  }

  private drop(client: Promise<Redis>): void {
    if (this.client === client) this.client = null
    void client.then(
      (held) => held.disconnect(),
      () => undefined,
    )
  }

  private connected(): Promise<Redis> {
    if (this.closed) throw new ViewError('UNREACHABLE', 'the connection was closed')
    if (this.client !== null) return this.client
    const client = this.connect()
    this.client = client
    client.catch(() => this.drop(client))
    return client
  }

  private async connect(): Promise<Redis> {
    const { url, username, passwordFile, tls, timeoutMs = TIMEOUT_MS } = this.options
    const at = new URL(url)
    const client = new Redis({
      host: at.hostname.replace(/^\[|\]$/g, ''),
      port: Number(at.port || 6_379),
      db: Number(at.pathname.slice(1) || 0),
      lazyConnect: true,
      retryStrategy: null,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
      protocol: 2,
      connectionName: 'healstream-views',
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      ...(username === undefined ? {} : { username }),
      ...(passwordFile === undefined ? {} : { password: secretIn(passwordFile) }),
      ...(at.protocol === 'rediss:' ? { tls: tlsOf(tls ?? {}) } : {}),
    })
    let reason: unknown = null
    client.on('error', (error) => {
      reason = error
    })
    const late = setTimeout(() => client.disconnect(), timeoutMs)
    try {
      await client.connect()
    } catch (error) {
      client.disconnect()
      throw viewError(reason ?? error)
    } finally {
      clearTimeout(late)
    }
    return client
  }
}

function secretIn(path: string): string {
  return read(path)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

function tlsOf(files: NonNullable<RedisOptions['tls']>): Record<string, Buffer> {
  const { caFile, certFile, keyFile } = files
  return {
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certFile === undefined ? {} : { cert: read(certFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ViewError('NOT_ALLOWED', `a file for Redis cannot be read: ${path}`, { cause })
  }
}

const CODES: readonly (readonly [found: RegExp, code: ViewErrorCode, what: string])[] = [
  [/timed out/i, 'SLOW', 'Redis does not answer in time'],
  [/\b(READONLY|MISCONF)\b/, 'READ_ONLY', 'Redis takes no writes'],
  [/\bOOM\b/, 'OUT_OF_MEMORY', 'Redis has no memory left'],
  [/\b(NOAUTH|WRONGPASS|NOPERM)\b/, 'NOT_ALLOWED', 'Redis does not let us in'],
  [/\b(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/, 'UNREACHABLE', 'Redis is not ready'],
  [/WRONGTYPE|user_script/, 'CORRUPT', 'keys of ours in Redis hold something else'],
  [/^(ERR|[A-Z]+) /, 'REFUSED', 'Redis refuses'],
]

function viewError(error: unknown): ViewError {
  if (error instanceof ViewError) return error
  const message = error instanceof Error ? error.message : String(error)
  const isReply = error instanceof Error && error.name === 'ReplyError'
  for (const [found, code, what] of CODES)
    if (found.test(message) && (isReply || code === 'SLOW'))
      return new ViewError(code, what, { cause: error })
  return new ViewError('UNREACHABLE', 'Redis cannot be reached', { cause: error })
}
