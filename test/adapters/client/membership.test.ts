// A member against a coordinator whose answers the test writes: late, twice, never, refusals of all
// kinds, garbage. Time is virtual.
import { expect, test } from 'vitest'
import { crc32c } from '../../../src/adapters/client/crc32c.ts'
import { encodeAssignment } from '../../../src/adapters/client/assignment-bytes.ts'
import type { ErrorCode } from '../../../src/adapters/client/error-codes.ts'
import { GroupMembership, type MemberOptions } from '../../../src/adapters/client/membership.ts'
import type { Handlers, RequestOf, Transport } from '../../../src/adapters/client/protocol.ts'
import type { GroupEvent } from '../../../src/runtime/ports.ts'
import { owning, sharesOf } from '../../support/shares.ts'
import { deferred } from '../../support/deferred.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const SESSION_MS = 6_000
const REBALANCE_MS = 3_000
const HEARTBEAT_MS = 500

type GroupApi = 'heartbeat' | 'joinGroup' | 'leaveGroup' | 'syncGroup'
type Coordinator = Pick<Handlers, GroupApi>

const never = <T>(): Promise<T> => new Promise<T>(() => {})

/** A coordinator with this one member, which leads and has tasks 3 and 4; parts can be replaced. */
class Fake {
  readonly calls: string[] = []
  generation = 1
  memberId = 'm-1'
  isDoubling = false
  readonly #parts: Partial<Coordinator>

  constructor(parts: Partial<Coordinator> = {}) {
    this.#parts = parts
  }

  readonly usual: Coordinator = {
    joinGroup: ({ memberId }) => {
      const isKnown = memberId === this.memberId
      const error: ErrorCode = isKnown ? 'NONE' : 'MEMBER_ID_REQUIRED'
      const { generation } = this
      return { error, memberId: this.memberId, generation, leader: 'other', members: [] }
    },
    syncGroup: () => ({ error: 'NONE', assignment: bytesOf([3, 4]) }),
    heartbeat: () => ({ error: 'NONE' }),
    leaveGroup: () => ({ error: 'NONE' }),
  }

  readonly transport: Transport = async (api, request) => {
    this.calls.push(api)
    const parts: Partial<Handlers> = { ...this.usual, ...this.#parts }
    const handler = parts[api]
    if (handler === undefined) throw new Error(`not asked of a coordinator: ${api}`)
    if (this.isDoubling) await handler(request)
    return handler(request)
  }

  count(api: GroupApi): number {
    return this.calls.filter((call) => call === api).length
  }
}

function bytesOf(tasks: readonly number[]): Uint8Array {
  return encodeAssignment(sharesOf([['m', tasks]])).get('m') ?? new Uint8Array(0)
}

interface Player {
  readonly membership: GroupMembership
  readonly clock: VirtualClock
  readonly events: GroupEvent[]
  /** What next() rejected with. */
  readonly failure: () => unknown
}

function started(
  fake: Fake,
  options: Partial<MemberOptions> = {},
  clock = new VirtualClock(),
): Player {
  const membership = new GroupMembership(
    { transport: fake.transport, clock, crc32c },
    {
      group: 'g',
      metadata: () => new Uint8Array(1),
      assign: (members) => sharesOf(members.map(({ memberId }) => [memberId, [3, 4]])),
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      heartbeatMs: HEARTBEAT_MS,
      ...options,
    },
  )
  const events: GroupEvent[] = []
  let failure: unknown = null
  const follow = async (): Promise<void> => {
    for (;;) events.push(await membership.next())
  }
  follow().catch((error: unknown) => {
    failure = error
  })
  return { membership, clock, events, failure: () => failure }
}

const kinds = ({ events }: Player): string[] => events.map((event) => event.kind)

/** Answers with each error once, then as usual. */
function first<T>(errors: readonly ErrorCode[], refuse: (error: ErrorCode) => T): () => T | null {
  const left = [...errors]
  return () => {
    const error = left.shift()
    return error === undefined ? null : refuse(error)
  }
}

const PASSING: readonly ErrorCode[] = [
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_SERVER_ERROR', // ended the membership, and with it the worker
]

test('a coordinator that loads, moves or is not there is asked again, in every step', async () => {
  const join = first(PASSING, (error) => ({
    error,
    memberId: '',
    generation: -1,
    leader: '',
    members: [],
  }))
  const sync = first(PASSING, (error) => ({ error, assignment: new Uint8Array(0) }))
  const beat = first(PASSING, (error) => ({ error }))
  const fake: Fake = new Fake({
    joinGroup: (request) => join() ?? fake.usual.joinGroup(request),
    syncGroup: (request) => sync() ?? fake.usual.syncGroup(request),
    heartbeat: (request) => beat() ?? fake.usual.heartbeat(request),
  })
  const player = started(fake)
  await player.clock.advance(30_000)
  expect(player.events).toEqual([
    { kind: 'assigned', generation: 1, memberId: 'm-1', ...owning([3, 4]) },
  ])
  // A sync is asked again by itself: no new round for the others.
  expect(fake.count('joinGroup')).toBe(PASSING.length + 2)
  expect(fake.count('syncGroup')).toBe(PASSING.length + 1)
  await player.membership.leave()
})

test('a coordinator that is away for longer than the session costs the tasks, once', async () => {
  let isAway = false
  const fake: Fake = new Fake({
    heartbeat: () => ({ error: isAway ? 'NOT_COORDINATOR' : 'NONE' }),
    joinGroup: (request) => {
      if (!isAway) return fake.usual.joinGroup(request)
      return { ...refusedJoin, error: 'COORDINATOR_NOT_AVAILABLE' }
    },
  })
  const player = started(fake)
  await player.clock.advance(1_000)
  isAway = true
  await player.clock.advance(SESSION_MS - HEARTBEAT_MS - 100)
  expect(kinds(player)).toEqual(['assigned'])
  await player.clock.advance(20_000)
  expect(kinds(player)).toEqual(['assigned', 'lost'])
  // Bounded: one every half second when it takes long.
  expect(fake.count('joinGroup')).toBeLessThan(50)
  isAway = false
  fake.generation = 7
  fake.memberId = 'm-2'
  await player.clock.advance(1_000)
  expect(player.events.at(-1)).toMatchObject({ kind: 'assigned', generation: 7, memberId: 'm-2' })
  await player.membership.leave()
})

const refusedJoin = { memberId: '', generation: -1, leader: '', members: [] }

test.each([
  ['GROUP_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED', /allow READ/],
  ['INVALID_SESSION_TIMEOUT', 'INVALID_REQUEST', /group\.min\.session\.timeout\.ms/],
  ['INCONSISTENT_GROUP_PROTOCOL', 'INVALID_REQUEST', /members of another kind/],
  ['GROUP_MAX_SIZE_REACHED', 'INVALID_REQUEST', /group\.max\.size/],
  ['INVALID_GROUP_ID', 'INVALID_REQUEST', /INVALID_GROUP_ID to joinGroup/],
] as const)('%s ends the membership with a word a person can use', async (error, code, words) => {
  const fake = new Fake({ joinGroup: () => ({ ...refusedJoin, error }) })
  const player = started(fake)
  await player.clock.advance(100)
  expect(player.failure()).toMatchObject({ code, message: expect.stringMatching(words) })
  const asked = fake.calls.length
  await player.clock.advance(60_000)
  expect(fake.calls.length).toBe(asked)
  await player.membership.leave()
  expect(player.clock.sleeping).toBe(0)
})

test('no longer authorized: lost, then the failure, and the group is told', async () => {
  let isRevoked = false
  const fake = new Fake({
    heartbeat: () => ({ error: isRevoked ? 'GROUP_AUTHORIZATION_FAILED' : 'NONE' }),
  })
  const player = started(fake)
  await player.clock.advance(1_000)
  isRevoked = true
  await player.clock.advance(1_000)
  expect(kinds(player)).toEqual(['assigned', 'lost'])
  expect(player.failure()).toMatchObject({ code: 'NOT_AUTHORIZED' })
  expect(fake.count('leaveGroup')).toBe(1)
})

test('tasks are kept through a rebalance that takes its time', async () => {
  const gate = deferred()
  let isRebalancing = false
  const fake: Fake = new Fake({
    heartbeat: () => ({ error: isRebalancing ? 'REBALANCE_IN_PROGRESS' : 'NONE' }),
    joinGroup: async (request) => {
      if (isRebalancing) await gate.promise
      isRebalancing = false
      return fake.usual.joinGroup(request)
    },
  })
  const player = started(fake)
  await player.clock.advance(1_000)
  isRebalancing = true
  fake.generation = 2
  await player.clock.advance(2_500)
  expect(kinds(player)).toEqual(['assigned'])
  gate.resolve()
  await player.clock.advance(100)
  expect(kinds(player)).toEqual(['assigned', 'assigned'])
  await player.membership.leave()
})

test('an answer that comes after its time changes nothing', async () => {
  // Story: the join of an older attempt was answered after a newer one; taking its generation for
  // the present one would give tasks back that had moved on.
  const gate = deferred()
  let joins = 0
  const fake: Fake = new Fake({
    joinGroup: async (request) => {
      const mine = ++joins
      const { generation } = fake
      // The second is the first with an id.
      if (mine === 2) await gate.promise
      return { ...(await fake.usual.joinGroup(request)), generation }
    },
  })
  const player = started(fake)
  await player.clock.advance(1_000)
  fake.generation = 2
  await player.clock.advance(REBALANCE_MS + 1_000)
  expect(player.events.at(-1)).toMatchObject({ kind: 'assigned', generation: 2 })
  gate.resolve()
  await player.clock.advance(5_000)
  expect(kinds(player)).toEqual(['assigned'])
  await player.membership.leave()
})

test('every request carried out and answered twice is as good as once', async () => {
  const fake = new Fake()
  fake.isDoubling = true
  const player = started(fake)
  await player.clock.advance(10_000)
  expect(kinds(player)).toEqual(['assigned'])
  await player.membership.leave()
})

test('who is refused as unknown again and again does not storm the coordinator', async () => {
  const fake: Fake = new Fake({
    joinGroup: ({ memberId }) =>
      memberId === ''
        ? { ...refusedJoin, error: 'MEMBER_ID_REQUIRED', memberId: 'm-1' }
        : { ...refusedJoin, error: 'UNKNOWN_MEMBER_ID' },
  })
  const player = started(fake)
  await player.clock.advance(10_000)
  expect(player.events).toEqual([])
  expect(fake.count('joinGroup')).toBeGreaterThan(10)
  expect(fake.count('joinGroup')).toBeLessThan(100)
  await player.membership.leave()
})

test('an assignment of something else is refused, not half understood', async () => {
  const assignment = new TextEncoder().encode('range,roundrobin')
  const fake = new Fake({ syncGroup: () => ({ error: 'NONE', assignment }) })
  const player = started(fake)
  await player.clock.advance(1_000)
  expect(player.events).toEqual([])
  expect(player.failure()).toMatchObject({ code: 'INVALID_REQUEST' })
  expect(fake.count('leaveGroup')).toBe(1)
})

test('no assignment at all is a member without tasks', async () => {
  const assignment = new Uint8Array(0)
  const player = started(new Fake({ syncGroup: () => ({ error: 'NONE', assignment }) }))
  await player.clock.advance(1_000)
  expect(player.events).toMatchObject([{ kind: 'assigned', tasks: [] }])
  await player.membership.leave()
})

test('metadata and assignment may come later, from another thread', async () => {
  const said: RequestOf<'syncGroup'>[] = []
  const clock = new VirtualClock()
  const members = [{ memberId: 'm-1', metadata: new Uint8Array(2) }]
  const fake: Fake = new Fake({
    joinGroup: async (request) => {
      expect(request.metadata.length).toBe(2)
      return { ...(await fake.usual.joinGroup(request)), leader: 'm-1', members }
    },
    syncGroup: (request) => {
      said.push(request)
      return fake.usual.syncGroup(request)
    },
  })
  const options: Partial<MemberOptions> = {
    metadata: async () => {
      await clock.sleep(40)
      return new Uint8Array(2)
    },
    assign: async (all) => {
      await clock.sleep(40)
      return sharesOf(all.map(({ memberId }) => [memberId, [3, 4]]))
    },
  }
  const player = started(fake, options, clock)
  await clock.advance(1_000)
  expect(said[0]?.assignments).toEqual(new Map([['m-1', bytesOf([3, 4])]]))
  expect(kinds(player)).toEqual(['assigned'])
  await player.membership.leave()
})

test('who runs the tasks stands still: given away, though heartbeats are answered', async () => {
  // Story: the heartbeats of a thread of their own go on for ever while the main loop hangs in one
  // function; nobody would get its tasks.
  const clock = new VirtualClock()
  let standsSinceMs = Number.POSITIVE_INFINITY
  const isStanding = (): boolean => clock.monotonicMs() > standsSinceMs
  const player = started(
    new Fake(),
    {
      seenMs: () => Math.min(standsSinceMs, clock.monotonicMs()),
      metadata: () => (isStanding() ? never() : new Uint8Array(1)),
    },
    clock,
  )
  await clock.advance(10_000)
  standsSinceMs = clock.monotonicMs()
  await clock.advance(SESSION_MS - 100)
  expect(kinds(player)).toEqual(['assigned'])
  await clock.advance(200)
  expect(player.events.at(-1)).toMatchObject({
    kind: 'lost',
    reason: 'the main loop stood still for a whole session',
  })
  await clock.advance(60_000)
  expect(kinds(player)).toEqual(['assigned', 'lost'])
  await player.membership.leave()
})

test('an assignment that was answered before a long stop is not used', async () => {
  // Story: a process is stopped between its SyncGroup and the answer, and goes on a minute later
  // with the answer in its socket. Its tasks have another owner by then.
  const gate = deferred()
  let isStopped = true
  const fake: Fake = new Fake({
    syncGroup: async (request) => {
      if (isStopped) await gate.promise
      isStopped = false
      return fake.usual.syncGroup(request)
    },
  })
  const clock = new JumpingClock()
  const player = started(fake, {}, clock)
  await clock.advance(10)
  clock.jumpMs = 60_000
  fake.generation = 2
  fake.memberId = 'm-2'
  gate.resolve()
  await clock.advance(1_000)
  expect(player.events).toMatchObject([{ kind: 'assigned', generation: 2, memberId: 'm-2' }])
  await player.membership.leave()
})

/** Time passes and no timer has run yet: what the first callback after SIGCONT sees. */
class JumpingClock extends VirtualClock {
  jumpMs = 0

  override monotonicMs(): number {
    return super.monotonicMs() + this.jumpMs
  }
}

test('leave() waits for a silent coordinator for less than a second', async () => {
  const fake = new Fake({ leaveGroup: () => never() })
  const player = started(fake)
  await player.clock.advance(1_000)
  const startMs = player.clock.monotonicMs()
  const left = [player.membership.leave(), player.membership.leave()]
  await player.clock.run(Promise.all(left))
  expect(player.clock.monotonicMs() - startMs).toBeLessThan(1_000)
  expect(fake.count('leaveGroup')).toBe(1)
  expect(player.failure()).toMatchObject({ code: 'CLOSED' })
  expect(player.clock.sleeping).toBe(0)
})
