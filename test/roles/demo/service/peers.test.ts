// Calling on: a broken instance behind does not make the caller fail.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  parsePeers,
  PEER_TIMEOUT_MS,
  PeerCaller,
} from '../../../../src/roles/demo/service/peers.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function peer(answer: 'ok' | 'fails' | 'hangs', name: string) {
  const server: Server = createServer((_, response) => {
    if (answer === 'ok') response.end(name)
    else if (answer === 'fails') response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

function caller(peers: ConstructorParameters<typeof PeerCaller>[0]): PeerCaller {
  const own = new PeerCaller(peers)
  ends.push(() => own.close())
  return own
}

const gone = { host: '127.0.0.1', port: 1 }

describe('calls', () => {
  test('go round', async () => {
    const own = caller([await peer('ok', 'a'), await peer('ok', 'b')])
    expect([await own.call('/'), await own.call('/'), await own.call('/')]).toEqual(['a', 'b', 'a'])
  })

  test.each(['fails', 'hangs', 'gone'] as const)('pass over one that %s', async (kind) => {
    const bad = kind === 'gone' ? gone : await peer(kind, '')
    const own = caller([bad, await peer('ok', 'a'), await peer('ok', 'b')])
    const startedMs = performance.now()
    for (let i = 0; i < 6; i++) expect(['a', 'b']).toContain(await own.call('/'))
    const tries = kind === 'hangs' ? 3 : 0
    expect(performance.now() - startedMs).toBeLessThan(tries * PEER_TIMEOUT_MS + 1_000)
  })

  test('fail when nobody answers well', async () => {
    await expect(caller([gone, await peer('fails', '')]).call('/')).rejects.toThrow('status 500')
    await expect(caller([]).call('/')).rejects.toThrow('there is nobody to ask')
  })
})

test('addresses are read strictly', () => {
  expect(parsePeers('a:1,b:2')).toEqual([
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ])
  expect(parsePeers('')).toEqual([])
  for (const bad of ['a', ':1', 'a:0', 'a:x', 'a:70000'])
    expect(() => parsePeers(bad)).toThrow('is not host:port')
})
