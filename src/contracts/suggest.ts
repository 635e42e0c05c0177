// Did you mean: the nearest known word to one that was not understood, for messages to people.

const LONGEST = 64

/**
 * Edit distance with swaps of neighbours (optimal string alignment), both texts cut to 64
 * characters.
 */
export function editDistance(left: string, right: string): number {
  const a = left.slice(0, LONGEST)
  const b = right.slice(0, LONGEST)
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      best = Math.min(best, (last[j - 1] ?? 0) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/**
 * The nearest candidate within a third of the word's length (at least 2 edits), or null; the first
 * one on a draw.
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let found: string | null = null
  let best = Math.max(2, Math.floor(word.length / 3)) + 1
  const plain = (text: string): string => text.replaceAll(/[-_ ]/g, '').toLowerCase()
  for (const candidate of candidates) {
    const distance = Math.min(
      editDistance(word, candidate),
      plain(word) === plain(candidate) ? 1 : LONGEST,
    )
    if (distance < best && distance < word.length) {
      best = distance
      found = candidate
    }
  }
  return found
}

/** `did you mean "x"?`, or null. */
export function didYouMean(word: string, candidates: readonly string[]): string | null {
  const found = nearest(word, candidates)
  return found === null ? null : `did you mean "${found}"?`
}
