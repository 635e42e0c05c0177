// A receiver of webhooks on 127.0.0.1 that behaves as told: takes, answers 500, answers late, takes
// and loses its answer, refuses, redirects, or is not there at all.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Mood =
  | 'takes'
  | 'fails'
  | 'is slow'
  | 'loses its answer'
  | 'refuses'
  | 'redirects'
  | 'is busy'

interface ReceivedAlert {
  readonly alert_id: string
  readonly state?: string
  readonly title?: string
  readonly incident_id?: string | null
}

export interface Received {
  readonly key: string
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly body: { readonly alerts?: readonly ReceivedAlert[] } & Record<string, unknown>
}

export class Receiver {
  /** All that was taken, as often as it was sent. */
  readonly taken: Received[] = []
  /** Requests, whatever became of them. */
  asked = 0
  /** How the next request is met; the last one stays. */
  moods: Mood[] = ['takes']
  /** A body with any of these is refused, whatever the mood. */
  readonly poison = new Set<string>()
  slowMs = 400
  private server: Server | null = null
  private port = 0

  async start(): Promise<string> {
    const server = createServer((request, response) => {
      this.asked += 1
      const mood = (this.moods.length > 1 ? this.moods.shift() : this.moods[0]) ?? 'takes'
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        const take = (): void => {
          const { headers, url = '' } = request
          const key = String(headers['idempotency-key'] ?? '')
          this.taken.push({ key, headers, path: url, body: JSON.parse(text) })
        }
        const answer = (status: number, headers: Record<string, string> = {}): void => {
          response.writeHead(status, headers).end('{"why":"as told"}')
        }
        if ([...this.poison].some((word) => text.includes(word))) return answer(422)
        if (mood === 'fails') return answer(500)
        if (mood === 'refuses') return answer(400)
        if (mood === 'redirects') return answer(307, { location: `${this.url}/elsewhere` })
        if (mood === 'is busy') return answer(429, { 'retry-after': '0' })
        take()
        if (mood === 'takes') return answer(200)
        if (mood === 'loses its answer') return request.socket.destroy()
        setTimeout(() => answer(200), this.slowMs)
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = (server.address() as AddressInfo).port
    this.server = server
    return this.url
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Nobody listens any more; `start` comes back on the same port. */
  async stop(): Promise<void> {
    const { server } = this
    this.server = null
    server?.closeAllConnections()
    await new Promise<void>((resolve) => {
      if (server === null) resolve()
      else server.close(() => resolve())
    })
  }

  /** Ids of alerts in the order taken, as often as they were. */
  get ids(): readonly string[] {
    return this.taken.flatMap(({ body }) => (body.alerts ?? []).map((alert) => alert.alert_id))
  }

  /** As a receiver that honours keys has them. */
  get once(): readonly string[] {
    return [...new Set(this.ids)]
  }
}
