// What every role answers without a token: is the process alive, is it ready to serve, what do its
// metrics say.
import type { HttpRoute } from './server.ts'

export interface HealthFaces {
  /**
   * Empty = ready; else one sentence per part that is not. Liveness is not readiness: it needs only
   * this process.
   */
  readonly notReady: () => readonly string[]
  /** Prometheus text format. */
  readonly metrics: () => Promise<string> | string
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'

/** Liveness by the names that services, control planes and Kubernetes have for it (C-04). */
const LIVE_PATHS = ['/health', '/healthz', '/livez']

/** `/health`, `/healthz` and `/livez`, which are one; `/readyz`, `/metrics`. */
export function healthRoutes(faces: HealthFaces): readonly HttpRoute[] {
  return [
    ...LIVE_PATHS.map(
      (path): HttpRoute => ({
        method: 'GET',
        path,
        open: true,
        handle: () => ({ kind: 'json', body: { live: true } }),
      }),
    ),
    {
      method: 'GET',
      path: '/readyz',
      open: true,
      handle: () => {
        const waiting = faces.notReady()
        const ready = waiting.length === 0
        return { kind: 'json', status: ready ? 200 : 503, body: { ready, waiting } }
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      open: true,
      handle: async () => ({
        kind: 'text',
        contentType: PROMETHEUS,
        body: await faces.metrics(),
      }),
    },
  ]
}
