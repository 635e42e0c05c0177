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
  /** Beside /livez, /readyz, /metrics and their other names. */
  readonly routes?: readonly HttpRoute[]
  /** For `routes`; default: one that nobody knows. */
  readonly token?: string
}

/**
 * While brokers are waited for: the process lives, is not ready, and says why. Nothing where the
 * port is any (0), which nobody could ask. Errors: HS_PORT_IN_USE, HS_CONFIG.
 */
export async function whileWaiting<T>(port: number, work: () => Promise<T>): Promise<T> {
  if (port === 0) return work()
  const notReady = (): readonly string[] => ['brokers: nothing is known of the cluster yet']
  const server = await startEndpoint({ port, notReady, metrics: () => Promise.resolve('') })
  try {
    return await work()
  } finally {
    await server.close()
  }
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
