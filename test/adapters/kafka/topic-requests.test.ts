// Topics of three brokers that hear of changes one after another, or never.
import { describe, expect, it } from 'vitest'
import { createTransport } from '../../../src/adapters/kafka/transport.ts'
import { answer, arrayOf, type Encoder } from './requests/kafkajs-codec.ts'
import { ScriptedCluster, silent } from './scripted-cluster.ts'

const LIMITS = { timeoutMs: 1_000 }
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
    expect(performance.now() - sentMs).toBeLessThan(1_500)
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
