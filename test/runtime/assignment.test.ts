// The assigner against an oracle that counts by hand: every task has one owner, in the end shares
// are even, nothing moves without need, what runs moves only to who is ready for it, standbys lie
// elsewhere, and a group that is left alone comes to rest.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignTasks } from '../../src/runtime/assignment.ts'
import { encodeMetadata, type WarmTask } from '../../src/runtime/member-facts.ts'
import type { GroupMember, GroupShare } from '../../src/runtime/ports.ts'

type Known = WarmTask
interface Member {
  readonly id: string
  readonly known: readonly Known[]
  readonly behaviour?: number
  readonly format?: number
}

function member({ id, known, behaviour = 2, format = 2 }: Member): GroupMember {
  const about = { round: 3, behaviourFrom: 1, behaviourTo: behaviour, format }
  return { memberId: id, metadata: encodeMetadata({ ...about, tasks: known }) }
}

const owns = (...tasks: number[]): Known[] =>
  tasks.map((task) => ({ task, owned: true, ready: false, position: 9 }))
const follows = (task: number, position: number): Known => ({
  task,
  owned: false,
  ready: false,
  position,
})
const ready = (task: number): Known => ({ task, owned: false, ready: true, position: 9 })

const assign = (
  members: readonly Member[],
  tasks: number,
  standbys = 0,
): ReadonlyMap<string, GroupShare> => assignTasks(members.map(member), { tasks, standbys })

function part(shares: ReadonlyMap<string, GroupShare>, of: 'tasks' | 'standby' | 'coming'): object {
  return Object.fromEntries([...shares].map(([id, share]) => [id, share[of]]))
}

describe('owners', () => {
  test('nobody there: nothing is assigned', () => expect(assign([], 12).size).toBe(0))

  test('bytes of a stranger break nothing, and no behaviour is agreed on', () => {
    const metadata = Uint8Array.of(9, 9, 9)
    const shares = assignTasks([{ memberId: 'x', metadata }], { tasks: 3, standbys: 1 })
    const share = { tasks: [0, 1, 2], standby: [], coming: [], behaviour: 0, format: 0 }
    expect(Object.fromEntries(shares)).toEqual({ x: share })
  })

  test('more members than tasks: some have none', () => {
    const three = ['a', 'b', 'c'].map((id) => ({ id, known: [] }))
    expect(part(assign(three, 2), 'tasks')).toEqual({ a: [0], b: [1], c: [] })
  })

  test('a new member follows first: what runs stays where it is', () => {
    const shares = assign(
      [
        { id: 'a', known: owns(0, 1, 2, 3, 4, 5) },
        { id: 'b', known: [] },
      ],
      6,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0, 1, 2, 3, 4, 5], b: [] })
    expect(part(shares, 'coming')).toEqual({ a: [], b: [3, 4, 5] })
    expect(part(shares, 'standby')).toEqual({ a: [], b: [3, 4, 5] })
  })

  test('ownership follows when it is ready, of those tasks and no others', () => {
    const shares = assign(
      [
        { id: 'a', known: owns(0, 1, 2, 3, 4, 5) },
        { id: 'b', known: [ready(3), follows(4, 2), ready(5)] },
      ],
      6,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0, 1, 2, 4], b: [3, 5] })
    expect(part(shares, 'coming')).toEqual({ a: [], b: [4] })
  })

  test('a task without an owner goes at once, where it is known furthest', () => {
    const shares = assign(
      [
        { id: 'a', known: [follows(1, 50)] },
        { id: 'b', known: [follows(1, 90)] },
      ],
      2,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0], b: [1] })
  })

  test('ready counts more than further: a position is only what it knew when it said so', () => {
    const shares = assign(
      [
        { id: 'a', known: [follows(1, 50_000)] },
        { id: 'b', known: [ready(1)] },
      ],
      2,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0], b: [1] })
  })

  test('of two that claim a task the one further on keeps it', () => {
    const claim = (position: number): Known[] => [{ task: 0, owned: true, ready: false, position }]
    const shares = assign(
      [
        { id: 'a', known: claim(10) },
        { id: 'b', known: claim(11) },
      ],
      2,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [1], b: [0] })
  })

  // A worker was killed and started again within a second, before the group had missed it: it was
  // given back its tasks and restored them for seconds, while others had them ready.
  test('a dead member: its tasks go to who is ready, and come to others from there', () => {
    const known = [...owns(0, 1), ready(4), ready(5)]
    const shares = assign(
      [
        { id: 'a', known },
        { id: 'b', known: owns(2, 3) },
      ],
      6,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0, 1, 4, 5], b: [2, 3] })
    expect(part(shares, 'coming')).toEqual({ a: [], b: [5] })
  })
})

describe('what all have', () => {
  test('is the least of what each has', () => {
    const two = [
      { id: 'a', known: [], behaviour: 3, format: 2 },
      { id: 'b', known: [], behaviour: 2, format: 4 },
    ]
    for (const { behaviour, format } of assign(two, 2).values())
      expect([behaviour, format]).toEqual([2, 2])
  })
})

describe('standbys', () => {
  test('two members follow each other', () => {
    const shares = assign(
      ['a', 'b'].map((id) => ({ id, known: [] })),
      4,
      1,
    )
    expect(part(shares, 'tasks')).toEqual({ a: [0, 2], b: [1, 3] })
    expect(part(shares, 'standby')).toEqual({ a: [1, 3], b: [0, 2] })
  })

  test('one alone has nobody to follow it', () => {
    expect(part(assign([{ id: 'a', known: [] }], 3, 1), 'standby')).toEqual({ a: [] })
  })

  test('who follows goes on following while the task comes to a third', () => {
    const shares = assign(
      [
        { id: 'a', known: owns(0, 1, 2) },
        { id: 'b', known: [...owns(3, 4, 5), ready(2), ready(1), ready(0)] },
        { id: 'c', known: [] },
      ],
      6,
      1,
    )
    expect(shares.get('c')?.coming).toEqual([2, 5])
    expect(shares.get('b')?.standby).toContain(2)
  })
})

const anyMember = fc.record({
  id: fc.stringMatching(/^[a-z]{1,6}$/),
  behaviour: fc.integer({ min: 1, max: 3 }),
  known: fc.uniqueArray(
    fc.record({
      task: fc.nat({ max: 30 }),
      owned: fc.boolean(),
      ready: fc.boolean(),
      position: fc.nat({ max: 99 }),
    }),
    { maxLength: 14, selector: ({ task }) => task },
  ),
})
const anyGroup = fc.uniqueArray(anyMember, { minLength: 1, maxLength: 7, selector: (m) => m.id })

/** Who runs a task by what they say: the first by id of those furthest on. */
function holderOf(group: readonly Member[], task: number): Member | null {
  const claims = group.flatMap((one) =>
    one.known.filter((k) => k.task === task && k.owned).map((k) => ({ one, at: k.position })),
  )
  const most = Math.max(...claims.map(({ at }) => at))
  const first = claims.filter(({ at }) => at === most).map(({ one }) => one)
  return first.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0] ?? null
}

/** Where everything would be if all moves were done. */
function settled(group: readonly Member[], shares: ReadonlyMap<string, GroupShare>): number[] {
  return group.map(({ id }) => {
    const share = shares.get(id)
    const going = [...shares.values()].flatMap(({ coming }) => coming)
    const stays = share?.tasks.filter((task) => !going.includes(task)).length ?? 0
    return stays + (share?.coming.length ?? 0)
  })
}

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts)

describe('any group', () => {
  test('one owner each; even once all moves are done; no more moves than evenness costs', () => {
    fc.assert(
      fc.property(anyGroup, fc.nat({ max: 24 }), (group, count) => {
        const shares = assign(group, count)
        const owned = [...shares.values()].flatMap(({ tasks }) => tasks)
        expect(owned.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
        expect(spread(settled(group, shares))).toBeLessThanOrEqual(1)
        // Fewest moves: whoever runs more than an even share gives away what is above it.
        const held = group.map(
          (one) =>
            Array.from({ length: count }, (_, t) => t).filter((t) => holderOf(group, t) === one)
              .length,
        )
        const least = Math.floor(count / group.length)
        const spare = count - least * group.length
        const above = held.filter((n) => n > least).length
        const stay = held.reduce((sum, n) => sum + Math.min(n, least), 0) + Math.min(above, spare)
        const moved = group.flatMap(({ id }) => {
          const share = shares.get(id)
          const gone = [...(share?.tasks ?? []), ...(share?.coming ?? [])]
          return gone.filter((t) => {
            const holder = holderOf(group, t)
            const isComing = share?.coming.includes(t) ?? false
            return holder !== null && (isComing || holder.id !== id)
          })
        })
        expect(moved).toHaveLength(held.reduce((sum, n) => sum + n, 0) - stay)
        expect(assign(group.toReversed(), count)).toEqual(shares)
      }),
    )
  })

  test('what runs is given only to who is ready; all else that moves is followed there', () => {
    fc.assert(
      fc.property(anyGroup, fc.nat({ max: 24 }), (group, count) => {
        for (const [id, { tasks, standby, coming }] of assign(group, count)) {
          for (const task of tasks) {
            const holder = holderOf(group, task)
            if (holder === null || holder.id === id) continue
            const known = group.find((one) => one.id === id)?.known
            expect(known?.some((k) => k.task === task && k.ready)).toBe(true)
          }
          for (const task of coming) expect(standby).toContain(task)
        }
      }),
    )
  })

  test('standbys: as many as asked for, never on the owner, none could be spread better', () => {
    const asked = fc.integer({ min: 1, max: 3 })
    fc.assert(
      fc.property(anyGroup, fc.nat({ max: 24 }), asked, (group, count, standbys) => {
        const shares = assign(group, count, standbys)
        const each = Math.min(standbys, group.length - 1)
        const all = [...shares.values()]
        for (let task = 0; task < count; task++) {
          const followers = all.filter(({ standby }) => standby.includes(task))
          const coming = all.filter(({ coming: c }) => c.includes(task)).length
          expect(followers.length).toBeGreaterThanOrEqual(each)
          expect(followers.length).toBeLessThanOrEqual(each + coming)
          for (const { tasks } of followers) expect(tasks).not.toContain(task)
        }
        const still = all.map(({ standby, coming, tasks }) => ({
          tasks,
          coming,
          kept: standby.filter((task) => !coming.includes(task)),
        }))
        for (const from of still)
          for (const to of still) {
            if (from.kept.length < to.kept.length + 2) continue
            const movable = from.kept.filter(
              (t) => ![...to.tasks, ...to.kept, ...to.coming].includes(t),
            )
            // What is coming counts as a standby only where there is nobody else.
            if (group.length > each + 1 && from.coming.length + to.coming.length === 0)
              expect(movable).toEqual([])
          }
      }),
    )
  })

  test('comes to rest: everybody catches up, three rounds later nothing moves any more', () => {
    const asked = fc.integer({ min: 0, max: 2 })
    fc.assert(
      fc.property(anyGroup, fc.nat({ max: 24 }), asked, (group, count, standbys) => {
        const round = (now: ReadonlyMap<string, GroupShare>): ReadonlyMap<string, GroupShare> =>
          assign(
            [...now].map(([id, { tasks, standby }]) => ({
              id,
              known: [...owns(...tasks), ...standby.map(ready)],
            })),
            count,
            standbys,
          )
        const second = round(round(round(assign(group, count, standbys))))
        expect(spread([...second.values()].map(({ tasks }) => tasks.length))).toBeLessThanOrEqual(1)
        expect([...second.values()].flatMap(({ coming }) => coming)).toEqual([])
        const third = round(second)
        expect(part(third, 'tasks')).toEqual(part(second, 'tasks'))
        expect(part(round(third), 'standby')).toEqual(part(third, 'standby'))
      }),
    )
  })
})
