// Section `simulation`: many seeds of the deterministic simulation, shared out to two processes.
// Fails with the seeds that fail and the command that runs each again, with a moment of death that
// no worker met, and when time is simulated too slowly to be worth it.
import { run } from './run.mjs'
import { count, emptyTally } from './tally.mjs'

const PROCESSES = 2
/** Simulated time per time on a processor; less than half of what was measured on a busy one. */
const SLOWEST = 60
/** With fewer seeds some moments are not met by chance. */
const SEEDS_FOR_ALL_MOMENTS = 150
/**
 * What else has to happen then: retention cuts journals, and they are restored all the same; guards
 * that rest on the fleet task and on people let pass and refuse, and the fleet task changes hands.
 */
const MUST_HAPPEN = [
  'cuts',
  'restoresBehindCut',
  'inferredActs',
  'pulseRefusals',
  'holdRefusals',
  'fleetTakeovers',
]

/**
 * @typedef {{ seed: number, problems: string[], replay: string }} Failure
 * @typedef {{ failures: Failure[], simulatedMs: number, cpuMs: number, seeds: number,
 *   acknowledged: number, steps: number, commands: number,
 *   moments: Record<string, number>, counts: Record<string, number> }} Report
 * @typedef {import('./tests.mjs').Say} Say
 * @typedef {import('./tally.mjs').Tally} Tally
 */

/**
 * @param {{ first: number, seeds: number, forText: string, shareSeconds: number }} what
 * @returns {Promise<Report | string>} a text: why there is no report
 */
async function part({ first, seeds, forText, shareSeconds }) {
  const args = ['--max-semi-space-size=64', 'dist/cli/main.js', 'simulate', '--output', 'json']
  args.push('--seed', String(first), '--seeds', String(seeds), '--for', forText)
  const { stdout, output } = await run('node', args, { timeoutMs: shareSeconds * 2_000 })
  try {
    return JSON.parse(stdout)
  } catch {
    return `seeds from ${first} on left no report: ${output.trim().slice(-500)}`
  }
}

/** @param {readonly Report[]} reports @returns {string[]} moments that nobody met */
export function unmet(reports) {
  const names = Object.keys(reports[0]?.moments ?? {})
  return names.filter((name) => reports.every(({ moments }) => (moments[name] ?? 0) === 0))
}

/** @param {readonly Report[]} reports @returns {string[]} what never happened */
function missed(reports) {
  return MUST_HAPPEN.filter((name) => reports.every(({ counts }) => (counts[name] ?? 0) === 0))
}

/** @param {Tally} tally @param {readonly Report[]} reports @param {Say} say */
function judge(tally, reports, say) {
  /** @param {(report: Report) => number} figure */
  const sum = (figure) => reports.reduce((total, report) => total + figure(report), 0)
  const speed =
    sum(({ simulatedMs }) => simulatedMs) /
    Math.max(
      1,
      sum(({ cpuMs }) => cpuMs),
    )
  const seeds = sum((report) => report.seeds)
  const missing = unmet(reports)
  say(
    `${seeds} seeds, ${sum(({ acknowledged }) => acknowledged)} records acknowledged, ` +
      `${sum(({ steps }) => steps)} steps, ${sum(({ commands }) => commands)} commands; ` +
      `${Math.round(speed)} simulated seconds in one on a processor; ` +
      `${missing.length} moments of death not met`,
  )
  const failures = reports.flatMap((report) => report.failures)
  for (const { seed, problems, replay } of failures)
    count(tally, false, `seed ${seed}: ${problems[0]}; run: npx ${replay}`)
  tally.passed += seeds - failures.length
  count(
    tally,
    speed >= SLOWEST,
    `only ${Math.round(speed)} simulated seconds in one on a processor`,
  )
  if (seeds < SEEDS_FOR_ALL_MOMENTS) return
  count(tally, missing.length === 0, `no worker was killed ${missing.join(', ')}`)
  const never = missed(reports)
  count(tally, never.length === 0, `in no seed there were ${never.join(' or ')}`)
}

/**
 * @param {{ seeds: number, forText: string, shareSeconds: number }} what
 * @returns {(say: Say) => Promise<Tally>}
 */
export const simulationSection =
  ({ seeds, forText, shareSeconds }) =>
  async (say) => {
    const tally = emptyTally()
    const each = Math.ceil(seeds / PROCESSES)
    const parts = await Promise.all(
      Array.from({ length: PROCESSES }, (_, i) =>
        part({ first: 1 + i * each, seeds: each, forText, shareSeconds }),
      ),
    )
    const reports = parts.flatMap((one) => (typeof one === 'string' ? [] : [one]))
    for (const one of parts) if (typeof one === 'string') count(tally, false, one)
    if (reports.length > 0) judge(tally, reports, say)
    return tally
  }
