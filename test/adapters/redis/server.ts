// A real Redis for the tests of views, and what is done to it. Without the program these tests are
// skipped, but never in CI.
import { createConnection } from 'node:net'
import { REDIS, REDIS_PROGRAMS } from '../../../scripts/lib/servers/redis.mjs'
import { startEphemeralService } from '../../../scripts/lib/servers/ephemeral.mjs'
import { firstOnPath } from '../../../scripts/lib/servers/packages.mjs'

export const hasRedis: boolean = firstOnPath(REDIS_PROGRAMS) !== null
export const mustRun: boolean = hasRedis || process.env['CI'] !== undefined

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Sends one command and waits for its answer, which it returns raw. */
  say(...words: readonly string[]): Promise<string>
  stop(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const { port, stop } = await startEphemeralService(REDIS, () => undefined)
  return { port, url: `redis://127.0.0.1:${port}`, say: (...words) => say(port, words), stop }
}

function say(port: number, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer to ${words[0]}`)))
    socket.once('error', reject)
    socket.once('data', (chunk) => {
      resolve(chunk.toString('utf8').trim())
      socket.destroy()
    })
    const bulk = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    socket.write(`*${words.length}\r\n${bulk.join('')}`)
  })
}
