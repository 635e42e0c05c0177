// A small HTTP server for one machine: loopback only, bearer token, Host allow-list (so that no web
// page can reach it through a name of its own), bounded bodies, times and connections, errors as
// JSON with code and fix. Roles hand in routes; nothing outside this folder knows the HTTP library.
import { createHash, timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import { fastify } from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HsError } from '../../contracts/failure.ts'
import type { FailureCode } from '../../contracts/failure.ts'

export const HOST = '127.0.0.1'
/** A policy file at its limit (256 kB) as a JSON text, most of whose escapes take two bytes. */
const BODY_BYTES_MAX = 1_048_576
/**
 * Receiving one request, and any time without a byte on a connection (streams send a blank line now
 * and then).
 */
const REQUEST_MS = 10_000
const IDLE_MS = 30_000
const CONNECTIONS_MAX = 64
/** Streams that may be open at once; each holds a reader of the log. */
export const STREAMS_MAX = 8

export interface HttpRequest {
  readonly params: Readonly<Record<string, string>>
  /** First value of each query parameter. */
  readonly query: Readonly<Record<string, string>>
  /** Parsed JSON, or null without a body. */
  readonly body: unknown
  /** Aborted when the client has left or the server stops. */
  readonly signal: AbortSignal
}

export type HttpAnswer =
  | {
      readonly kind: 'json'
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body: unknown
    }
  | {
      readonly kind: 'text'
      readonly status?: number
      readonly contentType: string
      readonly body: string
    }
  /** One JSON document per line; a null is sent as a blank line. */
  | { readonly kind: 'lines'; readonly lines: AsyncIterable<unknown> }

export interface HttpRoute {
  readonly method: 'GET' | 'POST'
  /** `/v1/incidents/:id` */
  readonly path: string
  /** Answers without a token. */
  readonly open?: boolean
  readonly handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>
}

export interface HttpServerOptions {
  /** 0 = a free one. */
  readonly port: number
  readonly token: string
  readonly routes: readonly HttpRoute[]
  /** Hears of defects (answers with HS_INTERNAL). */
  readonly onDefect?: (error: unknown) => void
}

export interface HttpServer {
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Ends open streams and connections. */
  close(): Promise<void>
}

/** Everything else is 500. */
const STATUS: Readonly<Partial<Record<FailureCode, number>>> = {
  HS_USAGE: 400,
  HS_CONFIG: 400,
  HS_POLICY: 422,
  HS_UNREACHABLE: 503,
  HS_UNAUTHORIZED: 401,
  HS_NOT_FOUND: 404,
  HS_NO_GENESIS: 409,
  HS_FOREIGN_CLUSTER: 409,
  HS_LOG: 503,
}

/** Errors: HS_PORT_IN_USE. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: 5_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 600 },
    frameworkErrors: (error, _request, reply) => {
      sendFailure(reply, new HsError('HS_USAGE', error.message))
    },
  })
  const stopping = new AbortController()
  app.server.maxConnections = CONNECTIONS_MAX
  app.setErrorHandler((error, _request, reply) => {
    sendFailure(reply, asFailure(error, options.onDefect))
  })
  app.setNotFoundHandler((request, reply) => {
    sendFailure(reply, new HsError('HS_NOT_FOUND', `no ${request.method} ${request.url} here`))
  })
  addRoutes(app, options, stopping.signal)
  await listen(app, options.port)
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  return {
    port,
    url: `http://${HOST}:${port}`,
    async close(): Promise<void> {
      stopping.abort()
      await app.close()
    },
  }
}

async function listen(app: FastifyInstance, port: number): Promise<void> {
  try {
    await app.listen({ host: HOST, port })
  } catch (error) {
    await app.close()
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'EADDRINUSE')
      throw new HsError('HS_PORT_IN_USE', `port ${port} on ${HOST} is in use`, { cause: error })
    if (code === 'EACCES')
      throw new HsError('HS_CONFIG', `port ${port} needs more rights than this process has`, {
        fix: 'Choose a port above 1023, or leave it out and a free one is taken.',
        cause: error,
      })
    throw error
  }
}

function addRoutes(app: FastifyInstance, options: HttpServerOptions, stopping: AbortSignal): void {
  const wanted = digest(`Bearer ${options.token}`)
  let streams = 0
  for (const route of options.routes) {
    app.route({
      method: route.method,
      url: route.path,
      onRequest: async (request) => {
        checkHost(request)
        if (route.open !== true) checkToken(request, wanted)
      },
      handler: async (request, reply) => {
        const left = new AbortController()
        reply.raw.once('close', () => left.abort())
        const signal = AbortSignal.any([left.signal, stopping])
        const answer = await route.handle(asked(request, signal))
        if (answer.kind !== 'lines') return send(reply, answer)
        if (streams >= STREAMS_MAX) throw tooManyStreams()
        streams++
        reply.raw.once('close', () => streams--)
        reply.header('content-type', 'application/x-ndjson').header('cache-control', 'no-store')
        return reply.send(Readable.from(textLines(answer.lines), { objectMode: false }))
      },
    })
  }
}

function tooManyStreams(): HsError {
  return new HsError('HS_UNREACHABLE', `${STREAMS_MAX} streams are open already`, {
    fix: 'End one of them and run the command again.',
  })
}

async function* textLines(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines)
    yield line === null ? '\n' : `${JSON.stringify(line, bytesAsHex)}\n`
}

function send(reply: FastifyReply, answer: Exclude<HttpAnswer, { kind: 'lines' }>): FastifyReply {
  reply.code(answer.status ?? 200).header('cache-control', 'no-store')
  if (answer.kind === 'text') return reply.type(answer.contentType).send(answer.body)
  reply.headers(answer.headers ?? {})
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer.body, bytesAsHex))
}

/** For JSON.stringify: bytes become hexadecimal text. */
function bytesAsHex(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has turned itself into an object before it comes here; the holder still has the bytes.
  const raw: unknown =
    typeof this === 'object' && this !== null ? Reflect.get(this, key) : undefined
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('hex') : value
}

function asked(request: FastifyRequest, signal: AbortSignal): HttpRequest {
  return {
    params: texts(request.params),
    query: texts(request.query),
    body: request.body ?? null,
    signal,
  }
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null)
  if (typeof value !== 'object' || value === null) return found
  for (const [name, field] of Object.entries(value)) {
    const first: unknown = Array.isArray(field) ? field[0] : field
    if (typeof first === 'string') found[name] = first
  }
  return found
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function checkToken(request: FastifyRequest, wanted: Buffer): void {
  const given = request.headers.authorization
  // Digests have one length, so the comparison tells nothing about the token, not even its length.
  if (given !== undefined && timingSafeEqual(digest(given), wanted)) return
  const found = given === undefined ? 'there is no token' : 'the token is not that of this run'
  throw new HsError('HS_UNAUTHORIZED', found)
}

function checkHost(request: FastifyRequest): void {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '')
  if (['127.0.0.1', 'localhost', '[::1]'].includes(name)) return
  throw new HsError('HS_UNAUTHORIZED', 'the Host header does not name this machine', {
    fix: 'Address the endpoint as http://127.0.0.1:PORT.',
  })
}

function asFailure(error: unknown, onDefect: ((error: unknown) => void) | undefined): HsError {
  if (error instanceof HsError) return error
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500
  if (status < 500 && error instanceof Error)
    return new HsError('HS_USAGE', error.message, {
      fix: `Send JSON of at most ${BODY_BYTES_MAX} bytes.`,
    })
  onDefect?.(error)
  return new HsError('HS_INTERNAL', 'the request could not be answered', { cause: error })
}

function sendFailure(reply: FastifyReply, error: HsError): void {
  const { code, message, fix } = error
  void reply
    .code(STATUS[code] ?? 500)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error: { code, message, fix } }))
}
