// The smallest set of things that still shows something: delta debugging (A. Zeller and R.
// Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002), by complements alone, from
// halves down to single things. What is left is 1-minimal: without any one of it the thing is not
// shown any more.

export interface Search {
  /** Whether these, in their order, still show it. */
  readonly shows: (kept: readonly number[]) => boolean | Promise<boolean>
  /**
   * Guesses at what is enough; each is tried once, in order, on what is left before the search
   * begins.
   */
  readonly guesses?: readonly ((item: number) => boolean)[]
  /** The search ends where it is when this says so. */
  readonly isOver?: () => boolean
}

export interface Smallest {
  readonly kept: readonly number[]
  /** Sets that were tried. */
  readonly tests: number
  /** None of what is left can be left out; false: the search was ended before that was known. */
  readonly isMinimal: boolean
}

/** Sets of so few are not tried twice. */
const NAMED_MAX = 256

/** `items`: a set that shows it. */
export async function smallest(items: readonly number[], search: Search): Promise<Smallest> {
  let kept = items
  let tests = 0
  const isOver = (): boolean => search.isOver?.() ?? false
  /** Small sets that did not show it; what is halved again and again comes by them twice. */
  const failed = new Set<string>()
  const tryOut = async (fewer: readonly number[]): Promise<boolean> => {
    if (fewer.length === kept.length) return false
    const name = fewer.length <= NAMED_MAX ? fewer.join() : null
    if (name !== null && failed.has(name)) return false
    tests += 1
    const shown = await search.shows(fewer)
    if (shown) kept = fewer
    else if (name !== null) failed.add(name)
    return shown
  }
  for (const guess of search.guesses ?? []) {
    if (!isOver()) await tryOut(kept.filter((item) => guess(item)))
  }
  let size = Math.max(1, Math.ceil(kept.length / 2))
  for (;;) {
    let hasShrunk = false
    for (let at = 0; at < kept.length && !isOver(); ) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await tryOut(fewer)) hasShrunk = true
      else at += size
    }
    if (isOver()) return { kept, tests, isMinimal: false }
    if (size > 1) size = Math.max(1, Math.min(Math.ceil(size / 2), Math.ceil(kept.length / 2)))
    // With single things the last pass has to have found all of them needed.
    else if (!hasShrunk) return { kept, tests, isMinimal: true }
  }
}
