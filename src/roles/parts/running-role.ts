// A role as a process of its own: an address, a way to end it, and the error after which it can
// only be started again.
import { randomBytes } from 'node:crypto'
import { healthRoutes } from '../../adapters/http/health-routes.ts'
import { startHttpServer } from '../../adapters/http/server.ts'
import type { HttpRoute, HttpServer } from '../../adapters/http/server.ts'
import type { HsError } from '../../contracts/failure.ts'

export interface RunningRole {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Resolves when nothing can be done any more; never, as long as all is well. */
  readonly fatal: Promise<HsError>
  /** Ends it in the order of use; at most 5 s, whatever the log does. */
  stop(): Promise<void>
}

/** A promise and its resolver, for `fatal`. */
export function fatalSwitch(): {
  readonly fatal: Promise<HsError>
  readonly fail: (error: HsError) => void
} {
  let fail: (error: HsError) => void = () => undefined
  const fatal = new Promise<HsError>((resolve) => {
    fail = resolve
  })
  return { fatal, fail }
}

export interface EndpointOptions {
  /** 0 = a free one. */
  readonly port: number
  readonly notReady: () => readonly string[]
  readonly metrics: () => Promise<string>
  /** Beside /livez, /readyz and /metrics. */
  readonly routes?: readonly HttpRoute[]
  /** For `routes`; default: one that nobody knows. */
  readonly token?: string
}

/** Errors: HS_PORT_IN_USE, HS_CONFIG. */
export function startEndpoint(options: EndpointOptions): Promise<HttpServer> {
  const { port, notReady, metrics, routes = [] } = options
  const token = options.token ?? randomBytes(32).toString('base64url')
  return startHttpServer({
    port,
    token,
    routes: [...healthRoutes({ notReady, metrics }), ...routes],
  })
}
