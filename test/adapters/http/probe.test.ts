// Tries against real servers that are well, wrong, slow, rude or not there (S0-02, S0-32).
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { networkProbe, reached, reasonOf } from '../../../src/adapters/http/probe.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

const probe = networkProbe(systemClock)
const TIMEOUT_MS = 200
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  )
  return (server.address() as AddressInfo).port
}

const answering = (status: number, body: string = 'ok'): Promise<number> =>
  listening(createHttp((_, response) => response.writeHead(status).end(body)))

const speaking = (act: (socket: Socket) => void): Promise<number> =>
  listening(
    createServer((socket) => {
      socket.on('error', () => undefined)
      act(socket)
    }),
  )

async function refusing(): Promise<number> {
  const port = await answering(200)
  await ends.pop()?.()
  return port
}

const at = (port: number, protocol: 'http' | 'tcp' = 'http') =>
  ({ protocol, host: '127.0.0.1', port, path: '/health' }) as const

describe('http', () => {
  test('200 is well', async () => {
    const { reason, status, latencyUs } = await probe(at(await answering(200)), TIMEOUT_MS)
    expect([reason, status]).toEqual(['ok', 200])
    expect(latencyUs).toBeGreaterThan(0)
  })

  test.each([204, 301, 302, 404, 500, 503])('%i is a bad status', async (status) => {
    const outcome = await probe(at(await answering(status)), TIMEOUT_MS)
    expect(outcome).toMatchObject({ reason: 'bad_status', status })
  })

  test.each<[string, (socket: Socket) => void, string]>([
    ['a hang', () => undefined, 'timeout'],
    ['an answer without end', (s) => s.write('HTTP/1.1 200 OK\r\n\r\nx'), 'timeout'],
    ['a reset', (s) => s.once('data', () => s.resetAndDestroy()), 'reset'],
    ['a hang-up', (s) => s.once('data', () => s.destroy()), 'reset'],
    ['garbage', (s) => s.end('garbage\r\n\r\n'), 'bad_answer'],
    [
      'a status below 200 for good',
      (s) => s.once('data', () => s.end('HTTP/1.1 199 Odd\r\n\r\n')),
      'reset',
    ],
    [
      'an answer cut short',
      (s) => s.once('data', () => s.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')),
      'reset',
    ],
  ])('%s', async (_, act, reason) => {
    const startedMs = performance.now()
    expect((await probe(at(await speaking(act)), TIMEOUT_MS)).reason).toBe(reason)
    expect(performance.now() - startedMs).toBeLessThan(TIMEOUT_MS + 300)
  })

  test('refused', async () => {
    expect((await probe(at(await refusing()), TIMEOUT_MS)).reason).toBe('refused')
  })

  test('a body without end is cut off', async () => {
    const port = await listening(
      createHttp((_, response) => {
        response.writeHead(200)
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(16_384)));
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      }),
    )
    expect((await probe(at(port), 2_000)).reason).toBe('ok')
  })

  test('a target that makes no request is an answer too, not an exception', async () => {
    const target = { ...at(1), path: '/he alth\n' }
    expect((await probe(target, TIMEOUT_MS)).reason).toBe('unavailable')
  })
})

describe('tcp', () => {
  test('a try that reaches itself is refused', async () => {
    // On loopback a client that is given its target's number for its own end connects to itself; a
    // dead instance then seemed to answer.
    const port = await refusing()
    const socket = connect({ host: '127.0.0.1', port, localPort: port })
    await once(socket, 'connect')
    expect(socket.localPort).toBe(socket.remotePort)
    expect(reached(socket, port)).toBe('refused')
    // The same number on another machine is somebody else.
    const ends = { localPort: port, localAddress: '10.0.0.1', remoteAddress: '10.0.0.2' }
    expect(reached(ends, port)).toBe('ok')
    socket.destroy()
  })

  test('an open port is well, a closed one is refused', async () => {
    expect((await probe(at(await answering(500), 'tcp'), TIMEOUT_MS)).reason).toBe('ok')
    expect((await probe(at(await refusing(), 'tcp'), TIMEOUT_MS)).reason).toBe('refused')
  })
})

test('what the prober lacks is not the fault of the instance', () => {
  const reason = (code: string): string => reasonOf(Object.assign(new Error(), { code }))
  expect(['EMFILE', 'ENOMEM', 'EADDRNOTAVAIL'].map(reason)).toEqual(
    Array.from({ length: 3 }, () => 'unavailable'),
  )
  expect(reason('EHOSTUNREACH')).toBe('unreachable')
  expect(reasonOf('thrown')).toBe('unreachable')
})
