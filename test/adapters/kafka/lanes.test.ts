// The connections of a client when brokers refuse, reset, vanish and come back.
import { afterEach, describe, expect, it } from 'vitest'
import { type Dialing, type Directory, KafkaLane } from '../../../src/adapters/kafka/lanes.ts'
import type { Address } from '../../../src/adapters/kafka/options.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { deadPort, echo, type Peer, type PeerOptions, startPeer } from './peer.ts'

const LIMITS = { timeoutMs: 2_000 }
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function peerOf(options: PeerOptions = {}): Promise<Peer> {
  const peer = await startPeer(options)
  ends.push(() => peer.close())
  return peer
}

/** Node n is the n-th address. */
function laneTo(addresses: readonly Address[], options: Partial<Dialing> = {}): KafkaLane {
  const directory: Directory = {
    addresses: () => addresses,
    addressOf: async (node) => {
      const address = addresses[node]
      if (address === undefined) throw new LogError('UNAVAILABLE', `no node ${node}`)
      return address
    },
  }
  const dialing = { clientId: 'test', connectTimeoutMs: 1_000, tls: null, sasl: null }
  const lane = new KafkaLane(directory, { ...dialing, clock: systemClock, ...options })
  ends.unshift(() => lane.close())
  return lane
}

const dead = async (): Promise<Address> => ({ host: '127.0.0.1', port: await deadPort() })
const unavailable = expect.objectContaining({ code: 'UNAVAILABLE' })

describe('a lane', () => {
  it('opens one connection per node, however many ask at once', async () => {
    const peers = [await peerOf(), await peerOf()]
    const lane = laneTo(peers.map(({ address }) => address))
    const sent = Array.from({ length: 40 }, (_, i) => lane.send(i % 2, echo(`${i}`), LIMITS))
    expect(await Promise.all(sent)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`))
    expect(peers.map(({ connectedMs }) => connectedMs.length)).toEqual([1, 1])
  })

  it('opens another after one that was given up', async () => {
    let isSilent = true
    const peer = await peerOf({ respond: ({ rest }) => (isSilent ? null : rest) })
    const lane = laneTo([peer.address])
    await expect(lane.send(0, echo('x'), { timeoutMs: 50 })).rejects.toEqual(unavailable)
    isSilent = false
    expect(await lane.send(0, echo('y'), LIMITS)).toBe('y')
    expect(peer.connectedMs).toHaveLength(2)
  })

  // A broker that accepts and resets at once (out of memory, behind a proxy without backend) and a
  // client that connects again at once make thousands of connections a second.
  it.each([
    ['when accepted', { onConnect: (socket) => socket.resetAndDestroy() }],
    [
      'at the first request',
      {
        respond: ({ socket }) => {
          socket.resetAndDestroy()
          return null
        },
      },
    ],
  ] satisfies [string, PeerOptions][])(
    'asks a peer that resets %s at a bounded rate',
    async (_, options) => {
      const peer = await peerOf(options)
      const lane = laneTo([peer.address])
      const endMs = systemClock.monotonicMs() + 1_500
      let failed = 0
      const askForEver = async (): Promise<void> => {
        while (systemClock.monotonicMs() < endMs) {
          await lane.send(0, echo('x'), { timeoutMs: 400 }).catch(() => failed++)
        }
      }
      await Promise.all([askForEver(), askForEver(), askForEver()])
      expect(failed).toBeGreaterThan(5)
      // 20, 40, 80, 160 ms, then every 250 ms or so.
      expect(peer.connectedMs.length).toBeGreaterThan(4)
      expect(peer.connectedMs.length).toBeLessThan(20)
    },
  )

  it('comes back within a second when the broker does', async () => {
    const address = await dead()
    const lane = laneTo([address])
    for (let i = 0; i < 6; i++)
      await expect(lane.send(0, echo('x'), { timeoutMs: 300 })).rejects.toEqual(unavailable)
    const peer = await startPeer({ port: address.port })
    ends.push(() => peer.close())
    const startMs = systemClock.monotonicMs()
    expect(await lane.send(0, echo('back'), LIMITS)).toBe('back')
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000)
  })

  it('has no more patience than its caller', async () => {
    const peer = await peerOf({ onConnect: () => undefined })
    const lane = laneTo([peer.address], { connectTimeoutMs: 5_000 })
    const startMs = systemClock.monotonicMs()
    await expect(lane.send(0, echo('x'), { timeoutMs: 80 })).rejects.toEqual(unavailable)
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(500)
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 30)
    const aborted = lane.send(0, echo('x'), { timeoutMs: 5_000, signal: stop.signal })
    await expect(aborted).rejects.toThrow('enough')
  })

  // CT-18: what is under way would else be waited for.
  it('closes within 100 ms, whatever is under way', async () => {
    const silent = await peerOf({ respond: () => null })
    const deaf = await peerOf({ onConnect: () => undefined })
    const gone = await dead()
    const lane = laneTo([silent.address, deaf.address, gone])
    await lane.send(2, echo('x'), { timeoutMs: 100 }).catch(() => undefined)
    const limits = { timeoutMs: 60_000 }
    const all = Promise.allSettled([0, 1, 2].map((node) => lane.send(node, echo('x'), limits)))
    await systemClock.sleep(5)
    const startMs = systemClock.monotonicMs()
    lane.close()
    const outcomes = await all
    // On a machine that does much else it may take longer, but nothing is waited for.
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000)
    const closed = { status: 'rejected', reason: expect.objectContaining({ code: 'CLOSED' }) }
    expect([outcomes[0], outcomes[1]]).toEqual([closed, closed])
    expect(outcomes[2]?.status).toBe('rejected')
    await expect(lane.send(0, echo('x'), LIMITS)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(lane.sendAny(echo('x'), LIMITS)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('any node', () => {
  it('is the one that answers', async () => {
    const deaf = await peerOf({ onConnect: () => undefined })
    const live = await peerOf()
    const lane = laneTo([await dead(), deaf.address, live.address, await dead()])
    for (let i = 0; i < 5; i++) expect(await lane.sendAny(echo('x'), LIMITS)).toBe('x')
    expect(live.connectedMs).toHaveLength(1)
  })

  it('is none: says why, in time', async () => {
    const lane = laneTo([await dead(), await dead()])
    const startMs = systemClock.monotonicMs()
    await expect(lane.sendAny(echo('x'), { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000)
  })
})
