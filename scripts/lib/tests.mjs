// Runs vitest projects for the sections of `./scripts/test`; what it found comes from our reporter,
// not from its text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, tool } from './run.mjs'
import { emptyTally, END_AT_SHARES } from './tally.mjs'

/**
 * @typedef {(line: string) => void} Say
 * @typedef {import('./tally.mjs').Tally} Tally
 * @typedef {{ projects: readonly string[], shareSeconds: number, env?: Record<string, string>,
 *   files?: readonly string[], names?: string }} What `names` is a regular expression: only tests
 * of such a full name are run, and the others do not count as skipped.
 */

/** @param {What} what */
function vitestArgs({ projects, files = [], names }) {
  const args = ['run', ...projects.flatMap((name) => ['--project', name]), ...files]
  if (names !== undefined) args.push('--testNamePattern', names)
  return [...args, '--reporter', 'dot', '--reporter', `${ROOT}scripts/lib/vitest-reporter.mjs`]
}

/** @param {Say} say @param {What} what @returns {Promise<Tally>} */
export async function tests(say, what) {
  const { projects, shareSeconds, env, names = '' } = what
  const folder = mkdtempSync(join(tmpdir(), 'healstream-report-'))
  const file = join(folder, 'report.json')
  try {
    const result = await tool('vitest', vitestArgs(what), {
      timeoutMs: shareSeconds * END_AT_SHARES * 1000,
      env: { ...env, HEALSTREAM_TEST_REPORT: file, HEALSTREAM_TEST_NAMES: names },
    })
    const tally = readTally(file)
    const found = tally.passed + tally.failures.length + tally.skips.length
    if (result.timedOut) tally.failures.push(`${projects.join(', ')}: its time was up`)
    else if (found === 0) tally.failures.push(`${projects.join(', ')}: no tests ran`)
    else if (result.code !== 0 && tally.failures.length === 0) tally.failures.push('vitest failed')
    if (tally.failures.length > 0) say(result.output.trim().slice(-20_000))
    return tally
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {string} file @returns {Tally} */
function readTally(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { ...emptyTally(), failures: ['the test runner left no report'] }
  }
}
