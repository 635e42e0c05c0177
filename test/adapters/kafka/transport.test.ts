// Requests to one node: the coordinator, any broker, the leader that was named.
import { describe, expect, it } from 'vitest'
import { createTransport } from '../../../src/adapters/kafka/transport.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import { answer } from './requests/kafkajs-codec.ts'
import { ScriptedCluster, silent } from './scripted-cluster.ts'

const LIMITS = { timeoutMs: 1_000 }
const IDENTITY = { producerId: 7, producerEpoch: 1 }

function coded(error: number): Buffer {
  return answer().writeInt32(0).writeInt16(error).buffer
}

describe('coordinators', () => {
  const ending = { ...IDENTITY, transactionalId: 'hs.0', commit: true }

  it.each([
    [16, 'NOT_COORDINATOR', ['transaction hs.0']],
    [15, 'COORDINATOR_NOT_AVAILABLE', ['transaction hs.0']],
    [14, 'COORDINATOR_LOAD_IN_PROGRESS', []],
    [51, 'CONCURRENT_TRANSACTIONS', []],
  ])('answer %i', async (code, error, forgotten) => {
    const cluster = new ScriptedCluster(() => coded(code))
    const transport = createTransport(cluster.reach())
    expect(await transport('endTxn', ending, LIMITS)).toEqual({ error })
    expect(cluster.forgotten).toEqual(forgotten)
  })

  it('one that does not answer is looked for again, and the request has no answer', async () => {
    const cluster = new ScriptedCluster(silent)
    const transport = createTransport(cluster.reach())
    await expect(transport('endTxn', ending, LIMITS)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(cluster.forgotten).toEqual(['transaction hs.0'])
  })

  it('where there is none, its absence is the answer', async () => {
    const cluster = new ScriptedCluster(silent)
    cluster.coordinatorNode = 'COORDINATOR_NOT_AVAILABLE'
    const transport = createTransport(cluster.reach())
    const taking = { transactionalId: 'hs.0', timeoutMs: 5_000, current: null }
    expect(await transport('initProducerId', taking, LIMITS)).toEqual({
      error: 'COORDINATOR_NOT_AVAILABLE',
      producerId: -1,
      producerEpoch: -1,
    })
    expect(cluster.sent).toEqual([])
  })

  it('without a transactional id any broker gives a producer id', async () => {
    const cluster = new ScriptedCluster(
      () =>
        answer().writeInt32(0).writeInt16(0).writeInt64(99).writeInt16(0).writeUVarInt(0).buffer,
    )
    cluster.coordinatorNode = 'COORDINATOR_NOT_AVAILABLE'
    const transport = createTransport(cluster.reach())
    const asking = { transactionalId: null, timeoutMs: 1, current: null }
    expect(await transport('initProducerId', asking, LIMITS)).toEqual({
      error: 'NONE',
      producerId: 99,
      producerEpoch: 0,
    })
  })

  // A member that left while it waited in a round stayed in the group until its session ran out:
  // its LeaveGroup lay behind the JoinGroup on one connection, unread.
  it('a member leaves over a connection of its own, closed after', async () => {
    const cluster = new ScriptedCluster(({ apiName }) =>
      apiName === 'JoinGroup'
        ? new Promise<Buffer>(() => {})
        : answer().writeInt32(0).writeInt16(0).writeInt32(0).buffer,
    )
    const transport = createTransport(cluster.reach())
    const joining = {
      group: 'g',
      memberId: 'm',
      metadata: Buffer.from('about me'),
      sessionTimeoutMs: 500,
      rebalanceTimeoutMs: 500,
    }
    transport('joinGroup', joining, LIMITS).catch(() => {})
    const leaving = { group: 'g', memberId: 'm' }
    expect(await transport('leaveGroup', leaving, LIMITS)).toEqual({ error: 'NONE' })
    const left = cluster.sent.find(({ apiName }) => apiName === 'LeaveGroup')
    expect(left?.lane).not.toBe(0)
    expect(cluster.closedLanes).toEqual([left?.lane])
  })
})

describe('a leader that is named', () => {
  const fetching = {
    node: 2,
    isolation: 'read_committed' as const,
    maxWaitMs: 300,
    partitions: [0, 1].map((partition) => ({
      topic: 'a',
      partition,
      leaderEpoch: -1,
      offset: 7,
      maxBytes: 100,
    })),
  }

  function fetched(errors: readonly number[]): Buffer {
    const to = answer().writeInt32(0).writeInt16(0).writeInt32(0)
    to.writeInt32(1).writeString('a').writeInt32(errors.length)
    for (const [partition, error] of errors.entries()) {
      to.writeInt32(partition).writeInt16(error)
      to.writeInt64(9).writeInt64(8).writeInt64(0).writeInt32(0).writeBytes(null)
    }
    return to.buffer
  }

  it('is asked with all the time there is: it answers late by design', async () => {
    const cluster = new ScriptedCluster(() => fetched([0, 0]))
    const transport = createTransport(cluster.reach())
    const { partitions } = await transport('fetch', fetching, LIMITS)
    expect(partitions.map(({ endOffset }) => endOffset)).toEqual([8, 8])
    expect(cluster.sent.map(({ node, limits }) => [node, limits.timeoutMs])).toEqual([[2, 1_000]])
  })

  it('that leads no more is forgotten for that partition', async () => {
    const cluster = new ScriptedCluster(() => fetched([6, 1]))
    const transport = createTransport(cluster.reach())
    const { partitions } = await transport('fetch', fetching, LIMITS)
    expect(partitions.map(({ error }) => error)).toEqual([
      'NOT_LEADER_OR_FOLLOWER',
      'OFFSET_OUT_OF_RANGE',
    ])
    expect(cluster.forgotten).toEqual(['a/0'])
  })

  it('that does not answer is forgotten for all it was asked for', async () => {
    const cluster = new ScriptedCluster(silent)
    const transport = createTransport(cluster.reach())
    await expect(transport('fetch', fetching, LIMITS)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(cluster.forgotten).toEqual(['a/0', 'a/1'])
  })

  it('whose answer is not waited for any more is not to blame', async () => {
    const stop = new AbortController()
    const cluster = new ScriptedCluster(() => {
      stop.abort(new LogError('CLOSED', 'closed meanwhile'))
      return silent()
    })
    const transport = createTransport(cluster.reach())
    const limits = { ...LIMITS, signal: stop.signal }
    await expect(transport('fetch', fetching, limits)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(cluster.forgotten).toEqual([])
  })

  it('is the one the cluster names', async () => {
    const cluster = new ScriptedCluster(silent)
    cluster.leaderOf.set('a/0', 3)
    const transport = createTransport(cluster.reach())
    const partitions = [0, 1].map((partition) => ({ topic: 'a', partition }))
    expect((await transport('locate', { partitions }, LIMITS)).partitions).toEqual([
      { error: 'NONE', node: 3, leaderEpoch: 4 },
      { error: 'LEADER_NOT_AVAILABLE', node: -1, leaderEpoch: -1 },
    ])
  })
})
