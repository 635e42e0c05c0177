// One request about partitions of several leaders: who is asked, and what a failed answer means.
import { describe, expect, it } from 'vitest'
import { createTransport } from '../../../src/adapters/kafka/transport.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import { answer, arrayOf } from './requests/kafkajs-codec.ts'
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
    await expect(transport('produce', producing([0]), limits)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
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
