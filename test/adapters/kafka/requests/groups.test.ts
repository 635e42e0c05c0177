// JoinGroup, SyncGroup, Heartbeat and LeaveGroup.
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from '../../../../src/adapters/kafka/requests/groups.ts'
import { type Example, holds } from './example.ts'
import { answer, arrayOf } from './kafkajs-codec.ts'

const joinGroup: Example = {
  request: joinGroupRequest({
    group: 'workers',
    memberId: '',
    metadata: Buffer.from('about me'),
    sessionTimeoutMs: 3_000,
    rebalanceTimeoutMs: 4_000,
  }),
  kafkajs: {
    groupId: 'workers',
    sessionTimeout: 3_000,
    rebalanceTimeout: 4_000,
    memberId: '',
    protocolType: 'healstream',
    groupProtocols: [{ name: 'healstream', metadata: Buffer.from('about me') }],
  },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeInt32(12)
    .writeString('healstream')
    .writeString('m1')
    .writeString('m1')
    .writeEncoder(
      arrayOf(['m1', 'm2'], (to, id) =>
        to
          .writeString(id)
          .writeString(null)
          .writeBytes(Buffer.from(`about ${id}`)),
      ),
    ).buffer,
  says: {
    error: 'NONE',
    generation: 12,
    leader: 'm1',
    memberId: 'm1',
    members: [
      { memberId: 'm1', metadata: Buffer.from('about m1') },
      { memberId: 'm2', metadata: Buffer.from('about m2') },
    ],
  },
}

const syncGroup: Example = {
  request: syncGroupRequest({
    group: 'workers',
    memberId: 'm1',
    generation: 12,
    assignments: new Map([['m2', Buffer.from([1, 2])]]),
  }),
  kafkajs: {
    groupId: 'workers',
    generationId: 12,
    memberId: 'm1',
    groupAssignment: [{ memberId: 'm2', memberAssignment: Buffer.from([1, 2]) }],
  },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeBytes(Buffer.from([3])).buffer,
  says: { error: 'NONE', assignment: Buffer.from([3]) },
}

const heartbeat: Example = {
  request: heartbeatRequest({ group: 'workers', memberId: 'm1', generation: 12 }),
  kafkajs: { groupId: 'workers', groupGenerationId: 12, memberId: 'm1' },
  answer: answer().writeInt32(0).writeInt16(27).buffer,
  says: { error: 'REBALANCE_IN_PROGRESS' },
}

const leaveGroup: Example = {
  request: leaveGroupRequest({ group: 'workers', memberId: 'm1' }),
  kafkajs: { groupId: 'workers', memberId: 'm1' },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeEncoder(arrayOf(['m1'], (to, id) => to.writeString(id).writeString(null).writeInt16(25)))
    .buffer,
  says: { error: 'UNKNOWN_MEMBER_ID' },
}

holds(joinGroup)
holds(syncGroup)
holds(heartbeat)
holds(leaveGroup)
