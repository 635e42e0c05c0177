// Who should own and follow which task: a pure function of what the members say about themselves.
// Each task goes to one member, all topics of its partition number with it; in the end no member
// has more than one task above any other. As few tasks as possible move, and one that runs moves
// for the sake of evenness only once its next owner has caught up with it: until then it is coming
// there, followed, and runs where it is (the idea of KIP-441). A task without an owner goes at once
// to one that has caught up with it, whatever else that one has; else where it is known best.
// Standbys lie on other members, spread evenly, where they were before as far as that goes. All of
// it is only a hint: the fence decides.
import { compareText } from '../core/kernel/order.ts'
import { decodeMetadata, type MemberFacts, type WarmTask } from './member-facts.ts'
import type { GroupMember, GroupShare } from './ports.ts'

export interface Wanted {
  /** Tasks are numbered from 0. */
  readonly tasks: number
  /** Members that follow each task beside its owner, as far as there are members. */
  readonly standbys: number
}

interface Seat {
  readonly memberId: string
  readonly facts: MemberFacts
  readonly warm: ReadonlyMap<number, WarmTask>
  /** Runs there now. */
  readonly held: number[]
  readonly tasks: number[]
  readonly standby: Set<number>
  readonly coming: Set<number>
}

/** How well a member knows a task, to be compared: ready before followed before unknown. */
function warmth(seat: Seat, task: number): number {
  const warm = seat.warm.get(task)
  if (warm === undefined) return -1
  // Positions have 48 bits.
  return warm.ready || warm.owned ? 2 ** 48 + warm.position : warm.position
}

function isReady(seat: Seat, task: number): boolean {
  return seat.warm.get(task)?.ready === true
}

/** Every member is in the answer, in the order of ids; deterministic. */
export function assignTasks(
  members: readonly GroupMember[],
  wanted: Wanted,
): ReadonlyMap<string, GroupShare> {
  const seats = members
    .map(({ memberId, metadata }): Seat => {
      const facts = decodeMetadata(metadata)
      const warm = new Map(facts.tasks.map((one) => [one.task, one] as const))
      const empty = { held: [], tasks: [], standby: new Set<number>(), coming: new Set<number>() }
      return { memberId, facts, warm, ...empty }
    })
    .sort((a, b) => compareText(a.memberId, b.memberId))
  const holders = holdersOf(seats, wanted.tasks)
  const targets = even(seats, wanted.tasks)
  const owners = targets.map((target, task) => {
    const holder = holders[task] ?? heirOf(seats, task)
    const stays = holder !== null && holder !== target && !isReady(target, task)
    if (stays) target.coming.add(task)
    const owner = stays ? holder : target
    owner.tasks.push(task)
    return owner
  })
  spreadStandbys(seats, owners, wanted.standbys)
  const behaviour = leastOf(seats, ({ behaviourTo }) => behaviourTo)
  const format = leastOf(seats, (facts) => facts.format)
  return new Map(
    seats.map(({ memberId, tasks, standby, coming }) => {
      const followed = [...new Set([...standby, ...coming])].sort(ascending)
      const share = { tasks, standby: followed, coming: [...coming].sort(ascending) }
      return [memberId, { ...share, behaviour, format }]
    }),
  )
}

const ascending = (a: number, b: number): number => a - b

function leastOf(seats: readonly Seat[], of: (facts: MemberFacts) => number): number {
  return seats.length === 0 ? 0 : Math.min(...seats.map(({ facts }) => of(facts)))
}

/** Who runs each task now; of two that say so, the one further on. Fills `held`. */
function holdersOf(seats: readonly Seat[], count: number): readonly (Seat | null)[] {
  return Array.from({ length: count }, (_, task) => {
    const holder = best(
      seats.filter((seat) => seat.warm.get(task)?.owned === true),
      (seat) => warmth(seat, task),
    )
    holder?.held.push(task)
    return holder
  })
}

/** Who can go on with a task that nobody runs, at once. */
function heirOf(seats: readonly Seat[], task: number): Seat | null {
  const ready = seats.filter((seat) => isReady(seat, task))
  return best(ready, (seat) => warmth(seat, task))
}

/** The first of those with the highest score; null for none. */
function best<T>(list: readonly T[], score: (one: T) => number): T | null {
  let found: { one: T; score: number } | null = null
  for (const one of list) {
    const value = score(one)
    if (found === null || value > found.score) found = { one, score: value }
  }
  return found?.one ?? null
}

/** Shares as even as can be with as few moves as possible: the owner of each task. */
function even(seats: readonly Seat[], count: number): readonly Seat[] {
  const room = quotas(seats, count)
  const owners = new Map<number, Seat>()
  const give = (task: number, seat: Seat): void => {
    owners.set(task, seat)
    room.set(seat, (room.get(seat) ?? 0) - 1)
  }
  const least = Math.floor(count / Math.max(1, seats.length))
  const takers = seats.filter(({ held }) => held.length <= least)
  for (const seat of seats) {
    // What somebody else knows well is given away first.
    const known = new Map(
      seat.held.map((task) => [task, Math.max(-1, ...takers.map((t) => warmth(t, task)))]),
    )
    const keep = seat.held.toSorted((a, b) => (known.get(a) ?? 0) - (known.get(b) ?? 0) || a - b)
    for (const task of keep.slice(0, room.get(seat) ?? 0)) give(task, seat)
  }
  const open = seats.filter((seat) => (room.get(seat) ?? 0) > 0)
  const homeless = Array.from({ length: count }, (_, task) => ({
    task,
    known: Math.max(-1, ...open.map((seat) => warmth(seat, task))),
  })).filter(({ task }) => !owners.has(task))
  // Whom the best-known task goes to is decided before the room there is taken by others.
  for (const { task } of homeless.sort((a, b) => b.known - a.known || a.task - b.task)) {
    const free = open.filter((seat) => (room.get(seat) ?? 0) > 0)
    const most = Math.max(...free.map((seat) => warmth(seat, task)))
    const warmest = free.filter((seat) => warmth(seat, task) === most)
    const seat = best(warmest, (one) => room.get(one) ?? 0)
    if (seat !== null) give(task, seat)
  }
  return Array.from({ length: count }, (_, task) => owners.get(task)).flatMap((o) => o ?? [])
}

/** How many tasks each may have; who has more than the others goes on having one more. */
function quotas(seats: readonly Seat[], count: number): Map<Seat, number> {
  const least = Math.floor(count / Math.max(1, seats.length))
  let larger = count - least * seats.length
  const quota = new Map(seats.map((seat) => [seat, least]))
  for (const seat of seats.toSorted((a, b) => b.held.length - a.held.length))
    if (larger-- > 0) quota.set(seat, least + 1)
  return quota
}

function spreadStandbys(seats: readonly Seat[], owners: readonly Seat[], standbys: number): void {
  const each = Math.min(standbys, seats.length - 1)
  if (each <= 0) return
  const cap = Math.ceil((owners.length * each) / seats.length)
  // Whom the task is coming to will be its owner: another is to follow it, if there is one.
  const mayFollow = (seat: Seat, task: number): boolean => {
    const isSpare = !seat.coming.has(task) || seats.length <= each + 1
    return seat !== owners[task] && isSpare && !seat.standby.has(task)
  }
  const missing: number[] = []
  for (const [task] of owners.entries()) {
    const followers = seats.filter((seat) => seat.warm.has(task) && mayFollow(seat, task))
    const kept = followers
      .filter(({ standby }) => standby.size < cap)
      .sort((a, b) => warmth(b, task) - warmth(a, task))
      .slice(0, each)
    for (const { standby } of kept) standby.add(task)
    for (let i = kept.length; i < each; i++) missing.push(task)
  }
  for (const task of missing) {
    const open = seats.filter((seat) => mayFollow(seat, task))
    best(open, ({ standby, tasks }) => -(standby.size * seats.length + tasks.length))?.standby.add(
      task,
    )
  }
  while (evenOut(seats, mayFollow));
}

/** Moves one standby from a member that has two more than another; false when none can be. */
function evenOut(
  seats: readonly Seat[],
  mayFollow: (seat: Seat, task: number) => boolean,
): boolean {
  for (const from of seats)
    for (const to of seats) {
      if (from.standby.size < to.standby.size + 2) continue
      const movable = [...from.standby].filter((task) => mayFollow(to, task)).sort(ascending)
      const task = best(movable, (one) => warmth(to, one) - warmth(from, one))
      if (task === null) continue
      from.standby.delete(task)
      to.standby.add(task)
      return true
    }
  return false
}
