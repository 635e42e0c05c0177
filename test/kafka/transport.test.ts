// Every request of the transport, one attempt each, against real brokers: that they understand it,
// and that what they answer is what the clients (and the memory log) take it for.
import { randomBytes } from 'node:crypto'
import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import type { ErrorCode } from '../../src/adapters/client/error-codes.ts'
import type { ProducerIdentity, Transport } from '../../src/adapters/client/protocol.ts'
import { createCluster } from '../../src/adapters/kafka/cluster.ts'
import { createTransport } from '../../src/adapters/kafka/transport.ts'
import { metadataRequest } from '../../src/adapters/kafka/requests/metadata.ts'
import type { Cluster, Lane } from '../../src/adapters/kafka/wire.ts'
import { systemClock as clock } from '../../src/runtime/clock.ts'
import type { Isolation, TopicPartition } from '../../src/runtime/ports.ts'
import { encodeBatch } from '../../src/runtime/record-batch-encode.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

const LIMITS = { timeoutMs: 5_000 }
const PARTITIONS = 4
/** Those that transactions are written to: in the last one there are no markers. */
const WRITTEN = 3
/** Of a time stamp long before now, so that it can be asked for. */
const FIRST_MS = 1_700_000_000_000
/** What passes by itself on a broker that has just heard of a topic, an id or a group. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

const unique = (name: string): string => `${name}-${randomBytes(6).toString('hex')}`

async function settled<A extends { readonly error: ErrorCode }>(ask: () => Promise<A>): Promise<A> {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask()
    if (!PASSING.has(answer.error) || attempt === 500) return answer
    await clock.sleep(10)
  }
}

function batch(at: TopicPartition, owner: ProducerIdentity | null, baseSequence: number): Buffer {
  const record = {
    ...at,
    key: null,
    value: Buffer.from('value'),
    headers: [],
    timestampMs: FIRST_MS + baseSequence,
  }
  const { producerId, producerEpoch } = owner ?? { producerId: -1, producerEpoch: -1 }
  const fields = { transactional: owner !== null, producerId, producerEpoch, baseSequence }
  return Buffer.from(encodeBatch([record], fields, crc32c))
}

describe.each([1, 3] as const)('%i brokers', (nodes) => {
  let kafka: TestKafka
  let cluster: Cluster
  let lane: Lane
  let transport: Transport
  const topic = unique('transport')
  const all = Array.from({ length: WRITTEN }, (_none, partition) => ({ topic, partition }))

  beforeAll(async () => {
    kafka = await startKafka({ nodes })
    cluster = createCluster({ brokers: kafka.brokers, clock })
    lane = cluster.lane()
    transport = createTransport({ cluster, lane, clock })
    // Records of long ago are to stay.
    const config = { 'max.message.bytes': '54321', 'retention.ms': '-1' }
    const setup = { topic, partitions: PARTITIONS, config }
    const made = await transport('createTopics', { topics: [setup] }, LIMITS)
    assert.deepEqual(made.errors, ['NONE'])
  })
  afterAll(async () => {
    await transport('deleteTopics', { names: [topic] }, LIMITS)
    lane.close()
    cluster.close()
    await kafka.stop()
  })

  async function owner(transactionalId: string): Promise<ProducerIdentity> {
    const request = { transactionalId, timeoutMs: 5_000, current: null }
    const answer = await settled(() => transport('initProducerId', request, LIMITS))
    assert.equal(answer.error, 'NONE')
    return answer
  }

  async function begin(transactionalId: string, identity: ProducerIdentity): Promise<void> {
    const request = { ...identity, transactionalId, partitions: all }
    const answer = await settled(() => transport('addPartitionsToTxn', request, LIMITS))
    assert.equal(answer.error, 'NONE')
  }

  async function ends(isolation: Isolation): Promise<number[]> {
    const request = { isolation, at: 'latest', partitions: all } as const
    const { partitions } = await transport('listOffsets', request, LIMITS)
    return partitions.map(({ offset }) => offset)
  }

  async function fetched(at: TopicPartition, offset: number) {
    const located = await transport('locate', { partitions: [at] }, LIMITS)
    const request = {
      node: located.partitions[0]?.node ?? -1,
      isolation: 'read_committed' as const,
      maxWaitMs: 0,
      partitions: [{ ...at, leaderEpoch: -1, offset, maxBytes: 1_000_000 }],
    }
    const [answer] = (await transport('fetch', request, LIMITS)).partitions
    assert.ok(answer !== undefined)
    return answer
  }

  test('the cluster has one id, and a topic is what it was made to be', async () => {
    const { clusterId } = await transport('describeCluster', {}, LIMITS)
    expect(clusterId).toBe(kafka.clusterId)
    const names = [topic, unique('nowhere')]
    const [found, none] = (await transport('describeTopics', { names }, LIMITS)).topics
    expect(none).toBe(null)
    expect(found).toMatchObject({ topic, partitions: PARTITIONS })
    expect(found?.config).toMatchObject({
      'max.message.bytes': '54321',
      'segment.ms': '604800000',
    })
  })

  test('a topic is there for every broker when it is made, and for none when removed', async () => {
    const other = unique('short')
    const setup = { topic: other, partitions: 8, config: {} }
    const made = await transport('createTopics', { topics: [setup] }, LIMITS)
    expect(made.errors).toEqual(['NONE'])
    const nodesAsked = kafka.brokers.map((_address, i) => i + 1)
    const seen = () =>
      Promise.all(nodesAsked.map((node) => lane.send(node, metadataRequest([other]), LIMITS)))
    for (const { topics } of await seen())
      expect(topics[0]?.partitions.filter(({ leader }) => leader >= 0)).toHaveLength(8)
    const again = await transport('createTopics', { topics: [setup] }, LIMITS)
    expect(again.errors).toEqual(['TOPIC_ALREADY_EXISTS'])
    // Named twice it stays, and both are told.
    const twice = await transport('deleteTopics', { names: [other, other] }, LIMITS)
    expect(twice.errors).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST'])
    const removed = await transport('deleteTopics', { names: [other] }, LIMITS)
    expect(removed.errors).toEqual(['NONE'])
    for (const { topics } of await seen())
      expect(topics[0]?.error).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('one transaction over all leaders, seen when it is ended', async () => {
    const transactionalId = unique('committed')
    const identity = await owner(transactionalId)
    const before = await ends('read_committed')
    await begin(transactionalId, identity)
    const partitions = all.map((at) => ({ ...at, batch: batch(at, identity, 0) }))
    const stored = (await transport('produce', { transactionalId, partitions }, LIMITS)).partitions
    expect(stored.map(({ error, partition }) => [error, partition])).toEqual(
      all.map(({ partition }) => ['NONE', partition]),
    )
    expect(await ends('read_committed')).toEqual(before)
    expect(await ends('read_uncommitted')).toEqual(stored.map(({ baseOffset }) => baseOffset + 1))
    const ending = { ...identity, transactionalId, commit: true }
    expect((await settled(() => transport('endTxn', ending, LIMITS))).error).toBe('NONE')
    await expect
      .poll(() => ends('read_committed'))
      .toEqual(stored.map(({ baseOffset }) => baseOffset + 2))
    const [first] = stored
    const at = { topic, partition: 0 }
    const answer = await fetched(at, first?.baseOffset ?? -1)
    expect(answer).toMatchObject({ error: 'NONE', aborted: [], logStartOffset: 0 })
    expect(Buffer.concat(answer.chunks).includes('value')).toBe(true)
  })

  test('what was aborted is named, first offset by first offset', async () => {
    const at = { topic, partition: 1 }
    const from = (await ends('read_committed'))[1] ?? -1
    const aborted: { producerId: number; firstOffset: number }[] = []
    for (let i = 0; i < 3; i++) {
      const transactionalId = unique('aborted')
      const identity = await owner(transactionalId)
      await begin(transactionalId, identity)
      const partitions = [{ ...at, batch: batch(at, identity, 0) }]
      const [stored] = (await transport('produce', { transactionalId, partitions }, LIMITS))
        .partitions
      aborted.push({ producerId: identity.producerId, firstOffset: stored?.baseOffset ?? -1 })
      const ending = { ...identity, transactionalId, commit: false }
      expect((await settled(() => transport('endTxn', ending, LIMITS))).error).toBe('NONE')
    }
    await expect.poll(async () => (await fetched(at, from)).aborted).toEqual(aborted)
  })

  // Before KIP-360 whoever asked got the id, so that an owner which came back fenced its successor.
  test('an identity is renewed by its owner alone', async () => {
    const transactionalId = unique('renewed')
    const first = await owner(transactionalId)
    const renewing = { transactionalId, timeoutMs: 5_000, current: first }
    const renewed = await settled(() => transport('initProducerId', renewing, LIMITS))
    expect(renewed).toMatchObject({
      error: 'NONE',
      producerId: first.producerId,
      producerEpoch: first.producerEpoch + 1,
    })
    // Asked twice, because the answer was lost: the same answer.
    expect(await settled(() => transport('initProducerId', renewing, LIMITS))).toEqual(renewed)
    await owner(transactionalId)
    const late = { transactionalId, timeoutMs: 5_000, current: renewed }
    const refused = await settled(() => transport('initProducerId', late, LIMITS))
    expect(refused.error).toBe('PRODUCER_FENCED')
    const ending = { ...renewed, transactionalId, commit: true }
    const zombie = await settled(() => transport('endTxn', ending, LIMITS))
    expect(zombie.error).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('both ends of a partition, and a time in between', async () => {
    const at = { topic, partition: WRITTEN }
    for (let i = 0; i < 3; i++) {
      const partitions = [{ ...at, batch: batch(at, null, 10 * i) }]
      await transport('produce', { transactionalId: null, partitions }, LIMITS)
    }
    const end = 3
    const offsetAt = async (timestampMs: number): Promise<number | undefined> => {
      const request = {
        isolation: 'read_committed',
        at: { timestampMs },
        partitions: [at],
      } as const
      return (await transport('listOffsets', request, LIMITS)).partitions[0]?.offset
    }
    expect(await offsetAt(FIRST_MS + 11)).toBe(end - 1)
    expect(await offsetAt(FIRST_MS + 1_000)).toBe(-1)
    const gone = await transport('deleteRecords', { ...at, beforeOffset: end - 1 }, LIMITS)
    expect(gone.error).toBe('NONE')
    const request = { isolation: 'read_committed', at: 'earliest', partitions: [at] } as const
    const [start] = (await transport('listOffsets', request, LIMITS)).partitions
    expect(start?.offset).toBe(end - 1)
    expect((await fetched(at, 0)).error).toBe('OFFSET_OUT_OF_RANGE')
  })

  test('a partition there is none of is told beside the others', async () => {
    const none = { topic: unique('nowhere'), partition: 0 }
    const beyond = { topic, partition: PARTITIONS }
    const partitions = [none, { topic, partition: 0 }, beyond]
    const request = { isolation: 'read_committed', at: 'earliest', partitions } as const
    const answers = (await transport('listOffsets', request, LIMITS)).partitions
    expect(answers.map(({ error }) => error)).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
  })

  // A follower that answers tells an end that may be old, and a reader takes itself for caught up.
  if (nodes > 1)
    test('a follower does not answer for the leader', async () => {
      const at = { topic, partition: 0 }
      const [located] = (await transport('locate', { partitions: [at] }, LIMITS)).partitions
      const request = {
        node: ((located?.node ?? 1) % nodes) + 1,
        isolation: 'read_committed' as const,
        maxWaitMs: 0,
        partitions: [{ ...at, leaderEpoch: -1, offset: 0, maxBytes: 1_000 }],
      }
      const [answer] = (await transport('fetch', request, LIMITS)).partitions
      expect(answer?.error).toBe('NOT_LEADER_OR_FOLLOWER')
    })

  test('a member joins, is given its part, lives and leaves', async () => {
    const group = unique('group')
    const joining = {
      group,
      memberId: '',
      metadata: Buffer.from('about me'),
      sessionTimeoutMs: 3_000,
      rebalanceTimeoutMs: 3_000,
    }
    const named = await settled(() => transport('joinGroup', joining, LIMITS))
    expect(named.error).toBe('MEMBER_ID_REQUIRED')
    const { memberId } = named
    const joined = await transport('joinGroup', { ...joining, memberId }, LIMITS)
    expect(joined).toMatchObject({ error: 'NONE', memberId, leader: memberId, generation: 1 })
    expect(joined.members.map(({ metadata }) => Buffer.from(metadata).toString())).toEqual([
      'about me',
    ])
    const member = { group, memberId, generation: 1 }
    const assignments = new Map([[memberId, Buffer.from('its part')]])
    const synced = await transport('syncGroup', { ...member, assignments }, LIMITS)
    expect([synced.error, Buffer.from(synced.assignment).toString()]).toEqual(['NONE', 'its part'])
    expect(await transport('heartbeat', member, LIMITS)).toEqual({ error: 'NONE' })
    const old = { ...member, generation: 0 }
    expect(await transport('heartbeat', old, LIMITS)).toEqual({ error: 'ILLEGAL_GENERATION' })
    expect(await transport('leaveGroup', { group, memberId }, LIMITS)).toEqual({ error: 'NONE' })
    expect(await transport('heartbeat', member, LIMITS)).toEqual({ error: 'UNKNOWN_MEMBER_ID' })
  })
})
