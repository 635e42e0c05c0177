// Customers of the demo: about 60 real HTTP requests a second to the instances of `shop` in turn. A
// refused connection goes to the next instance, as a load balancer's would.
import { Agent, get } from 'node:http'

export interface TrafficCounts {
  readonly sent: number
  readonly answered: number
  /** No good answer from any instance. */
  readonly failed: number
  /** Tries that went to another instance because one refused. */
  readonly turnedAway: number
}

export interface Traffic {
  counts(): TrafficCounts
  stop(): void
}

const HOST = '127.0.0.1'
const PERIOD_MS = 50
const PER_PERIOD = 3
const TIMEOUT_MS = 2_000
/** More open requests than this mean that everything hangs: no new ones until some have ended. */
const OPEN_MAX = 256
const STATUS_OK = 200

/** `ports` of the instances to call. */
export function startTraffic(ports: readonly number[]): Traffic {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  const counts = { sent: 0, answered: 0, failed: 0, turnedAway: 0 }
  let open = 0
  let next = 0
  const one = async (): Promise<void> => {
    open++
    counts.sent++
    const first = next++
    try {
      for (let i = 0; i < ports.length; i++) {
        const outcome = await call(agent, ports[(first + i) % ports.length] ?? 0)
        if (outcome === 'refused') {
          counts.turnedAway++
          continue
        }
        counts[outcome]++
        return
      }
      counts.failed++
    } finally {
      open--
    }
  }
  const timer = setInterval(() => {
    if (open >= OPEN_MAX) return
    for (let i = 0; i < PER_PERIOD; i++) void one()
  }, PERIOD_MS)
  return {
    counts: () => ({ ...counts }),
    stop: () => {
      clearInterval(timer)
      agent.destroy()
    },
  }
}

function call(agent: Agent, port: number): Promise<'answered' | 'failed' | 'refused'> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const request = get({ host: HOST, port, path: '/buy', agent, signal }, (answer) => {
      answer.resume()
      answer.on('error', () => resolve('failed'))
      answer.on('end', () => resolve(answer.statusCode === STATUS_OK ? 'answered' : 'failed'))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'failed')
    })
  })
}
