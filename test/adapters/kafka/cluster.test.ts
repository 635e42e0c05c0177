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

interface Told {
  readonly clusterId?: string
  /** Of t/0, or null for an answer without topics. */
  readonly leader?: number | null
}

/** The brokers, with their place as node. */
function metadata(brokers: readonly Peer[], told: Told = {}): Buffer {
  const { clusterId = 'the-cluster', leader = null } = told
  const body = new ByteWriter().int32(0)
  return body
    .array([...brokers.entries()], ([node, { address }]) => {
      body.int32(node).string(address.host).int32(address.port).string(null)
    })
    .string(clusterId)
    .int32(0)
    .array(leader === null ? [] : [leader], (node) => {
      body.int16(0).string('t').bool(false)
      body.array([node], () => {
        body.int16(0).int32(0).int32(node).int32(0)
        for (let i = 0; i < 3; i++) body.array([], () => undefined)
      })
    })
    .finish()
}

function coordinator(error: number, node: number, peer: Peer | undefined): Buffer {
  const { host, port } = peer?.address ?? { host: '', port: -1 }
  const body = new ByteWriter().int32(0).int16(error).string(null)
  return body.int32(node).string(host).int32(port).finish()
}

/** `find` answers FindCoordinator; `tell`: what a broker says of the cluster. */
async function brokers(
  count: number,
  find?: (asked: Asked, node: number) => Buffer | null,
  tell: (node: number) => Told = () => ({}),
): Promise<Peer[]> {
  const peers: Peer[] = []
  for (let i = 0; i < count; i++) {
    const peer = await startPeer({
      respond: (asked) => {
        if (asked.apiKey === METADATA) {
          // An answer is about what was asked for.
          const isBare = asked.rest.readInt32BE(0) === 0
          return metadata(peers, isBare ? { ...tell(i), leader: null } : tell(i))
        }
        return asked.apiKey === FIND_COORDINATOR && find ? find(asked, i) : asked.rest
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

  // A broker that lost sight of the controllers, but not of us, goes on telling what it knew. The
  // connection that was open was asked first, so it alone was asked, and no partition that had
  // moved was found again for as long as it lasted.
  it('is asked about elsewhere when a broker names a leader again that is none', async () => {
    const stale = (node: number): Told => ({ leader: node === 0 ? 2 : 1 })
    const peers = await brokers(3, undefined, stale)
    const cluster = clusterOf(names(peers).slice(0, 1))
    const at = { topic: 't', partition: 0 }
    expect(await cluster.leaders([at], LIMITS)).toEqual([2])
    cluster.forgetLeader(at)
    expect(await cluster.leaders([at], LIMITS)).toEqual([2])
    cluster.forgetLeader(at)
    expect(await cluster.leaders([at], LIMITS)).toEqual([1])
    // And who knew better is believed from now on.
    cluster.forgetLeader(at)
    expect(await cluster.leaders([at], LIMITS)).toEqual([1])
  })

  // An address that was given to a broker of another cluster: its topics have the same names.
  it('is never taken for another one', async () => {
    const [ours] = await brokers(1)
    const tell = (): Told => ({ clusterId: 'another', leader: 0 })
    const [theirs] = await brokers(1, undefined, tell)
    if (ours === undefined || theirs === undefined) throw new Error('no broker')
    const cluster = clusterOf(names([ours, theirs]))
    const id = await cluster.clusterId(LIMITS)
    await (id === 'the-cluster' ? ours : theirs).close()
    const leaders = cluster.leaders([{ topic: 't', partition: 0 }], { timeoutMs: 600 })
    await expect(leaders).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await cluster.clusterId(LIMITS)).toBe(id)
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
    const caught = asked.catch((error: unknown) => error)
    await systemClock.sleep(20)
    const startMs = systemClock.monotonicMs()
    cluster.close()
    expect(await caught).toMatchObject({ code: 'CLOSED' })
    expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000)
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

  it('that are none are asked for elsewhere', async () => {
    const find = (_: Asked, node: number): Buffer => coordinator(0, node === 0 ? 2 : 1, peers[1])
    const peers: Peer[] = await brokers(3, find)
    const cluster = clusterOf(names(peers).slice(0, 1))
    await cluster.clusterId(LIMITS)
    const nodes: unknown[] = []
    for (let i = 0; i < 4; i++) {
      nodes.push(await cluster.coordinator('group', 'k', LIMITS))
      cluster.forgetCoordinator('group', 'k')
    }
    expect(nodes).toEqual([2, 2, 1, 1])
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
