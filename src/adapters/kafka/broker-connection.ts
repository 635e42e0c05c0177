// One connection to one broker: opened, its versions checked and authenticated under one deadline;
// then requests and their answers. A broker answers a connection in order, so a connection on which
// one answer is late is given up: everything behind that answer would be late as well.
import { setMaxListeners } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock } from '../../runtime/ports.ts'
import { type CallLimits, wholeMs } from '../client/protocol.ts'
import { within } from './deadline.ts'
import { afterTags, FrameError } from './frames.ts'
import { type Address, addressText, type SaslOptions } from './options.ts'
import { QuietConnection } from './quiet-connection.ts'
import { apiVersionsRequest } from './requests/handshake.ts'
import { plainText, saslAttempt, type TlsFiles, tlsRefusal } from './security.ts'
import { throttleMs } from './throttle.ts'
import type { VersionRange } from './vendor.ts'
import type { KafkaRequest } from './wire.ts'

const KEEP_ALIVE_MS = 10_000
/** Larger bodies are handed to the socket as they are, smaller ones copied behind their header. */
const MAX_COPIED_BYTES = 4_096
/** Brokers ask for a second at most by default; a nonsense number must not mute a connection. */
const MAX_THROTTLE_MS = 30_000
/** Share of a SASL session after which it is renewed, and the least time in between (KIP-368). */
const SESSION_SHARE = 0.85
const MIN_SESSION_MS = 1_000

export interface BrokerOptions {
  readonly address: Address
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly tls: TlsFiles | null
  readonly sasl: SaslOptions | null
  readonly clock: Clock
}

export class BrokerConnection {
  readonly #options: BrokerOptions
  readonly #where: string
  readonly #vendor: QuietConnection
  readonly #clientId: Buffer
  readonly #ended = new AbortController()
  #tls: ConnectionOptions | null = null
  #versions: ReadonlyMap<number, VersionRange> | null = null
  #isReady = false
  #answered = 0
  #due = 0
  #throttledUntilMs = 0
  #renewAtMs: number = Number.POSITIVE_INFINITY
  #renewing: Promise<void> | null = null

  /** Not open yet. */
  constructor(options: BrokerOptions) {
    this.#options = options
    this.#where = addressText(options.address)
    this.#clientId = Buffer.from(options.clientId)
    setMaxListeners(0, this.#ended.signal)
    const { host, port } = options.address
    const settings = {
      host,
      port,
      clientId: options.clientId,
      connectionTimeout: options.connectTimeoutMs,
      ssl: null,
      sasl: null,
      socketFactory: (to: { readonly onConnect: () => void }) => this.#openSocket(to.onConnect),
    }
    this.#vendor = new QuietConnection(settings, (reason) => {
      this.#ended.abort(this.#explain(reason))
    })
  }

  /** Aborted when the connection has ended, with the reason. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** Opened, and not ended since. */
  get isOpen(): boolean {
    return this.#isReady && !this.#ended.signal.aborted
  }

  /** Something sent has not been answered, also what nobody waits for any more. */
  get isBusy(): boolean {
    return this.#due > 0
  }

  /** A request was answered on it, beyond those that opened it. */
  get isProven(): boolean {
    return this.#answered > 0
  }

  /** Errors: as `Lane.send`; it has then ended. */
  async open(): Promise<void> {
    const { connectTimeoutMs } = this.#options
    const limits = { timeoutMs: connectTimeoutMs, signal: this.#ended.signal }
    const late = (): LogError =>
      new LogError('UNAVAILABLE', `${this.#where} did not answer for ${connectTimeoutMs} ms`)
    try {
      await within(this.#handshake(), limits, late)
      this.#isReady = true
    } catch (error) {
      this.end(error)
      throw this.#ended.signal.reason
    }
  }

  /** At once; what is under way rejects with the reason. */
  end(reason: unknown): void {
    this.#vendor.end(reason instanceof Error ? reason : new Error(String(reason)))
  }

  /** Errors: as `Lane.send`. An aborted request stays due: without an answer in time, all ends. */
  async send<T>(request: KafkaRequest<T>, limits: CallLimits): Promise<T> {
    this.#ended.signal.throwIfAborted()
    limits.signal?.throwIfAborted()
    this.#checkVersion(request)
    const { clock } = this.#options
    const deadlineMs = clock.monotonicMs() + limits.timeoutMs
    while (clock.monotonicMs() >= this.#renewAtMs)
      await within(this.#renewSession(), limits, () => this.#late(request, limits))
    while (clock.monotonicMs() < this.#throttledUntilMs) {
      await this.#sleep(Math.min(this.#throttledUntilMs, deadlineMs), limits.signal)
      if (clock.monotonicMs() >= deadlineMs) throw this.#throttled(request)
    }
    const encoded = request.encode()
    const body = encoded instanceof Promise ? await encoded : encoded
    this.#ended.signal.throwIfAborted()
    const timeoutMs = deadlineMs - clock.monotonicMs()
    if (timeoutMs <= 0) throw this.#late(request, limits)
    const payload = await this.#exchange(request, body, { timeoutMs, signal: limits.signal })
    return await this.#decode(request, payload)
  }

  #openSocket(onConnect: () => void): Socket {
    const { host, port } = this.#options.address
    const socket =
      this.#tls === null
        ? connectTcp({ host, port }, onConnect)
        : connectTls(
            { host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...this.#tls },
            onConnect,
          )
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    return socket
  }

  async #handshake(): Promise<void> {
    this.#tls = (await this.#options.tls?.connectionOptions()) ?? null
    this.#ended.signal.throwIfAborted()
    await this.#vendor.connect()
    const request = apiVersionsRequest()
    const limits = { timeoutMs: this.#options.connectTimeoutMs }
    const answer = await this.#exchange(request, await request.encode(), limits)
    const { error, ranges } = await this.#decode(request, answer)
    if (error !== 'NONE')
      throw new LogError('INVALID_REQUEST', `${this.#where} answered ${error} to ApiVersions`)
    this.#versions = ranges
    if (this.#options.sasl !== null) await this.#authenticate(this.#options.sasl)
  }

  async #authenticate(sasl: SaslOptions): Promise<void> {
    const vendor = this.#vendor
    for (const [apiKey, apiName] of [
      [17, 'SaslHandshake'],
      [36, 'SaslAuthenticate'],
    ] as const)
      this.#checkVersion({ apiKey, apiName, apiVersion: 1 })
    // kafkajs takes the largest version it has that is not above these.
    vendor.setVersions({ 17: ONE, 36: ONE })
    vendor.setSupportAuthenticationProtocol(true)
    const { settings, hide } = await saslAttempt(sasl)
    vendor.sasl = settings
    vendor.authenticatedAt = null
    try {
      await vendor.authenticate()
    } catch (error) {
      this.#ended.signal.throwIfAborted()
      const text = hide(error instanceof Error ? error.message : String(error))
      throw new LogError('NOT_AUTHORIZED', `${this.#where} refused: ${plainText(text)}`)
    }
    const lifetimeMs = Number(vendor.sessionLifetime.value)
    this.#renewAtMs =
      lifetimeMs === 0
        ? Number.POSITIVE_INFINITY
        : this.#options.clock.monotonicMs() + Math.max(MIN_SESSION_MS, lifetimeMs * SESSION_SHARE)
  }

  #renewSession(): Promise<void> {
    const { sasl, connectTimeoutMs } = this.#options
    if (sasl === null) return Promise.resolve()
    const late = (): LogError =>
      new LogError('UNAVAILABLE', `${this.#where} did not renew the session in time`)
    this.#renewing ??= within(this.#authenticate(sasl), { timeoutMs: connectTimeoutMs }, late)
      .catch((error: unknown) => {
        this.end(error)
        throw this.#ended.signal.reason
      })
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  #checkVersion(request: Pick<KafkaRequest<unknown>, 'apiKey' | 'apiVersion' | 'apiName'>): void {
    const { apiKey, apiVersion, apiName } = request
    const range = this.#versions?.get(apiKey)
    if (range === undefined)
      throw new LogError('INVALID_REQUEST', `${this.#where} does not speak ${apiName}`)
    if (apiVersion >= range.minVersion && apiVersion <= range.maxVersion) return
    const spoken = `${range.minVersion} to ${range.maxVersion}`
    throw new LogError(
      'INVALID_REQUEST',
      `${this.#where} speaks the versions ${spoken} of ${apiName}, version ${apiVersion} is needed`,
    )
  }

  #exchange<T>(request: KafkaRequest<T>, body: Buffer, limits: CallLimits): Promise<Buffer> {
    const { timeoutMs, signal } = limits
    const { apiKey, apiName, apiVersion } = request
    return new Promise((resolve, reject) => {
      const correlationId = this.#vendor.nextCorrelationId()
      const timer = setTimeout(() => this.end(this.#late(request, limits)), timeoutMs)
      const abandon = (): void => reject(signal?.reason)
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abandon)
      }
      signal?.addEventListener('abort', abandon, { once: true })
      const entry = {
        apiKey,
        apiName,
        apiVersion,
        correlationId,
        resolve: (answer: { readonly payload: Buffer }): void => {
          this.#due--
          done()
          resolve(answer.payload)
        },
        reject: (): void => {
          this.#due--
          done()
          reject(this.#unanswered())
        },
      }
      this.#due++
      const sendRequest = (): void => this.#write(request, correlationId, body)
      this.#vendor.requestQueue.push({
        entry,
        expectResponse: true,
        requestTimeout: null,
        sendRequest,
      })
    })
  }

  /** Request header v1; v2 has a (here empty) section of tagged fields behind it (KIP-482). */
  #write(request: KafkaRequest<unknown>, correlationId: number, body: Buffer): void {
    const { socket } = this.#vendor
    if (socket === undefined) return
    const headerBytes = 14 + this.#clientId.length + (request.flexible ? 1 : 0)
    const isCopied = body.length <= MAX_COPIED_BYTES
    const bytes = Buffer.allocUnsafe(headerBytes + (isCopied ? body.length : 0))
    bytes.writeInt32BE(headerBytes - 4 + body.length, 0)
    bytes.writeInt16BE(request.apiKey, 4)
    bytes.writeInt16BE(request.apiVersion, 6)
    bytes.writeInt32BE(correlationId, 8)
    bytes.writeInt16BE(this.#clientId.length, 12)
    this.#clientId.copy(bytes, 14)
    if (request.flexible) bytes[headerBytes - 1] = 0
    if (isCopied) body.copy(bytes, headerBytes)
    socket.cork()
    socket.write(bytes)
    if (!isCopied) socket.write(body)
    socket.uncork()
  }

  async #decode<T>(request: KafkaRequest<T>, payload: Buffer): Promise<T> {
    try {
      const body = request.flexible ? afterTags(payload) : payload
      const waitMs = Math.min(throttleMs(request, body), MAX_THROTTLE_MS)
      if (waitMs > 0) this.#throttledUntilMs = this.#options.clock.monotonicMs() + waitMs
      const decoded = request.decode(body)
      const answer = decoded instanceof Promise ? await decoded : decoded
      if (this.#isReady) this.#answered++
      return answer
    } catch (error) {
      const text = plainText(error instanceof Error ? error.message : String(error))
      const what = `the answer of ${this.#where} to ${request.apiName} cannot be read: ${text}`
      const unreadable = new LogError('UNAVAILABLE', what)
      this.end(unreadable)
      throw unreadable
    }
  }

  async #sleep(untilMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#options
    const stop = AbortSignal.any(signal ? [signal, this.#ended.signal] : [this.#ended.signal])
    await clock.sleep(untilMs - clock.monotonicMs(), stop)
  }

  #late(request: KafkaRequest<unknown>, limits: CallLimits): LogError {
    const what = `no answer to ${request.apiName} from ${this.#where}`
    return new LogError('UNAVAILABLE', `${what} for ${wholeMs(limits)} ms`)
  }

  #throttled(request: KafkaRequest<unknown>): LogError {
    const what = `${this.#where} asks this client to wait (quota)`
    return new LogError('UNAVAILABLE', `${what}: ${request.apiName} was not sent in time`)
  }

  /** For a request under way: who was refused later may have been served before. */
  #unanswered(): unknown {
    const reason: unknown = this.#ended.signal.reason
    const isRefused = reason instanceof LogError && reason.code === 'NOT_AUTHORIZED'
    if (!this.#isReady || !isRefused) return reason
    return new LogError('UNAVAILABLE', `no answer any more: ${reason.message}`, { cause: reason })
  }

  /** Why it ended, as a LogError. */
  #explain(reason: Error): LogError {
    if (reason instanceof LogError) return reason
    const { tls } = this.#options
    // An open connection has been accepted by both sides.
    const refusal = tls === null || this.#isReady ? null : tlsRefusal(reason)
    if (refusal !== null) return new LogError('NOT_AUTHORIZED', `${this.#where}: ${refusal}`)
    const wasReached = this.#vendor.isConnected()
    const isGarbage = reason instanceof FrameError
    const what = isGarbage ? "does not speak Kafka's protocol" : wasReached ? 'broke' : 'failed'
    const text = plainText(reason.message.replace(/^Connection error: /, ''))
    const hint = this.#hint(reason, wasReached)
    const sentence = `the connection to ${this.#where} ${what}: ${text}${hint}`
    return new LogError('UNAVAILABLE', sentence, { cause: reason })
  }

  /** What a person may have left out, where a peer never gave an answer. */
  #hint(reason: Error, wasReached: boolean): string {
    const { tls, sasl } = this.#options
    const isClosed = !('code' in reason) || reason.code === 'ECONNRESET'
    if (!wasReached) return tls !== null && isClosed ? ' (it may not speak TLS on this port)' : ''
    const wanted = [tls === null ? ['TLS'] : [], sasl === null ? ['SASL'] : []].flat()
    if (this.isProven || wanted.length === 0) return ''
    return ` (it may expect ${wanted.join(' or ')}, which is not configured)`
  }
}

const ONE: VersionRange = { minVersion: 1, maxVersion: 1 }
