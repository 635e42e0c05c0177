// Who is asked, what is made of several answers, and what a failed one makes the cluster forget.
import { describe, expect, it } from 'vitest'
import { createTransport } from '../../../src/adapters/kafka/transport.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import { answer, arrayOf, type Encoder } from './requests/kafkajs-codec.ts'
import { type Sent, ScriptedCluster, silent } from './scripted-cluster.ts'

const LIMITS = { timeoutMs: 1_000 }
const BATCH = Buffer.from('batch')

/** What a leader answers to Produce about partitions of topic `a`, one error code each. */
function produced(errors: Readonly<Record<number, number>>): Buffer {
  const partitions = arrayOf(Object.entries(errors), (to, [partition, error]) =>
    to
      .writeInt32(Number(partition))
      .writeInt16(error)
      .writeInt64(error === 0 ? 40 : -1)
      .writeInt64(-1)
      .writeInt64(0),
  )
  return answer().writeInt32(1).writeString('a').writeEncoder(partitions).writeInt32(0).buffer
}

function producing(partitions: readonly number[]) {
  return {
    transactionalId: null,
    partitions: partitions.map((partition) => ({ topic: 'a', partition, batch: BATCH })),
  }
}

function clusterOf(leaders: Readonly<Record<number, number>>, script: (sent: Sent) => Buffer) {
  const cluster = new ScriptedCluster(script)
  for (const [partition, node] of Object.entries(leaders))
    cluster.leaderOf.set(`a/${partition}`, node)
  return cluster
}

const errorsOf = (answers: { readonly partitions: readonly { readonly error: string }[] }) =>
  answers.partitions.map(({ error }) => error)

describe('partitions of several leaders', () => {
  it('one request per leader, answers in the order asked', async () => {
    const cluster = clusterOf({ 0: 1, 1: 2, 2: 1 }, ({ node }) =>
      node === 1 ? produced({ 2: 0, 0: 6 }) : produced({ 1: 0 }),
    )
    const transport = createTransport(cluster.reach())
    const answers = await transport('produce', producing([0, 1, 2]), LIMITS)
    expect(answers.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2])
    expect(errorsOf(answers)).toEqual(['NOT_LEADER_OR_FOLLOWER', 'NONE', 'NONE'])
    expect(cluster.sent.map(({ node }) => node).sort()).toEqual([1, 2])
    expect(cluster.forgotten).toEqual(['a/0'])
  })

  it('a leader that does not answer takes only its own partitions with it', async () => {
    const cluster = new ScriptedCluster(({ node }) => (node === 1 ? silent() : produced({ 1: 0 })))
    cluster.leaderOf.set('a/0', 1).set('a/1', 2)
    const transport = createTransport(cluster.reach())
    const answers = await transport('produce', producing([0, 1, 9]), LIMITS)
    expect(errorsOf(answers)).toEqual(['NETWORK_EXCEPTION', 'NONE', 'LEADER_NOT_AVAILABLE'])
    expect(cluster.forgotten).toEqual(['a/0'])
  })

  // An answer cut short is no answer: whether the batch is stored is not known.
  it('an answer that cannot be read counts as none', async () => {
    const cluster = clusterOf({ 0: 1 }, () => produced({ 0: 0 }).subarray(0, 20))
    const transport = createTransport(cluster.reach())
    const answers = await transport('produce', producing([0]), LIMITS)
    expect(errorsOf(answers)).toEqual(['NETWORK_EXCEPTION'])
  })

  it('leaders are asked at the same time', async () => {
    let waiting = 0
    let release = (): void => {}
    const bothAsked = new Promise<void>((resolve) => {
      release = resolve
    })
    const cluster = new ScriptedCluster(async ({ node }) => {
      waiting++
      if (waiting === 2) release()
      await bothAsked
      return produced({ [node - 1]: 0 })
    })
    cluster.leaderOf.set('a/0', 1).set('a/1', 2)
    const transport = createTransport(cluster.reach())
    expect(errorsOf(await transport('produce', producing([0, 1]), LIMITS))).toEqual([
      'NONE',
      'NONE',
    ])
  })

  it.each(['CLOSED', 'NOT_AUTHORIZED'] as const)('%s concerns the whole client', async (code) => {
    const cluster = new ScriptedCluster(({ node }) =>
      node === 1 ? new LogError(code, 'as told') : produced({ 1: 0 }),
    )
    cluster.leaderOf.set('a/0', 1).set('a/1', 2)
    const transport = createTransport(cluster.reach())
    await expect(transport('produce', producing([0, 1]), LIMITS)).rejects.toMatchObject({ code })
  })

  it('an abort is passed on and nobody is blamed', async () => {
    const stop = new AbortController()
    const cluster = new ScriptedCluster(() => {
      stop.abort(new LogError('CLOSED', 'closed meanwhile'))
      return new LogError('UNAVAILABLE', 'cut')
    })
    cluster.leaderOf.set('a/0', 1)
    const transport = createTransport(cluster.reach())
    const limits = { ...LIMITS, signal: stop.signal }
    await expect(transport('produce', producing([0]), limits)).rejects.toThrow()
    expect(cluster.forgotten).toEqual([])
  })

  it('the broker gives up before its client does', async () => {
    const cluster = clusterOf({ 0: 1 }, () => produced({ 0: 0 }))
    await createTransport(cluster.reach())('produce', producing([0]), LIMITS)
    const [{ body, limits }] = cluster.sent as [Sent]
    const brokerMs = body.readInt32BE(4)
    expect(brokerMs).toBeGreaterThan(500)
    expect(brokerMs).toBeLessThan(limits.timeoutMs)
    expect(limits.timeoutMs).toBeLessThan(LIMITS.timeoutMs)
  })
})

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
      metadata: BATCH,
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

const BROKERS = [1, 2, 3]

/** A Metadata answer: three brokers, and topics with one partition or an error. */
function metadata(topics: Readonly<Record<string, number>>): Buffer {
  const brokers = arrayOf(BROKERS, (to, node) =>
    to.writeInt32(node).writeString('h').writeInt32(9092).writeString(null),
  )
  const partition = (to: Encoder): Encoder => {
    to.writeInt16(0).writeInt32(0).writeInt32(1)
    for (let i = 0; i < 3; i++) to.writeInt32(0)
    return to
  }
  return answer()
    .writeInt32(0)
    .writeEncoder(brokers)
    .writeString('scripted')
    .writeInt32(1)
    .writeEncoder(
      arrayOf(Object.entries(topics), (to, [name, error]) =>
        to
          .writeInt16(error)
          .writeString(name)
          .writeBoolean(false)
          .writeEncoder(arrayOf(error === 0 ? [0] : [], partition)),
      ),
    ).buffer
}

function perTopic(code: number): Buffer {
  return answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['t'], (to, name) => to.writeString(name).writeInt16(code).writeString(null)),
    ).buffer
}

function offsetsOf(code: number): Buffer {
  const partition = answer().writeInt32(0).writeInt16(code).writeInt64(-1).writeInt64(0)
  return answer().writeInt32(0).writeInt32(1).writeString('t').writeInt32(1).writeEncoder(partition)
    .buffer
}

const SETUP = { topics: [{ topic: 't', partitions: 1, config: {} }] }

describe('topics', () => {
  // Made at one broker, a topic was unknown to the next one that was asked to write to it.
  it('made: known at every broker and served by its leaders before it is answered', async () => {
    const asked = new Map<number, number>()
    let served = 0
    const cluster = new ScriptedCluster(({ apiName, node }) => {
      if (apiName === 'CreateTopics') return perTopic(0)
      if (apiName === 'ListOffsets') return offsetsOf(served++ === 0 ? 3 : 0)
      if (node === 0) return metadata({})
      const times = (asked.get(node) ?? 0) + 1
      asked.set(node, times)
      return metadata({ t: times < node ? 3 : 0 })
    })
    cluster.leaderOf.set('t/0', 1)
    const transport = createTransport(cluster.reach())
    expect(await transport('createTopics', SETUP, LIMITS)).toEqual({ errors: ['NONE'] })
    expect([...asked.keys()].sort()).toEqual(BROKERS)
    expect(asked.get(3)).toBe(4)
    expect(served).toBe(2)
  })

  it('made, and never known everywhere: answered all the same, in time', async () => {
    const cluster = new ScriptedCluster(({ apiName, node }) => {
      if (apiName === 'CreateTopics') return perTopic(0)
      return node === 0 ? metadata({}) : metadata({ t: 3 })
    })
    const transport = createTransport(cluster.reach())
    const limits = { timeoutMs: 200 }
    const sentMs = performance.now()
    expect(await transport('createTopics', SETUP, limits)).toEqual({ errors: ['NONE'] })
    expect(performance.now() - sentMs).toBeLessThan(400)
  })

  it('a broker that is down is not waited for', async () => {
    const cluster = new ScriptedCluster(({ apiName, node }) => {
      if (apiName === 'CreateTopics') return perTopic(0)
      if (apiName === 'ListOffsets') return offsetsOf(0)
      if (node === 0) return metadata({})
      return node === 2 ? silent() : metadata({ t: 0 })
    })
    cluster.leaderOf.set('t/0', 1)
    const transport = createTransport(cluster.reach())
    expect(await transport('createTopics', SETUP, LIMITS)).toEqual({ errors: ['NONE'] })
    expect(cluster.sent.filter(({ apiName }) => apiName === 'ListOffsets')).toHaveLength(1)
  })

  it('the controller moved: asked again where it is now', async () => {
    const cluster = new ScriptedCluster(({ apiName, node }) => {
      if (apiName === 'CreateTopics') return perTopic(node === 1 ? 41 : 36)
      return metadata({})
    })
    cluster.controllerNodes = [1, 2]
    const transport = createTransport(cluster.reach())
    expect(await transport('createTopics', SETUP, LIMITS)).toEqual({
      errors: ['TOPIC_ALREADY_EXISTS'],
    })
    expect(cluster.forgotten).toEqual(['controller'])
  })

  it('as many replicas as there are brokers, three at most, or as told', async () => {
    const cluster = new ScriptedCluster(({ apiName }) =>
      apiName === 'CreateTopics' ? perTopic(36) : metadata({}),
    )
    const transport = createTransport(cluster.reach())
    await transport('createTopics', SETUP, LIMITS)
    const told = { topic: 't', partitions: 1, replicas: 2, config: {} }
    await transport('createTopics', { topics: [told] }, LIMITS)
    const bodies = cluster.sent.filter(({ apiName }) => apiName === 'CreateTopics')
    // Count of topics, name, count of partitions.
    const replicasAt = 4 + 3 + 4
    expect(bodies.map(({ body }) => body.readInt16BE(replicasAt))).toEqual([3, 2])
  })

  it('described: unknown ones are null, and a refusal is an error', async () => {
    let code = 3
    const cluster = new ScriptedCluster(() => metadata({ t: code }))
    const transport = createTransport(cluster.reach())
    const asking = { names: ['t', 't'] }
    expect(await transport('describeTopics', asking, LIMITS)).toEqual({ topics: [null, null] })
    code = 29
    await expect(transport('describeTopics', asking, LIMITS)).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
    })
  })
})
