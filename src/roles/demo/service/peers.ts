// Calls to another service of the demo: instances in turn, a short limit for each, and the next
// instance when one does not answer well. So a caller stays well while one instance behind it is
// broken.
import { Agent, get } from 'node:http'

export interface Peer {
  readonly host: string
  readonly port: number
}

/** Of one try. */
export const PEER_TIMEOUT_MS = 250
const TRIES_MAX = 3
const BODY_CHARS_MAX = 65_536
const STATUS_OK = 200

/** `host:port,host:port`. Errors: RangeError. */
export function parsePeers(text: string): readonly Peer[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [host = '', port = ''] = part.split(':')
      const number = Number(port)
      if (host === '' || !Number.isInteger(number) || number < 1 || number > 65_535)
        throw new RangeError(`${JSON.stringify(part)} is not host:port`)
      return { host, port: number }
    })
}

export class PeerCaller {
  readonly #peers: readonly Peer[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  #next = 0

  constructor(peers: readonly Peer[]) {
    this.#peers = peers
  }

  /** Body of the first good answer. Errors: the last try's, when none was good. */
  async call(path: string): Promise<string> {
    let failure: unknown = new Error('there is nobody to ask')
    for (let i = 0; i < Math.min(TRIES_MAX, this.#peers.length); i++) {
      const peer = this.#peers[this.#next++ % this.#peers.length]
      if (peer === undefined) break
      try {
        return await this.#ask(peer, path)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask({ host, port }: Peer, path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(PEER_TIMEOUT_MS)
      const request = get({ host, port, path, agent: this.#agent, signal }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
          if (body.length > BODY_CHARS_MAX) request.destroy(new Error('the answer is too long'))
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === STATUS_OK) resolve(body)
          else reject(new Error(`status ${response.statusCode ?? 0}`))
        })
      })
      request.on('error', reject)
    })
  }
}
