// What a member asks of its group's coordinator: JoinGroup version 5, SyncGroup, Heartbeat and
// LeaveGroup version 3. The protocol type is our own, as Connect's is: a consumer that takes the
// group's name by mistake is refused, and tools do not read our assignments as Kafka's.
import type { JoinedMember, RequestOf, ResponseOf } from '../../client/protocol.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import { kafkaRequest } from './codec.ts'

const PROTOCOL = 'healstream'
/** No static membership. */
const NO_INSTANCE = null

export function joinGroupRequest(
  request: RequestOf<'joinGroup'>,
): KafkaRequest<ResponseOf<'joinGroup'>> {
  const { group, memberId, metadata, sessionTimeoutMs, rebalanceTimeoutMs } = request
  return kafkaRequest(
    { apiKey: 11, apiVersion: 5, apiName: 'JoinGroup' },
    (body) => {
      body.string(group).int32(sessionTimeoutMs).int32(rebalanceTimeoutMs)
      body.string(memberId).string(NO_INSTANCE).string(PROTOCOL)
      body.array([metadata], (bytes) => body.string(PROTOCOL).bytes(bytes))
    },
    (body) => {
      body.int32() // throttle time
      const error = errorName(body.int16())
      const generation = body.int32()
      body.nullableString() // the protocol chosen: there is one
      return {
        error,
        generation,
        leader: body.string(),
        memberId: body.string(),
        members: body.array((): JoinedMember => {
          const id = body.string()
          body.nullableString() // instance
          return { memberId: id, metadata: body.bytes() }
        }),
      }
    },
  )
}

export function syncGroupRequest(
  request: RequestOf<'syncGroup'>,
): KafkaRequest<ResponseOf<'syncGroup'>> {
  const { group, memberId, generation, assignments } = request
  return kafkaRequest(
    { apiKey: 14, apiVersion: 3, apiName: 'SyncGroup' },
    (body) => {
      body.string(group).int32(generation).string(memberId).string(NO_INSTANCE)
      body.array([...assignments], ([member, bytes]) => body.string(member).bytes(bytes))
    },
    (body) => {
      body.int32() // throttle time
      return { error: errorName(body.int16()), assignment: body.bytes() }
    },
  )
}

export function heartbeatRequest(
  request: RequestOf<'heartbeat'>,
): KafkaRequest<ResponseOf<'heartbeat'>> {
  const { group, memberId, generation } = request
  return kafkaRequest(
    { apiKey: 12, apiVersion: 3, apiName: 'Heartbeat' },
    (body) => {
      body.string(group).int32(generation).string(memberId).string(NO_INSTANCE)
    },
    (body) => {
      body.int32() // throttle time
      return { error: errorName(body.int16()) }
    },
  )
}

export function leaveGroupRequest(
  request: RequestOf<'leaveGroup'>,
): KafkaRequest<ResponseOf<'leaveGroup'>> {
  const { group, memberId } = request
  return kafkaRequest(
    { apiKey: 13, apiVersion: 3, apiName: 'LeaveGroup' },
    (body) => {
      body.string(group).array([memberId], (id) => body.string(id).string(NO_INSTANCE))
    },
    (body) => {
      body.int32() // throttle time
      const error = errorName(body.int16())
      const members = body.array(() => {
        body.string()
        body.nullableString()
        return errorName(body.int16())
      })
      return { error: error === 'NONE' ? (members[0] ?? 'NONE') : error }
    },
  )
}

export interface DescribedGroup {
  readonly error: ErrorCode
  /** Kafka's own word: Stable, PreparingRebalance, CompletingRebalance, Empty, Dead. */
  readonly state: string
  readonly members: readonly DescribedMember[]
}

export interface DescribedMember {
  readonly memberId: string
  /** `/10.0.0.7` */
  readonly host: string
  readonly metadata: Uint8Array
  /** Of the last round; empty before its end. */
  readonly assignment: Uint8Array
}

export function describeGroupRequest(group: string): KafkaRequest<DescribedGroup> {
  return kafkaRequest(
    { apiKey: 15, apiVersion: 3, apiName: 'DescribeGroups' },
    (body) => {
      body.array([group], (name) => body.string(name)).bool(false)
    },
    (body) => {
      body.int32() // throttle time
      const [described] = body.array((): DescribedGroup => {
        const error = errorName(body.int16())
        body.string() // the group asked for
        const state = body.string()
        body.string() // protocol type
        body.string() // protocol
        const members = body.array((): DescribedMember => {
          const memberId = body.string()
          body.string() // client id
          return {
            memberId,
            host: body.string(),
            metadata: body.bytes(),
            assignment: body.bytes(),
          }
        })
        body.int32() // authorised operations, not asked for
        return { error, state, members }
      })
      return described ?? { error: 'UNKNOWN_SERVER_ERROR', state: '', members: [] }
    },
  )
}
