// Section `demo`: the demo, headless, with every fault, as a user runs it. Its last line must be
// the promised JSON, its times must follow each other, and no process of it may be left.
import { readdirSync, readFileSync } from 'node:fs'
import { run } from './run.mjs'
import { count, emptyTally } from './tally.mjs'

const FAULTS = ['crash', 'hang', 'errors', 'slow']
const MARK = 'HEALSTREAM_DEMO_RUN'
const TIMES = ['faultAt', 'detectedAt', 'commandAt', 'actedAt', 'recoveredAt']

/**
 * @typedef {{ fault: string, log: 'memory' | 'kafka', args: readonly string[] }} Wanted
 * `args` choose the log.
 */

/** @param {string} text @returns {Record<string, unknown>} */
function lastJson(text) {
  try {
    const value = JSON.parse(text.trim().split('\n').at(-1) ?? '')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * What is wrong with the last line of the demo.
 * @param {Pick<Wanted, 'fault' | 'log'>} wanted
 * @param {string} stdout
 * @returns {string[]}
 */
export function demoProblems({ fault, log }, stdout) {
  const found = lastJson(stdout)
  const problems = []
  if (found['log'] !== log) problems.push(`log is ${JSON.stringify(found['log'])}`)
  if (found['fault'] !== fault) problems.push(`fault is ${JSON.stringify(found['fault'])}`)
  if (found['commands'] !== 1) problems.push(`commands is ${JSON.stringify(found['commands'])}`)
  for (const pid of ['oldPid', 'newPid']) {
    if (!Number.isInteger(found[pid])) problems.push(`${pid} is ${JSON.stringify(found[pid])}`)
  }
  if (found['oldPid'] === found['newPid']) problems.push('the process was not replaced')
  let before = 0
  for (const name of TIMES) {
    const time = found[name]
    if (typeof time !== 'number' || time < before) {
      problems.push(`${name} is ${JSON.stringify(time)}, after ${before}`)
    } else before = time
  }
  return problems
}

/**
 * Processes that carry our mark in their environment, whatever session they moved to (Linux).
 * @param {string} mark @returns {number[]}
 */
export function marked(mark) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${mark}`)
    } catch {
      return false
    }
  })
}

/** @param {(line: string) => void} say */
export async function demoSection(say) {
  const tally = emptyTally()
  for (const fault of FAULTS) await demoRun(say, tally, { fault, log: 'memory', args: [] })
  return tally
}

/**
 * One run of the demo, counted.
 * @param {(line: string) => void} say
 * @param {import('./tally.mjs').Tally} tally
 * @param {Wanted} wanted
 */
export async function demoRun(say, tally, wanted) {
  const { fault, log } = wanted
  const args = ['--headless', '--fault', fault, ...wanted.args]
  const mark = `${process.pid}-${log}-${fault}`
  const env = { [MARK]: mark }
  const result = await run('./scripts/demo', args, { timeoutMs: 60_000, env })
  const problems = demoProblems(wanted, result.stdout)
  if (result.code !== 0) problems.push(`exit code ${result.code}`)
  const left = process.platform === 'linux' ? marked(mark) : []
  if (left.length > 0) problems.push(`left running: ${left.join(', ')}`)
  for (const pid of left) process.kill(pid, 'SIGKILL')
  const ok = problems.length === 0
  const name = `demo ${args.slice(1).join(' ')}`
  say(`${ok ? 'ok  ' : 'FAIL'} ${name}  ${result.seconds.toFixed(1)} s`)
  if (!ok) say(result.output.trim().split('\n').slice(-15).join('\n'))
  count(tally, ok, `${name}: ${problems.join('; ')}`)
}
