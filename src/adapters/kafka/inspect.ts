// Asks a cluster what `healstream doctor` wants to know, and what a role is allowed to do before it
// starts. Nothing is changed by asking: no topic is made, no group joined, no transaction touched.
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, GroupShare } from '../../runtime/ports.ts'
import { decodeShare } from '../client/assignment-bytes.ts'
import { type Failure, meaningOf } from '../client/error-codes.ts'
import type { CallLimits } from '../client/protocol.ts'
import { createCluster } from './cluster.ts'
import type { KafkaOptions } from './options.ts'
import { fetchRequest } from './requests/fetch.ts'
import { apiVersionsRequest, findCoordinatorRequest } from './requests/handshake.ts'
import {
  describeGroupRequest,
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from './requests/groups.ts'
import {
  accessRequest,
  brokerConfigRequest,
  type ClusterAccess,
  quorumTimeRequest,
} from './requests/inspection.ts'
import { type BrokerAddress, metadataRequest } from './requests/metadata.ts'
import { deleteRecordsRequest, epochEndsRequest, listOffsetsRequest } from './requests/offsets.ts'
import { produceRequest } from './requests/produce.ts'
import {
  createTopicsRequest,
  deleteTopicsRequest,
  describeConfigsRequest,
} from './requests/topics.ts'
import {
  addPartitionsRequest,
  endTxnRequest,
  initProducerIdRequest,
} from './requests/transactions.ts'
import type { VersionRange } from './vendor.ts'
import type { Cluster, KafkaRequest, Lane } from './wire.ts'

const LIMITS: CallLimits = { timeoutMs: 5_000 }
/** No broker gives out such a producer id, so that asking with it does nothing. */
const TIMES = { sessionTimeoutMs: 0, rebalanceTimeoutMs: 0 }
const NOBODY = { producerId: Number.MAX_SAFE_INTEGER, producerEpoch: 0 }

/** What one address answered. */
export interface Answer {
  /** The cluster's own name for itself. */
  readonly clusterId: string | null
  /** Every broker, at the address it wants to be reached at. */
  readonly brokers: readonly BrokerAddress[]
  /** Requests that the broker understands, with their versions. */
  readonly ranges: ReadonlyMap<number, VersionRange>
}

export interface Spoken {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
}

/** A member of our group, as its coordinator describes it. */
export interface MemberView {
  readonly memberId: string
  readonly host: string
  /** What the member said of itself when it joined. */
  readonly metadata: Uint8Array
  readonly share: GroupShare
}

export interface GroupView {
  /** A round is over and everybody has its share. */
  readonly isStable: boolean
  readonly members: readonly MemberView[]
}

/** `refused`: the settings may not be read. */
export type BrokerConfig = Readonly<Record<string, string>> | 'refused'

export interface Inspector {
  /** Asks one address over a connection of its own. Errors: LogError. */
  ask(address: string): Promise<Answer>
  /** Topics, and what the caller is allowed to do. Errors: LogError. */
  access(topics: readonly string[]): Promise<ClusterAccess>
  /** Errors: LogError. */
  brokerConfig(node: number, names: readonly string[]): Promise<BrokerConfig>
  /** Who is in a group of ours, and has what; null: it may not be asked for. Errors: LogError. */
  group(name: string): Promise<GroupView | null>
  /** May the caller be a member of this group? Errors: LogError. */
  mayJoin(group: string): Promise<boolean>
  /** May the caller write transactions under this id? Errors: LogError. */
  mayTransact(transactionalId: string): Promise<boolean>
  /**
   * The controller's clock, epoch ms, and ours in the middle of asking; null when it may not be
   * asked. Errors: LogError.
   */
  clocks(): Promise<{ readonly theirsMs: number; readonly oursMs: number } | null>
  close(): void
}

/** Every request the adapter sends, with its version. */
export const SPOKEN: readonly Spoken[] = requestsOf().map(({ apiKey, apiVersion, apiName }) => ({
  apiKey,
  apiVersion,
  apiName,
}))

function requestsOf(): readonly KafkaRequest<unknown>[] {
  const group = { group: '', memberId: '', generation: 0 }
  const transaction = { ...NOBODY, transactionalId: '', partitions: [], commit: false }
  const isolation = 'read_committed'
  return [
    produceRequest({ transactionalId: null, timeoutMs: 0, partitions: [] }),
    fetchRequest({ isolation, maxWaitMs: 0, partitions: [] }),
    listOffsetsRequest({ isolation, at: 'latest', partitions: [] }),
    metadataRequest([]),
    findCoordinatorRequest('group', ''),
    joinGroupRequest({ ...group, metadata: new Uint8Array(0), ...TIMES }),
    syncGroupRequest({ ...group, assignments: new Map() }),
    heartbeatRequest(group),
    leaveGroupRequest(group),
    describeGroupRequest(''),
    createTopicsRequest({ topics: [], defaultReplicas: 1, timeoutMs: 0 }),
    deleteTopicsRequest([], 0),
    deleteRecordsRequest([], 0),
    epochEndsRequest([]),
    describeConfigsRequest([]),
    initProducerIdRequest({ transactionalId: '', timeoutMs: 0, current: null }),
    addPartitionsRequest(transaction),
    endTxnRequest(transaction),
    apiVersionsRequest(),
  ]
}

/** Errors: HS_CONFIG for an address that is none. */
export function createInspector(options: KafkaOptions): Inspector {
  const cluster = createCluster(options)
  const lane = cluster.lane()
  return {
    ask: (address) => ask({ ...options, brokers: [address] }),
    access: (topics) => lane.sendAny(accessRequest(topics), LIMITS),
    async brokerConfig(node, names) {
      const { error, config } = await lane.send(node, brokerConfigRequest(node, names), LIMITS)
      return error === 'NONE' ? config : 'refused'
    },
    group: (name) => describe(cluster, lane, name),
    async mayJoin(group) {
      const question = { group, memberId: 'doctor', generation: -1 }
      const { error } = await lane.sendAny(heartbeatRequest(question), LIMITS)
      return error !== 'GROUP_AUTHORIZATION_FAILED'
    },
    async mayTransact(transactionalId) {
      const question = { ...NOBODY, transactionalId, commit: false }
      const { error } = await lane.sendAny(endTxnRequest(question), LIMITS)
      return error !== 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    },
    clocks: () => clocks(lane, options.clock),
    close: () => {
      lane.close()
      cluster.close()
    },
  }
}

async function describe(cluster: Cluster, lane: Lane, name: string): Promise<GroupView | null> {
  const node = await cluster.coordinator('group', name, LIMITS)
  if (typeof node !== 'number') return undescribed(name, node)
  const { error, state, members } = await lane.send(node, describeGroupRequest(name), LIMITS)
  if (error !== 'NONE') return undescribed(name, error)
  return {
    isStable: state === 'Stable',
    members: members.map(({ memberId, host, metadata, assignment }) => ({
      memberId,
      host: host.replace(/^\//, ''),
      metadata,
      share: decodeShare(assignment),
    })),
  }
}

function undescribed(name: string, error: Failure): null {
  if (error === 'GROUP_AUTHORIZATION_FAILED') return null
  throw new LogError(meaningOf(error), `group ${name} is not described: ${error}`)
}

async function ask(options: KafkaOptions): Promise<Answer> {
  const cluster = createCluster(options)
  const lane = cluster.lane()
  try {
    const { ranges } = await lane.sendAny(apiVersionsRequest(), LIMITS)
    const { clusterId, brokers } = await lane.sendAny(metadataRequest([]), LIMITS)
    return { clusterId, brokers, ranges }
  } finally {
    lane.close()
    cluster.close()
  }
}

async function clocks(
  lane: Lane,
  clock: Clock,
): Promise<{ readonly theirsMs: number; readonly oursMs: number } | null> {
  const beforeMs = clock.nowMs()
  try {
    const { nowMs } = await lane.sendAny(quorumTimeRequest(), LIMITS)
    return nowMs === null ? null : { theirsMs: nowMs, oursMs: (beforeMs + clock.nowMs()) / 2 }
  } catch (error) {
    // A broker without KRaft does not speak the request.
    if (error instanceof LogError && error.code === 'INVALID_REQUEST') return null
    throw error
  }
}
