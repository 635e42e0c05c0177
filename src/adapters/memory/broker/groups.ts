// The group coordinator: Kafka's classic protocol.
//
//   Empty ─join─► Preparing ─all joined, or rebalance time-out─► Completing ─leader's sync─► Stable
//                     ▲                                              │                          │
//                     └────────── join, leave, session time-out ─────┴──────────────────────────┘
//
// Every round has a generation of its own; a member that does not come back in time is no longer
// one.
import type { ErrorCode } from '../../client/error-codes.ts'
import type { JoinedMember, RequestOf, ResponseOf } from '../../client/protocol.ts'
import type { Cancel, Timers } from './timers.ts'

type JoinRequest = RequestOf<'joinGroup'>
type JoinAnswer = ResponseOf<'joinGroup'>
type SyncAnswer = ResponseOf<'syncGroup'>

interface Member {
  readonly id: string
  metadata: Uint8Array
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  /** Answers of requests that wait for the others. */
  answerJoin: ((answer: JoinAnswer) => void) | null
  answerSync: ((answer: SyncAnswer) => void) | null
  cancelSession: Cancel
  assignment: Uint8Array
}

interface Group {
  state: 'Empty' | 'Preparing' | 'Completing' | 'Stable'
  generation: number
  leader: string
  readonly members: Map<string, Member>
  /** Ids handed out to members that have not joined with them yet. */
  readonly pending: Set<string>
  cancelRebalance: Cancel
}

const none: Cancel = () => {}
const NO_BYTES = new Uint8Array(0)
const joinRefused = (error: ErrorCode, memberId: string): JoinAnswer => ({
  error,
  memberId,
  generation: -1,
  leader: '',
  members: [],
})
const syncRefused = (error: ErrorCode): SyncAnswer => ({ error, assignment: NO_BYTES })

export class GroupCoordinator {
  readonly #timers: Timers
  readonly #groups = new Map<string, Group>()
  #nextMember = 1

  constructor(timers: Timers) {
    this.#timers = timers
  }

  join(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { memberId, sessionTimeoutMs } = request
    if (sessionTimeoutMs <= 0 || request.rebalanceTimeoutMs <= 0)
      return joinRefused('INVALID_SESSION_TIMEOUT', memberId)
    const group = this.#group(request.group)
    if (memberId === '') {
      const id = `member-${this.#nextMember++}`
      group.pending.add(id)
      this.#timers.after(sessionTimeoutMs, () => group.pending.delete(id))
      return joinRefused('MEMBER_ID_REQUIRED', id)
    }
    const member = group.members.get(memberId)
    if (member === undefined) {
      if (!group.pending.delete(memberId)) return joinRefused('UNKNOWN_MEMBER_ID', memberId)
      return this.#park(group, addMember(group, request), request)
    }
    const isSame = Buffer.compare(member.metadata, request.metadata) === 0
    const isSettled =
      group.state === 'Completing' || (group.state === 'Stable' && memberId !== group.leader)
    // An answer that was lost is given again; a leader or changed metadata asks for a new round.
    if (isSame && isSettled) return joined(group, member)
    return this.#park(group, member, request)
  }

  sync(request: RequestOf<'syncGroup'>): SyncAnswer | Promise<SyncAnswer> {
    const group = this.#groups.get(request.group)
    const member = group?.members.get(request.memberId)
    if (group === undefined || member === undefined) return syncRefused('UNKNOWN_MEMBER_ID')
    if (request.generation !== group.generation) return syncRefused('ILLEGAL_GENERATION')
    this.#touch(group, member)
    if (group.state === 'Stable') return { error: 'NONE', assignment: member.assignment }
    if (group.state !== 'Completing') return syncRefused('REBALANCE_IN_PROGRESS')
    return new Promise((resolve) => {
      member.answerSync?.(syncRefused('REBALANCE_IN_PROGRESS'))
      member.answerSync = resolve
      if (member.id === group.leader) settle(group, request.assignments)
    })
  }

  heartbeat(request: RequestOf<'heartbeat'>): { error: ErrorCode } {
    const group = this.#groups.get(request.group)
    const member = group?.members.get(request.memberId)
    if (group === undefined || member === undefined) return { error: 'UNKNOWN_MEMBER_ID' }
    if (request.generation !== group.generation) return { error: 'ILLEGAL_GENERATION' }
    this.#touch(group, member)
    return { error: group.state === 'Preparing' ? 'REBALANCE_IN_PROGRESS' : 'NONE' }
  }

  leave(request: RequestOf<'leaveGroup'>): { error: ErrorCode } {
    const group = this.#groups.get(request.group)
    const member = group?.members.get(request.memberId)
    if (group?.pending.delete(request.memberId) === true) return { error: 'NONE' }
    if (group === undefined || member === undefined) return { error: 'UNKNOWN_MEMBER_ID' }
    this.#remove(group, member)
    return { error: 'NONE' }
  }

  /** Nobody is a member. */
  isEmpty(name: string): boolean {
    return (this.#groups.get(name)?.members.size ?? 0) === 0
  }

  #group(name: string): Group {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = {
        state: 'Empty',
        generation: 0,
        leader: '',
        members: new Map(),
        pending: new Set(),
        cancelRebalance: none,
      }
      this.#groups.set(name, group)
    }
    return group
  }

  #park(group: Group, member: Member, request: JoinRequest): Promise<JoinAnswer> {
    member.metadata = request.metadata
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.cancelSession()
    member.answerJoin?.(joinRefused('REBALANCE_IN_PROGRESS', member.id))
    return new Promise((resolve) => {
      member.answerJoin = resolve
      this.#prepare(group)
    })
  }

  /** Starts a round, or ends it when everybody is there. */
  #prepare(group: Group): void {
    if (group.state !== 'Preparing') {
      group.state = 'Preparing'
      for (const member of group.members.values()) answerSync(member, 'REBALANCE_IN_PROGRESS')
      const waitMs = Math.max(0, ...[...group.members.values()].map((m) => m.rebalanceTimeoutMs))
      group.cancelRebalance = this.#timers.after(waitMs, () => {
        for (const member of group.members.values())
          if (member.answerJoin === null) forget(group, member)
        this.#complete(group)
      })
    }
    if ([...group.members.values()].every((member) => member.answerJoin !== null))
      this.#complete(group)
  }

  #complete(group: Group): void {
    group.cancelRebalance()
    group.generation++
    const [first] = group.members.keys()
    if (first === undefined) {
      group.state = 'Empty'
      return
    }
    if (!group.members.has(group.leader)) group.leader = first
    group.state = 'Completing'
    for (const member of group.members.values()) {
      member.assignment = NO_BYTES
      member.answerJoin?.(joined(group, member))
      member.answerJoin = null
      this.#touch(group, member)
    }
  }

  /** The member has been heard of: its session starts again. */
  #touch(group: Group, member: Member): void {
    member.cancelSession()
    member.cancelSession = this.#timers.after(member.sessionTimeoutMs, () => {
      // Who waits for the others is alive.
      if (member.answerJoin !== null) return
      if (member.answerSync !== null) this.#touch(group, member)
      else this.#remove(group, member)
    })
  }

  #remove(group: Group, member: Member): void {
    forget(group, member)
    this.#prepare(group)
  }
}

function addMember(group: Group, request: JoinRequest): Member {
  const member: Member = {
    id: request.memberId,
    metadata: request.metadata,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    answerJoin: null,
    answerSync: null,
    cancelSession: none,
    assignment: NO_BYTES,
  }
  group.members.set(member.id, member)
  return member
}

function forget(group: Group, member: Member): void {
  member.cancelSession()
  group.members.delete(member.id)
  member.answerJoin?.(joinRefused('UNKNOWN_MEMBER_ID', member.id))
  member.answerJoin = null
  answerSync(member, 'UNKNOWN_MEMBER_ID')
}

function answerSync(member: Member, error: ErrorCode): void {
  member.answerSync?.(syncRefused(error))
  member.answerSync = null
}

function joined(group: Group, member: Member): JoinAnswer {
  const members: JoinedMember[] = []
  if (member.id === group.leader)
    for (const { id, metadata } of group.members.values()) members.push({ memberId: id, metadata })
  return {
    error: 'NONE',
    memberId: member.id,
    generation: group.generation,
    leader: group.leader,
    members,
  }
}

function settle(group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
  group.state = 'Stable'
  for (const member of group.members.values()) {
    member.assignment = assignments.get(member.id) ?? NO_BYTES
    member.answerSync?.({ error: 'NONE', assignment: member.assignment })
    member.answerSync = null
  }
}
