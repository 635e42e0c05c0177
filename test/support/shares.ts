// Shares of members where a test cares only for who owns what.
import type { GroupShare } from '../../src/runtime/ports.ts'

export function owning(tasks: readonly number[]): GroupShare {
  return { tasks, standby: [], coming: [], behaviour: 1, format: 2 }
}

export function sharesOf(
  owned: Iterable<readonly [string, readonly number[]]>,
): ReadonlyMap<string, GroupShare> {
  return new Map([...owned].map(([memberId, tasks]) => [memberId, owning(tasks)] as const))
}
