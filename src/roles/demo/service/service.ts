// The frame of a demo service: HTTP on loopback, health, the fault switch, and counts to the agent
// beside it.
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { IntakeClient } from '../../../runtime/agent/intake-client.ts'
import type { Clock } from '../../../runtime/ports.ts'
import { type Fault, faultNamed, workMs } from './fault.ts'

/** What a service answers to a request of its own. */
export interface Answer {
  readonly status: number
  readonly body: object
}

/** Answers a path of the service, or null when it has no such path. */
export type Handler = (path: string, work: () => Promise<void>) => Promise<Answer> | null

export interface DemoServiceOptions {
  readonly service: string
  readonly instance: string
  readonly port: number
  readonly handler: Handler
  readonly intake: Pick<IntakeClient, 'record'>
  /** Needed to switch a fault on. */
  readonly token: string
  readonly clock: Clock
}

const HOST = '127.0.0.1'
const NOT_FOUND: Answer = { status: 404, body: { error: 'no such path' } }

function isToken(given: string, wanted: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(wanted)
  return wanted !== '' && a.length === b.length && timingSafeEqual(a, b)
}

/** First segment and last of a path, as it is counted: `/stock/17` counts as `/stock`. */
function operationOf(method: string, path: string): string {
  return `${method} /${path.split('/')[1] ?? ''}`.slice(0, 64)
}

export class DemoService {
  readonly #options: DemoServiceOptions
  readonly #server: Server
  #fault: Fault = 'none'

  constructor(options: DemoServiceOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      void this.#respond(request, response)
    })
  }

  /** The port it listens on. Rejects when the port is taken. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: HOST, port: this.#options.port }, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { service, instance } = this.#options
    request.resume()
    // A request line that is no URL must not end the service.
    const answer = await this.#answer(request).catch(() => NOT_FOUND)
    const body = JSON.stringify({ service, instance, ...answer.body })
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(`${body}\n`)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${HOST}`)
    const method = request.method ?? 'GET'
    if (pathname === '/health') return { status: 200, body: { status: 'ok' } }
    if (pathname === '/fault' && method === 'POST') {
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
      return this.#switch(token, searchParams.get('kind') ?? '')
    }
    if (method !== 'GET') return NOT_FOUND
    return await this.#counted(operationOf(method, pathname), pathname)
  }

  #switch(token: string, kind: string): Answer {
    if (!isToken(token, this.#options.token))
      return { status: 401, body: { error: 'the token of the run is needed' } }
    const fault = faultNamed(kind)
    if (fault === null) return { status: 400, body: { error: 'kind is none, errors or slow' } }
    this.#fault = fault
    return { status: 200, body: { fault } }
  }

  async #counted(operation: string, path: string): Promise<Answer> {
    const { clock, handler, intake } = this.#options
    const startedMs = clock.monotonicMs()
    const work = (): Promise<void> => clock.sleep(workMs(this.#fault, Math.random()))
    const answer = await this.#guarded(() => handler(path, work))
    if (answer === NOT_FOUND) return answer
    const latencyUs = Math.round((clock.monotonicMs() - startedMs) * 1000)
    intake.record({ operation, ok: answer.status < 500, latencyUs })
    return answer
  }

  async #guarded(handle: () => Promise<Answer> | null): Promise<Answer> {
    try {
      const answer = handle()
      if (answer === null) return NOT_FOUND
      const done = await answer
      return this.#fault === 'errors' ? { status: 500, body: { error: 'broken on purpose' } } : done
    } catch {
      return { status: 503, body: { error: 'a service behind this one does not answer' } }
    }
  }
}
