// The cluster over real sockets: a bootstrap list with dead entries, brokers that are replaced,
// coordinators, and the end of it.
import { afterEach, describe, expect, it } from 'vitest'
import { createCluster } from '../../../src/adapters/kafka/cluster.ts'
import { addressText } from '../../../src/adapters/kafka/options.ts'
import { ByteReader, ByteWriter } from '../../../src/adapters/kafka/requests/bytes.ts'
import type { Cluster } from '../../../src/adapters/kafka/wire.ts'
import { HsError } from '../../../src/contracts/failure.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { type Asked, deadPort, echo, type Peer, startPeer } from './peer.ts'

const LIMITS = { timeoutMs: 2_000 }
const METADATA = 3
const FIND_COORDINATOR = 10
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** Metadata without topics: the brokers, with their place as node. */
function metadata(brokers: readonly Peer[]): Buffer {
  const body = new ByteWriter().int32(0)
  return body
    .array([...brokers.entries()], ([node, { address }]) => {
      body.int32(node).string(address.host).int32(address.port).string(null)
    })
    .string('the-cluster')
    .int32(0)
    .array([], () => undefined)
    .finish()
}

function coordinator(error: number, node: number, peer: Peer | undefined): Buffer {
  const { host, port } = peer?.address ?? { host: '', port: -1 }
  const body = new ByteWriter().int32(0).int16(error).string(null)
  return body.int32(node).string(host).int32(port).finish()
}

/** `find` answers FindCoordinator. */
async function brokers(count: number, find?: (asked: Asked) => Buffer | null): Promise<Peer[]> {
  const peers: Peer[] = []
  for (let i = 0; i < count; i++) {
    const peer = await startPeer({
      respond: (asked) => {
        if (asked.apiKey === METADATA) return metadata(peers)
        return asked.apiKey === FIND_COORDINATOR && find ? find(asked) : asked.rest
      },
    })
    peers.push(peer)
    ends.push(() => peer.close())
  }
  return peers
}

function clusterOf(addresses: readonly string[]): Cluster {
  const cluster = createCluster({ brokers: addresses, clock: systemClock })
  ends.unshift(() => cluster.close())
  return cluster
}

const names = (peers: readonly Peer[]) => peers.map(({ address }) => addressText(address))
const countOf = (peers: readonly Peer[], key: number) =>
  peers.flatMap(({ asked }) => asked).filter(({ apiKey }) => apiKey === key).length

describe('a cluster', () => {
  it('is found by any of the addresses, and its nodes by each other', async () => {
    const peers = await brokers(3)
    const cluster = clusterOf([`127.0.0.1:${await deadPort()}`, ...names(peers).slice(2)])
    expect(await cluster.clusterId(LIMITS)).toBe('the-cluster')
    const lane = cluster.lane()
    ends.unshift(() => lane.close())
    for (const node of [0, 1, 2]) expect(await lane.send(node, echo('x'), LIMITS)).toBe('x')
    expect(peers.map(({ asked }) => asked.some(({ apiKey }) => apiKey === 50))).toEqual([
      true,
      true,
      true,
    ])
  })

  it('is found again by the addresses of the start when all that it told of are gone', async () => {
    const [old] = await brokers(1)
    const [front] = await brokers(1)
    if (old === undefined || front === undefined) throw new Error('no broker')
    const cluster = clusterOf(names([old, front]))
    await cluster.clusterId(LIMITS)
    await (countOf([old], METADATA) > 0 ? old : front).close()
    cluster.forgetController()
    expect(await cluster.controller(LIMITS)).toBe(0)
  })

  it('cannot be made of what is no address', () => {
    for (const brokersTold of [[], ['no-port'], ['h:0'], ['h:70000'], ['a b:1'], ['http://h:1']])
      expect(() => createCluster({ brokers: brokersTold, clock: systemClock })).toThrow(HsError)
  })

  it('ends at once', async () => {
    const deaf = await startPeer({ onConnect: () => undefined })
    ends.push(() => deaf.close())
    const cluster = clusterOf(names([deaf]))
    const asked = cluster.clusterId({ timeoutMs: 30_000 })
    const caught = expect(asked).rejects.toMatchObject({ code: 'CLOSED' })
    await systemClock.sleep(20)
    const startMs = systemClock.monotonicMs()
    cluster.close()
    await caught
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(100)
  })
})

describe('coordinators', () => {
  it('are asked for once per key, and again when forgotten', async () => {
    const told: [string, number][] = []
    const peers = await brokers(2, ({ rest }) => {
      const body = new ByteReader(rest)
      told.push([body.string(), body.int8()])
      return coordinator(0, 1, peers[1])
    })
    const cluster = clusterOf(names(peers))
    const ask = (kind: 'group' | 'transaction', key: string) =>
      cluster.coordinator(kind, key, LIMITS)
    expect(
      await Promise.all([ask('group', 'k'), ask('group', 'k'), ask('transaction', 'k')]),
    ).toEqual([1, 1, 1])
    expect(told.sort()).toEqual([
      ['k', 0],
      ['k', 1],
    ])
    cluster.forgetCoordinator('group', 'k')
    expect(await ask('group', 'k')).toBe(1)
    expect(await ask('transaction', 'k')).toBe(1)
    expect(told).toHaveLength(3)
  })

  it('that are not there yet are told as that, and asked for at a bounded rate', async () => {
    const peers = await brokers(1, () => coordinator(15, -1, undefined))
    const cluster = clusterOf(names(peers))
    const endMs = systemClock.monotonicMs() + 500
    while (systemClock.monotonicMs() < endMs) {
      const found = await cluster.coordinator('group', 'k', LIMITS)
      expect(found).toBe('COORDINATOR_NOT_AVAILABLE')
    }
    expect(countOf(peers, FIND_COORDINATOR)).toBeGreaterThan(3)
    expect(countOf(peers, FIND_COORDINATOR)).toBeLessThan(15)
  })
})
