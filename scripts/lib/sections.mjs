// Sections of `./scripts/test`, in order, each with its share of the time (docs/DESIGN.md section
// 10). A section that uses up its share is ended and has failed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setUp } from '../setup.mjs'
import { demoSection } from './demo-section.mjs'
import { docsSection } from './docs-section.mjs'
import { packageSection, tarballSection } from './package-section.mjs'
import { ROOT, run, tool } from './run.mjs'
import { STEPS } from './steps.mjs'
import { count, emptyTally } from './tally.mjs'

/**
 * @typedef {(line: string) => void} Say
 * @typedef {import('./tally.mjs').Tally} Tally
 * @typedef {{ name: string, shareSeconds: number, full?: boolean, run: (say: Say) =>
 * Promise<Tally> }} Section
 */

/** @param {Say} say @returns {Promise<Tally>} */
async function setUpSection(say) {
  const tally = emptyTally()
  const problem = await setUp(say)
  count(tally, problem === null, `set-up: ${problem}`)
  return tally
}

/** @param {Say} say @returns {Promise<Tally>} */
async function checkSection(say) {
  const tally = emptyTally()
  for (const step of STEPS) {
    const result = await step.run()
    say(`${result.ok ? 'ok  ' : 'FAIL'} ${step.name.padEnd(12)} ${result.seconds.toFixed(1)} s`)
    if (!result.ok) say(`${result.output.trim()}\nRun: ${step.fix}`)
    count(tally, result.ok, `${step.name}: run \`${step.fix}\``)
  }
  return tally
}

/**
 * Runs vitest projects; what it found comes from our reporter, not from its text.
 * @param {Say} say
 * @param {{ projects: readonly string[], shareSeconds: number, env?: Record<string, string> }}
 * options
 * @returns {Promise<Tally>}
 */
async function tests(say, { projects, shareSeconds, env }) {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-report-'))
  const file = join(folder, 'report.json')
  const args = ['run', ...projects.flatMap((name) => ['--project', name])]
  args.push('--reporter', 'dot', '--reporter', `${ROOT}scripts/lib/vitest-reporter.mjs`)
  try {
    const result = await tool('vitest', args, {
      timeoutMs: shareSeconds * 1000,
      env: { ...env, HEALSTREAM_TEST_REPORT: file },
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

/**
 * @param {string} name
 * @param {number} shareSeconds
 * @param {readonly string[]} projects
 * @returns {Section}
 */
const testSection = (name, shareSeconds, projects) => ({
  name,
  shareSeconds,
  run: (say) => tests(say, { projects, shareSeconds }),
})

/**
 * Every bench once; a figure is judged by people, a crash is judged here.
 * @param {Say} say
 * @returns {Promise<Tally>}
 */
async function benchSection(say) {
  const tally = emptyTally()
  for (const name of ['decode', 'loop']) {
    const result = await run('node', ['bench/run.mjs', name], { timeoutMs: 1_200_000 })
    const line = result.stdout.trim().split('\n').at(-1) ?? ''
    say(line)
    const ok = result.code === 0 && line.startsWith('{') && line.includes('"ratio"')
    count(tally, ok, `bench ${name}: ${result.output.trim().slice(-500)}`)
  }
  return tally
}

/** @type {readonly Section[]} */
export const SECTIONS = [
  { name: 'set-up', shareSeconds: 150, run: setUpSection },
  { name: 'check', shareSeconds: 70, run: checkSection },
  testSection('pure', 60, ['pure']),
  testSection('scenario', 60, ['scenario']),
  { name: 'docs', shareSeconds: 30, run: docsSection },
  { name: 'package', shareSeconds: 20, run: packageSection },
  testSection('conformance', 270, ['conformance']),
  testSection('runtime', 300, ['runtime', 'scripts', 'bench']),
  testSection('edge', 240, ['adapters', 'roles', 'cli', 'demo']),
  { name: 'demo', shareSeconds: 120, run: demoSection },
  { name: 'tarball', shareSeconds: 300, full: true, run: tarballSection },
  {
    name: 'property',
    shareSeconds: 1800,
    full: true,
    run: (say) =>
      tests(say, {
        projects: ['pure', 'conformance', 'runtime'],
        shareSeconds: 1800,
        env: { HEALSTREAM_TEST_RUNS: '5000' },
      }),
  },
  { name: 'bench', shareSeconds: 2400, full: true, run: benchSection },
]
