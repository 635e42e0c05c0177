// Members of a group and what they were told.
import type { GroupEvent, GroupShare, JoinOptions, LogPort } from '../../src/runtime/ports.ts'
import { sharesOf } from '../support/shares.ts'

export const TASKS: readonly number[] = [0, 1, 2, 3, 4, 5]
const PATIENCE_MS = 30_000

/** What a member was told, and what its process says beside. */
export type Said = GroupEvent | { readonly kind: 'unblocked' } | { readonly kind: 'failed' }

export interface Player {
  readonly events: readonly Said[]
}

/** Round robin in the order of the ids. */
export function evenly(ids: readonly string[]): ReadonlyMap<string, GroupShare> {
  const sorted = ids.toSorted()
  return sharesOf(
    sorted.map((id, i) => [id, TASKS.filter((task) => task % sorted.length === i)] as const),
  )
}

type Times = Pick<JoinOptions, 'heartbeatMs' | 'rebalanceTimeoutMs' | 'sessionTimeoutMs'>

/** Joins, and takes down everything it is told. */
export function joined(log: LogPort, group: string, times: Times): Player {
  const membership = log.join({
    group,
    ...times,
    metadata: () => new Uint8Array(1),
    assign: (members) => evenly(members.map(({ memberId }) => memberId)),
  })
  const events: Said[] = []
  const follow = async (): Promise<void> => {
    for (;;) events.push(await membership.next())
  }
  follow().catch(() => {})
  return { events }
}

/** What it may work on now. */
export function tasksOf({ events }: Player): readonly number[] {
  const event = events.findLast(({ kind }) => kind === 'assigned' || kind === 'lost')
  return event?.kind === 'assigned' ? event.tasks : []
}

/** How long it took. */
export async function until(what: string, isTrue: () => boolean): Promise<number> {
  const startMs = performance.now()
  while (!isTrue()) {
    if (performance.now() - startMs > PATIENCE_MS) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return performance.now() - startMs
}

/** Until they have all tasks between them, and each some. */
export async function shared(...players: readonly Player[]): Promise<void> {
  await until('all tasks are shared', () => {
    const owned = players.flatMap(tasksOf).toSorted((a, b) => a - b)
    return owned.join() === TASKS.join() && players.every((player) => tasksOf(player).length > 0)
  })
}
