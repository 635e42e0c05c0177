// What the tests of members share.

export const TASKS: readonly number[] = [0, 1, 2, 3, 4, 5]

/** Round robin in the order of the ids. */
export function evenly(ids: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const sorted = ids.toSorted()
  return new Map(
    sorted.map((id, i) => [id, TASKS.filter((task) => task % sorted.length === i)] as const),
  )
}
