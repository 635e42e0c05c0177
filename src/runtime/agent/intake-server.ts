// The agent's door for its services: loopback TCP, a token before anything else. What a connection
// does wrong closes that connection, with a reason, and touches no other.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { HsError } from '../../contracts/failure.ts'
import {
  type ConfigLine,
  type CountsLine,
  decodeHello,
  decodeTold,
  encodeReply,
  type Hello,
  LineCutter,
  type MetricsLine,
  TAKES,
} from './intake-protocol.ts'

const HOST = '127.0.0.1'
const HELLO_TIMEOUT_MS = 2_000
const CONNECTIONS_MAX = 1_024

export interface IntakeOptions {
  readonly token: string
  /** 0 = any free port. */
  readonly port: number
  /** Whether this agent serves the instance. */
  readonly serves: (service: string, instance: string) => boolean
  readonly onCounts: (from: Hello, counts: CountsLine) => void
  readonly onMetrics: (from: Hello, metrics: MetricsLine) => void
  readonly onConfig: (from: Hello, config: ConfigLine) => void
  /** A connection that had said hello is gone and no newer one of the instance has come. */
  readonly onLost: (from: Hello) => void
  readonly onRefused: (reason: string) => void
  /** A listener above threw: a defect of the agent, not of the service. */
  readonly onFailure: (error: unknown) => void
}

interface Session {
  readonly socket: Socket
  readonly lines: LineCutter
  hello: Hello | null
  /** Its process was ended by our own hand: what it still says does not count. */
  retired: boolean
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const keyOf = (service: string, instance: string): string => JSON.stringify([service, instance])

export class IntakeServer {
  readonly #options: IntakeOptions
  readonly #server: Server
  readonly #token: Buffer
  readonly #sessions = new Set<Session>()
  readonly #byInstance = new Map<string, Session>()

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#token = digest(options.token)
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** Errors: HS_PORT_IN_USE. */
  listen(): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const message = `the intake cannot listen on port ${this.#options.port}: ${cause.message}`
        reject(new HsError('HS_PORT_IN_USE', message, { cause }))
      })
      this.#server.listen({ host: HOST, port: this.#options.port }, () => {
        this.#server.on('error', this.#options.onFailure)
        const address = this.#server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        resolve({ host: HOST, port })
      })
    })
  }

  /** Process of the instance as it said itself, or null while it is not connected. */
  pid(service: string, instance: string): number | null {
    return this.#byInstance.get(keyOf(service, instance))?.hello?.pid ?? null
  }

  /** From now on only a new connection of the instance counts. */
  retire(service: string, instance: string): void {
    const session = this.#byInstance.get(keyOf(service, instance))
    if (session !== undefined) session.retired = true
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.socket.destroy()
    await closed
  }

  #accept(socket: Socket): void {
    const session: Session = { socket, lines: new LineCutter(), hello: null, retired: false }
    this.#sessions.add(session)
    socket.setTimeout(HELLO_TIMEOUT_MS, () => this.#refuse(session, 'no hello came in time'))
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => this.#read(session, chunk))
    socket.on('close', () => this.#guarded(() => this.#gone(session)))
  }

  #read(session: Session, chunk: Buffer): void {
    if (!this.#sessions.has(session)) return
    try {
      for (const line of session.lines.push(chunk)) {
        if (!this.#sessions.has(session)) return
        if (session.hello === null) this.#greet(session, decodeHello(line))
        else if (!session.retired) {
          const told = decodeTold(line)
          const { hello } = session
          this.#guarded(() => {
            if (told.t === 'counts') this.#options.onCounts(hello, told)
            else if (told.t === 'metrics') this.#options.onMetrics(hello, told)
            else this.#options.onConfig(hello, told)
          })
        }
      }
    } catch (error) {
      this.#refuse(session, `the line is refused: ${error instanceof Error ? error.message : ''}`)
    }
  }

  #greet(session: Session, hello: Hello): void {
    if (!timingSafeEqual(digest(hello.token), this.#token))
      return this.#refuse(session, 'the token is not the one of this agent')
    if (!this.#options.serves(hello.service, hello.instance))
      return this.#refuse(session, 'this agent does not serve that instance')
    session.hello = hello
    session.socket.setTimeout(0)
    const key = keyOf(hello.service, hello.instance)
    const older = this.#byInstance.get(key)
    this.#byInstance.set(key, session)
    if (older !== undefined) this.#refuse(older, 'a newer connection of the instance has come')
    session.socket.write(encodeReply({ t: 'ok', takes: TAKES }))
  }

  #refuse(session: Session, reason: string): void {
    this.#sessions.delete(session)
    this.#options.onRefused(reason)
    session.socket.end(encodeReply({ t: 'no', reason }))
    session.socket.destroySoon()
  }

  #gone(session: Session): void {
    this.#sessions.delete(session)
    const { hello } = session
    if (hello === null) return
    const key = keyOf(hello.service, hello.instance)
    if (this.#byInstance.get(key) !== session) return
    this.#byInstance.delete(key)
    if (!session.retired) this.#options.onLost(hello)
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#options.onFailure(error)
    }
  }
}
