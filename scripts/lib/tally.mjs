// What a section of `./scripts/test` found, and the table that closes the run.

/**
 * @typedef {{ passed: number, failures: string[], skips: string[] }} Tally
 * @typedef {{ name: string, tally: Tally, seconds: number, shareSeconds: number }} Row
 */

/**
 * A section may take this many times its share before it is ended: a share is what it takes here,
 * and a slower or busier machine must not fail what is right. The table tells who is over.
 */
export const END_AT_SHARES = 2

/** @returns {Tally} */
export const emptyTally = () => ({ passed: 0, failures: [], skips: [] })

/** @param {Tally} tally @param {boolean} ok @param {string} failure */
export function count(tally, ok, failure) {
  if (ok) tally.passed++
  else tally.failures.push(failure)
}

/**
 * Where real parts must be there (CI), what was skipped has failed.
 * @param {Tally} tally
 * @param {boolean} strict
 */
export function settle(tally, strict) {
  if (!strict) return tally
  const missing = tally.skips.map((skip) => `missing in CI: ${skip}`)
  return { passed: tally.passed, failures: [...tally.failures, ...missing], skips: [] }
}

const WIDTHS = [14, 8, 8, 8, 9, 8]
/** @param {readonly (string | number)[]} cells */
const line = (cells) =>
  cells
    .map((cell, i) =>
      i === 0 ? String(cell).padEnd(WIDTHS[0] ?? 0) : String(cell).padStart(WIDTHS[i] ?? 0),
    )
    .join('')

/** @param {readonly Row[]} rows @returns {string[]} */
export function table(rows) {
  const lines = [line(['section', 'passed', 'failed', 'skipped', 'seconds', 'share'])]
  for (const { name, tally, seconds, shareSeconds } of rows) {
    const cells = [name, tally.passed, tally.failures.length, tally.skips.length]
    const over = seconds > shareSeconds * 0.9 ? '  over 90 % of its share' : ''
    lines.push(line([...cells, seconds.toFixed(1), shareSeconds]) + over)
  }
  return lines
}

/** @param {readonly Row[]} rows */
export function lastLine(rows) {
  const sum = (/** @type {(tally: Tally) => number} */ of) =>
    rows.reduce((total, row) => total + of(row.tally), 0)
  const skipped = sum((t) => t.skips.length)
  const text = `${sum((t) => t.passed)} passed, ${sum((t) => t.failures.length)} failed`
  return skipped === 0 ? text : `${text}, ${skipped} skipped`
}
