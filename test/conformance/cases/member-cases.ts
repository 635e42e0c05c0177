// Groups: every task owned at most once per generation, generations grow, and whoever cannot
// prove ownership is told.
import assert from 'node:assert/strict'
import type { GroupEvent, JoinOptions, Membership } from '../../../src/runtime/ports.ts'
import type { ConformanceCase, ConformanceRig, RigClient } from '../rig.ts'
import { sharesOf } from '../../support/shares.ts'
import { bytes, expectCode, PATIENCE_MS, text, timed } from '../steps.ts'

const TASKS = [0, 1, 2, 3, 4, 5]
const SESSION_MS = 3_000

/** Round robin over the members in the order of their ids. */
const roundRobin: JoinOptions['assign'] = (members) => {
  const ids = members.map((member) => member.memberId).sort()
  return sharesOf(ids.map((id, i) => [id, TASKS.filter((task) => task % ids.length === i)]))
}

interface Player extends RigClient {
  readonly membership: Membership
  readonly events: GroupEvent[]
}

async function join(
  rig: ConformanceRig,
  group: string,
  options: Partial<JoinOptions> = {},
): Promise<Player> {
  const client = await rig.connect()
  const membership = client.log.join({
    group,
    metadata: () => bytes('m'),
    assign: roundRobin,
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: 2_000,
    heartbeatMs: 300,
    ...options,
  })
  const events: GroupEvent[] = []
  const follow = async (): Promise<void> => {
    for (;;) events.push(await membership.next())
  }
  follow().catch(() => {})
  return { ...client, membership, events }
}

/** What the member may work on now. */
function tasksOf({ events }: Player): readonly number[] {
  const last = events.at(-1)
  return last?.kind === 'assigned' ? last.tasks : []
}

function generationOf({ events }: Player): number {
  return events.reduce((max, e) => (e.kind === 'assigned' ? Math.max(max, e.generation) : max), -1)
}

async function until(rig: ConformanceRig, what: string, isTrue: () => boolean): Promise<void> {
  const endMs = rig.clock.monotonicMs() + 2 * PATIENCE_MS
  while (!isTrue()) {
    assert.ok(rig.clock.monotonicMs() < endMs, `never: ${what}`)
    await rig.clock.sleep(20)
  }
}

/** Until the members own all tasks between them, each exactly once and in the same generation. */
async function shared(rig: ConformanceRig, players: readonly Player[]): Promise<void> {
  await until(rig, `${players.length} members share all tasks`, () => {
    const owned = players.flatMap(tasksOf).sort((a, b) => a - b)
    const generations = new Set(players.map(generationOf))
    return generations.size === 1 && owned.join() === TASKS.join()
  })
}

/** No generation ever gave a task to two members. */
function ownedOnce(players: readonly Player[]): void {
  const owners = new Map<string, string>()
  for (const { events } of players)
    for (const event of events) {
      if (event.kind !== 'assigned') continue
      for (const task of event.tasks) {
        const key: string = `${event.generation}/${task}`
        const other: string = owners.get(key) ?? event.memberId
        assert.equal(other, event.memberId, `task ${task} twice in generation ${event.generation}`)
        owners.set(key, event.memberId)
      }
    }
}

function growing({ events }: Player): void {
  let last = -1
  for (const event of events) {
    if (event.kind !== 'assigned') continue
    assert.ok(event.generation > last, `generation ${event.generation} after ${last}`)
    last = event.generation
  }
}

export const MEMBER_CASES: readonly ConformanceCase[] = [
  {
    id: 'member-alone',
    title: 'a member alone is given everything',
    story: 'One worker is a legal cluster.',
    async run(rig) {
      const player = await join(rig, rig.unique('group'))
      await shared(rig, [player])
      const [first] = player.events
      assert.ok(first?.kind === 'assigned' && first.memberId.length > 0)
      await player.membership.leave()
    },
  },
  {
    id: 'member-two',
    title: 'a second member gets a share, in a newer generation',
    story: 'A task owned twice in one generation is two writers with equal right.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      await shared(rig, [one])
      const before = generationOf(one)
      const two = await join(rig, group)
      await shared(rig, [one, two])
      assert.ok(generationOf(one) > before)
      assert.ok(tasksOf(one).length === 3 && tasksOf(two).length === 3)
      ownedOnce([one, two])
      for (const player of [one, two]) growing(player)
    },
  },
  {
    id: 'member-leaves',
    title: 'what a leaving member had goes to the other at once',
    story: 'A rolling upgrade must not cost a session time-out per worker.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      const two = await join(rig, group)
      await shared(rig, [one, two])
      const tookMs = await timed(rig, async () => {
        await two.membership.leave()
        await shared(rig, [one])
      })
      assert.ok(tookMs < SESSION_MS, `took ${tookMs} ms`)
      ownedOnce([one, two])
    },
  },
  {
    id: 'member-dies',
    title: 'what a dead member had goes to the other after its session, not before',
    story: 'kill -9 sends no goodbye.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      const two = await join(rig, group)
      await shared(rig, [one, two])
      // It said something at most a heartbeat ago.
      two.link.cut()
      const tookMs = await timed(rig, () => shared(rig, [one]))
      assert.ok(tookMs > SESSION_MS - 1_000, `after ${tookMs} ms`)
      assert.ok(tookMs < SESSION_MS + 6_000, `after ${tookMs} ms`)
      ownedOnce([one, two])
    },
  },
  {
    id: 'member-leader-dies',
    title: 'the group goes on when its leader dies',
    story: 'The assigner runs on a member like any other.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      await shared(rig, [one])
      const two = await join(rig, group)
      const three = await join(rig, group)
      await shared(rig, [one, two, three])
      one.link.cut()
      await shared(rig, [two, three])
      ownedOnce([one, two, three])
    },
  },
  {
    id: 'member-paused',
    title: 'a member cut off for longer than its session is told `lost`, and comes back newer',
    story: 'It must stop acting before another may have been given its tasks.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      const two = await join(rig, group)
      await shared(rig, [one, two])
      const before = generationOf(two)
      two.link.cut()
      await until(rig, 'lost', () => two.events.at(-1)?.kind === 'lost')
      await shared(rig, [one])
      two.link.restore()
      await shared(rig, [one, two])
      assert.ok(generationOf(two) > before)
      ownedOnce([one, two])
      growing(two)
    },
  },
  {
    id: 'member-lost-first',
    title: 'the cut-off member knows before the other is given its tasks',
    story:
      'The session is counted from when the last answered request was sent, so ours ends first.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      const two = await join(rig, group)
      await shared(rig, [one, two])
      two.link.cut()
      const mine = new Set(tasksOf(two))
      await until(rig, 'taken over', () => {
        const overlap = tasksOf(one).some((task) => mine.has(task))
        if (overlap) assert.equal(two.events.at(-1)?.kind, 'lost', 'taken over before told')
        return overlap
      })
    },
  },
  {
    id: 'member-hiccup',
    title: 'heartbeats lost for less than the session cost nothing',
    story: 'One lost packet must not move a task.',
    async run(rig) {
      const player = await join(rig, rig.unique('group'), { sessionTimeoutMs: 6_000 })
      await shared(rig, [player])
      const lost = player.link.disturb('Heartbeat', 'lose answer', 2)
      await lost.met
      await rig.clock.sleep(7_000)
      assert.equal(player.events.length, 1)
      assert.equal(player.events[0]?.kind, 'assigned')
    },
  },
  {
    id: 'member-join-lost',
    title: 'a lost answer to JoinGroup or SyncGroup delays, and no more',
    story: 'A member that waits for ever holds the whole group up.',
    async run(rig) {
      const group = rig.unique('group')
      const one = await join(rig, group)
      await shared(rig, [one])
      const two = await join(rig, group)
      two.link.disturb('JoinGroup', 'lose answer')
      two.link.disturb('SyncGroup', 'lose answer')
      await shared(rig, [one, two])
      ownedOnce([one, two])
    },
  },
  {
    id: 'member-metadata',
    title: 'the leader sees what members say of themselves, and again after rejoin()',
    story: 'The warmest member gets the task: its journal position travels in the metadata.',
    async run(rig) {
      const group = rig.unique('group')
      const seen: string[][] = []
      const assign: JoinOptions['assign'] = (members) => {
        seen.push(members.map((member) => text(member.metadata) ?? '').sort())
        return roundRobin(members)
      }
      let warmth = 'cold'
      const one = await join(rig, group, { metadata: () => bytes('one'), assign })
      await shared(rig, [one])
      const two = await join(rig, group, { metadata: () => bytes(warmth), assign })
      await shared(rig, [one, two])
      assert.deepEqual(seen.at(-1), ['cold', 'one'])
      const before = generationOf(two)
      warmth = 'warm'
      two.membership.rejoin()
      await until(rig, 'a new round', () => generationOf(two) > before)
      await shared(rig, [one, two])
      assert.deepEqual(seen.at(-1), ['one', 'warm'])
    },
  },
  {
    id: 'member-left-out',
    title: 'tasks that the assigner leaves out stay unowned; a member may get none',
    story: 'More workers than tasks is normal.',
    async run(rig) {
      const group = rig.unique('group')
      const assign: JoinOptions['assign'] = (members) =>
        sharesOf([[members.map((m) => m.memberId).sort()[0] ?? '', [2]]])
      const one = await join(rig, group, { assign })
      const two = await join(rig, group, { assign })
      await until(rig, 'both are in one generation', () => {
        const isSame = generationOf(one) === generationOf(two)
        return isSame && generationOf(one) > 0
      })
      const given = [tasksOf(one), tasksOf(two)].sort((a, b) => a.length - b.length)
      assert.deepEqual(given, [[], [2]])
    },
  },
  {
    id: 'member-share',
    title: 'a member is told what to follow, what is coming and what all members have',
    story: 'A standby that is never told is a restore at the next death.',
    async run(rig) {
      const share = { tasks: [1], standby: [4, 5], coming: [5], behaviour: 7, format: 3 }
      const player = await join(rig, rig.unique('group'), {
        assign: (members) => new Map(members.map((m) => [m.memberId, share] as const)),
      })
      await until(rig, 'assigned', () => player.events.length > 0)
      assert.deepEqual({ ...player.events[0], ...share }, player.events[0])
    },
  },
  {
    id: 'member-proven',
    title: 'ownership is proven for a session at most, and not at all once it is lost',
    story: 'Who has stood still must know by itself, before it reads that it has lost its tasks.',
    async run(rig) {
      const player = await join(rig, rig.unique('group'))
      assert.ok(player.membership.provenForMs() <= 0, 'proven before it was given anything')
      await shared(rig, [player])
      for (let i = 0; i < 20; i++, await rig.clock.sleep(50)) {
        const leftMs = player.membership.provenForMs()
        assert.ok(leftMs > SESSION_MS / 2 && leftMs <= SESSION_MS, `proven for ${leftMs} ms`)
      }
      player.link.cut()
      await until(rig, 'lost', () => player.events.at(-1)?.kind === 'lost')
      assert.ok(player.membership.provenForMs() <= 0)
      player.link.restore()
      await shared(rig, [player])
      assert.ok(player.membership.provenForMs() > 0)
    },
  },
  {
    id: 'member-twice-refused',
    title: 'an assigner that gives a task to two members is refused',
    story: 'A defect in our own assigner must not become two owners.',
    async run(rig) {
      const client = await rig.connect()
      const membership = client.log.join({
        group: rig.unique('group'),
        metadata: () => bytes('m'),
        assign: (members) => sharesOf(members.map((m) => [m.memberId, [1, 1]] as const)),
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: 2_000,
        heartbeatMs: 300,
      })
      await expectCode(membership.next(), 'INVALID_REQUEST')
      await membership.leave()
    },
  },
  {
    id: 'member-leave-closes',
    title: 'after leave() next rejects with CLOSED, also one that waits',
    story: 'Nobody may take an old assignment out of a queue after having left.',
    async run(rig) {
      const { log } = await rig.connect()
      const membership = log.join({
        group: rig.unique('group'),
        metadata: () => bytes('m'),
        assign: roundRobin,
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: 2_000,
        heartbeatMs: 300,
      })
      assert.equal((await membership.next()).kind, 'assigned')
      const waiting = expectCode(membership.next(), 'CLOSED')
      const tookMs = await timed(rig, () => membership.leave())
      assert.ok(tookMs < 2_000, `took ${tookMs} ms`)
      await waiting
      await expectCode(membership.next(), 'CLOSED')
    },
  },
  {
    id: 'member-churn',
    title: 'members that come, go, die and come back never share a task in a generation',
    story: 'The rounds of a bad night, in one minute.',
    async run(rig) {
      const group = rig.unique('group')
      const all: Player[] = []
      let alive: Player[] = []
      const add = async (): Promise<void> => {
        const player = await join(rig, group)
        all.push(player)
        alive.push(player)
      }
      const take = (): Player | undefined => alive.shift()
      await add()
      await add()
      for (const move of ['add', 'leave', 'add', 'die', 'add', 'pause', 'add', 'leave'] as const) {
        await rig.clock.sleep(700)
        if (move === 'add') await add()
        else if (move === 'leave') await take()?.membership.leave()
        else if (move === 'die') take()?.link.cut()
        else {
          const [player] = alive
          player?.link.cut()
          await rig.clock.sleep(4_500)
          player?.link.restore()
        }
      }
      await shared(rig, alive)
      alive = []
      ownedOnce(all)
      for (const player of all) growing(player)
    },
  },
]
