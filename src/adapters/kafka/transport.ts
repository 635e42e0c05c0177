// Every request a client can make, sent to the node that has the answer: leaders for partitions,
// coordinators for transactional ids and groups, the controller for topics. One attempt each: a
// client repeats what may be repeated. What an answer says about who leads or coordinates is handed
// on to the cluster, so that the next attempt goes elsewhere.
import type { TopicPartition } from '../../runtime/ports.ts'
import type { ErrorCode, Failure } from '../client/error-codes.ts'
import type { Api, CallLimits, RequestOf, ResponseOf, Transport } from '../client/protocol.ts'
import { fanOut, isUnanswered, noteLeaderError, type Reach, TimeLeft } from './fan-out.ts'
import { fetchRequest } from './requests/fetch.ts'
import { commitOffsetsRequest, fetchOffsetsRequest } from './requests/group-offsets.ts'
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from './requests/groups.ts'
import { deleteRecordsRequest, epochEndsRequest, listOffsetsRequest } from './requests/offsets.ts'
import { produceRequest } from './requests/produce.ts'
import {
  addPartitionsRequest,
  endTxnRequest,
  initProducerIdRequest,
} from './requests/transactions.ts'
import { createTopics, deleteTopics, describeTopics } from './topic-requests.ts'
import type { KafkaRequest } from './wire.ts'

type Carrier<K extends Api> = (
  reach: Reach,
  request: RequestOf<K>,
  limits: CallLimits,
) => Promise<ResponseOf<K>>

/** Errors of requests: as Lane.send. */
export function createTransport(reach: Reach): Transport {
  return <K extends Api>(
    api: K,
    request: RequestOf<K>,
    limits: CallLimits,
  ): Promise<ResponseOf<K>> => CARRIERS[api](reach, request, limits)
}

const produce: Carrier<'produce'> = async (reach, { transactionalId, partitions }, limits) => ({
  partitions: await fanOut(reach, limits, {
    partitions,
    request: (part, left) =>
      produceRequest({ transactionalId, timeoutMs: left.atBrokerMs, partitions: part }),
    failed: ({ topic, partition }, error) => ({
      topic,
      partition,
      error,
      baseOffset: -1,
      appendMs: null,
    }),
  }),
})

const fetch: Carrier<'fetch'> = async (reach, request, limits) => ({
  partitions: await atLeader(reach, limits, { ...request, wire: fetchRequest(request) }),
})

const epochEnds: Carrier<'epochEnds'> = async (reach, request, limits) => {
  const wire = epochEndsRequest(request.partitions)
  return { partitions: await atLeader(reach, limits, { ...request, wire }) }
}

/** The answer of the node that leads all of the partitions. */
async function atLeader<A extends TopicPartition & { readonly error: ErrorCode }>(
  { cluster, lane }: Reach,
  limits: CallLimits,
  {
    node,
    partitions,
    wire,
  }: {
    readonly node: number
    readonly partitions: readonly TopicPartition[]
    readonly wire: KafkaRequest<A[]>
  },
): Promise<A[]> {
  try {
    const answers = await lane.send(node, wire, limits)
    for (const answer of answers) noteLeaderError(cluster, answer, answer.error)
    return answers
  } catch (error) {
    if (isUnanswered(error, limits)) for (const at of partitions) cluster.forgetLeader(at)
    throw error
  }
}

const listOffsets: Carrier<'listOffsets'> = async (reach, request, limits) => ({
  partitions: await fanOut(reach, limits, {
    partitions: request.partitions,
    request: (part) => listOffsetsRequest({ ...request, partitions: part }),
    failed: ({ topic, partition }, error) => ({ topic, partition, error, offset: -1 }),
  }),
})

const deleteRecords: Carrier<'deleteRecords'> = async (reach, request, limits) => {
  const [answer] = await fanOut(reach, limits, {
    partitions: [request],
    request: (part, left) => deleteRecordsRequest(part, left.atBrokerMs),
    failed: ({ topic, partition }, error) => ({ topic, partition, error }),
  })
  return answer ?? { error: 'NETWORK_EXCEPTION' }
}

const locate: Carrier<'locate'> = async ({ cluster }, { partitions }, limits) => {
  const leaders = await cluster.leaders(partitions, limits)
  return {
    partitions: partitions.map((at, i) => {
      const leader = leaders[i] ?? 'LEADER_NOT_AVAILABLE'
      return typeof leader === 'string'
        ? { error: leader, node: -1, leaderEpoch: -1 }
        : { error: 'NONE', node: leader, leaderEpoch: cluster.leaderEpoch(at) }
    }),
  }
}

interface Coordinated<A> {
  readonly kind: 'group' | 'transaction'
  readonly key: string
  readonly request: KafkaRequest<A>
  readonly failed: (error: Failure) => A
}

/** Answers after which another node may be the coordinator. */
const COORDINATOR_ERRORS: ReadonlySet<ErrorCode> = new Set<Failure>([
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

async function coordinated<A extends { readonly error: ErrorCode }>(
  reach: Reach,
  limits: CallLimits,
  { kind, key, request, failed }: Coordinated<A>,
): Promise<A> {
  const { cluster, lane } = reach
  const left = new TimeLeft(reach, limits)
  const node = await cluster.coordinator(kind, key, left.limits)
  if (typeof node === 'string') return failed(node)
  try {
    const answer = await lane.send(node, request, left.limits)
    if (COORDINATOR_ERRORS.has(answer.error)) cluster.forgetCoordinator(kind, key)
    return answer
  } catch (error) {
    if (isUnanswered(error, limits)) cluster.forgetCoordinator(kind, key)
    throw error
  }
}

const initProducerId: Carrier<'initProducerId'> = (reach, request, limits) => {
  const { transactionalId } = request
  const wire = initProducerIdRequest(request)
  if (transactionalId === null) return reach.lane.sendAny(wire, limits)
  return coordinated(reach, limits, {
    kind: 'transaction',
    key: transactionalId,
    request: wire,
    failed: (error) => ({ error, producerId: -1, producerEpoch: -1 }),
  })
}

const addPartitionsToTxn: Carrier<'addPartitionsToTxn'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'transaction',
    key: request.transactionalId,
    request: addPartitionsRequest(request),
    failed: (error) => ({ error }),
  })

const endTxn: Carrier<'endTxn'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'transaction',
    key: request.transactionalId,
    request: endTxnRequest(request),
    failed: (error) => ({ error }),
  })

const joinGroup: Carrier<'joinGroup'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'group',
    key: request.group,
    request: joinGroupRequest(request),
    failed: (error) => ({
      error,
      memberId: request.memberId,
      generation: -1,
      leader: '',
      members: [],
    }),
  })

const syncGroup: Carrier<'syncGroup'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'group',
    key: request.group,
    request: syncGroupRequest(request),
    failed: (error) => ({ error, assignment: new Uint8Array() }),
  })

const heartbeat: Carrier<'heartbeat'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'group',
    key: request.group,
    request: heartbeatRequest(request),
    failed: (error) => ({ error }),
  })

/**
 * Over a connection of its own: on the member's, a join may be waiting for the others, and a broker
 * looks at nothing behind it.
 */
const leaveGroup: Carrier<'leaveGroup'> = async (reach, request, limits) => {
  const lane = reach.cluster.lane()
  try {
    return await coordinated({ ...reach, lane }, limits, {
      kind: 'group',
      key: request.group,
      request: leaveGroupRequest(request),
      failed: (error) => ({ error }),
    })
  } finally {
    lane.close()
  }
}

const commitOffsets: Carrier<'commitOffsets'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'group',
    key: request.group,
    request: commitOffsetsRequest(request),
    failed: (error) => ({ error, partitions: [] }),
  })

const fetchOffsets: Carrier<'fetchOffsets'> = (reach, request, limits) =>
  coordinated(reach, limits, {
    kind: 'group',
    key: request.group,
    request: fetchOffsetsRequest(request),
    failed: (error) => ({ error, partitions: [] }),
  })

const CARRIERS: { readonly [K in Api]: Carrier<K> } = {
  describeCluster: async ({ cluster }, _request, limits) => ({
    clusterId: await cluster.clusterId(limits),
  }),
  createTopics,
  describeTopics,
  deleteTopics,
  deleteRecords,
  listOffsets,
  locate,
  epochEnds,
  fetch,
  produce,
  initProducerId,
  addPartitionsToTxn,
  endTxn,
  joinGroup,
  syncGroup,
  heartbeat,
  leaveGroup,
  commitOffsets,
  fetchOffsets,
}
