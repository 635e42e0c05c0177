// The group coordinator by its requests: rounds that somebody misses.
import { expect, test } from 'vitest'
import { GroupCoordinator } from '../../../src/adapters/memory/broker/groups.ts'
import { Timers } from '../../../src/adapters/memory/broker/timers.ts'
import type { RequestOf } from '../../../src/adapters/client/protocol.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const GROUP = 'g'
const TASKS = Uint8Array.of(0, 0, 0, 1)

function started(): { groups: GroupCoordinator; clock: VirtualClock } {
  const clock = new VirtualClock()
  return { groups: new GroupCoordinator(new Timers(clock)), clock }
}

const joinRequest = (memberId: string): RequestOf<'joinGroup'> => ({
  group: GROUP,
  memberId,
  metadata: new Uint8Array(0),
  sessionTimeoutMs: 60_000,
  rebalanceTimeoutMs: 2_000,
})

/** The id a first join is told. */
async function idOf(groups: GroupCoordinator): Promise<string> {
  const told = await groups.join(joinRequest(''))
  expect(told.error).toBe('MEMBER_ID_REQUIRED')
  return told.memberId
}

test('who does not come back to a round in time is no longer a member', async () => {
  const { groups, clock } = started()
  const slow = await idOf(groups)
  const first = await groups.join(joinRequest(slow))
  expect(first).toMatchObject({ error: 'NONE', generation: 1, leader: slow })
  const { generation } = first
  const assignments = new Map([[slow, TASKS]])
  await groups.sync({ group: GROUP, memberId: slow, generation, assignments })
  const quick = await idOf(groups)
  let answered = false
  const joining = Promise.resolve(groups.join(joinRequest(quick))).then((answer) => {
    answered = true
    return answer
  })
  const beat = { group: GROUP, memberId: slow, generation }
  expect(groups.heartbeat(beat)).toEqual({ error: 'REBALANCE_IN_PROGRESS' })
  await clock.advance(1_900)
  expect(answered).toBe(false)
  await clock.advance(200)
  expect(await joining).toMatchObject({ error: 'NONE', generation: 2, leader: quick })
  expect(groups.heartbeat(beat)).toEqual({ error: 'UNKNOWN_MEMBER_ID' })
  const late = { group: GROUP, memberId: quick, generation, assignments }
  expect(await groups.sync(late)).toMatchObject({ error: 'ILLEGAL_GENERATION' })
})

test('a follower waiting for a leader that is gone is sent into a new round', async () => {
  const { groups } = started()
  const ids = [await idOf(groups), await idOf(groups)]
  const [one = '', two = ''] = ids
  await groups.join(joinRequest(one))
  const follower = groups.join(joinRequest(two))
  await groups.join(joinRequest(one))
  const { generation, leader } = await follower
  expect(leader).toBe(one)
  const sync = { group: GROUP, memberId: two, generation, assignments: new Map() }
  const waiting = groups.sync(sync)
  expect(groups.leave({ group: GROUP, memberId: one })).toEqual({ error: 'NONE' })
  expect(await waiting).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
  const next = await groups.join(joinRequest(two))
  expect(next).toMatchObject({ generation: generation + 1, leader: two })
})

test('an answer that was lost is given again, without a new round', async () => {
  const { groups } = started()
  const one = await idOf(groups)
  const first = await groups.join(joinRequest(one))
  expect(await groups.join(joinRequest(one))).toEqual(first)
  const assignments = new Map([[one, TASKS]])
  const sync = { group: GROUP, memberId: one, generation: first.generation, assignments }
  const given = await groups.sync(sync)
  expect(given).toEqual({ error: 'NONE', assignment: TASKS })
  expect(await groups.sync(sync)).toEqual(given)
})

test('an id that was never handed out is refused', async () => {
  const { groups } = started()
  expect(await groups.join(joinRequest('made-up'))).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
  const beat = { group: 'never', memberId: 'x', generation: 1 }
  expect(groups.heartbeat(beat)).toEqual({ error: 'UNKNOWN_MEMBER_ID' })
})
