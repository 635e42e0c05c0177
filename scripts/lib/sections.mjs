// Sections of `./scripts/test`, in order, each with its share of the time (docs/DESIGN.md section
// 10). A section that has used its share twice over is ended and has failed.
import { setUp } from '../setup.mjs'
import { demoSection } from './demo-section.mjs'
import { docsSection } from './docs-section.mjs'
import {
  demoKafkaSection,
  faultsSection,
  kafkaSection,
  olderSection,
  partsSection,
} from './kafka-sections.mjs'
import { nemesisSection } from './nemesis-section.mjs'
import { packageSection, tarballSection } from './package-section.mjs'
import { run } from './run.mjs'
import { simulationSection } from './simulation-section.mjs'
import { KAFKA_VERSIONS } from './servers/fetch.mjs'
import { STEPS } from './steps.mjs'
import { count, emptyTally } from './tally.mjs'
import { tests } from './tests.mjs'

/**
 * @typedef {import('./tests.mjs').Say} Say
 * @typedef {import('./tally.mjs').Tally} Tally
 * @typedef {{ name: string, shareSeconds: number, full?: boolean, projects?: readonly string[],
 * run: (say: Say) => Promise<Tally> }} Section `projects`: those of vitest that it runs.
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
 * @param {string} name
 * @param {number} shareSeconds
 * @param {readonly string[]} projects
 * @returns {Section}
 */
const testSection = (name, shareSeconds, projects) => ({
  name,
  shareSeconds,
  projects,
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

/**
 * Lines and branches of what decides, and its mutants (every third).
 * @param {Say} say @param {number} shareSeconds
 * @returns {Promise<Tally>}
 */
async function mutationCore(say, shareSeconds) {
  const tally = emptyTally()
  const args = ['--import', './test/support/ts.mjs', 'test/mutation/core/run.mjs', '--share', '3']
  const result = await run('node', args, { timeoutMs: shareSeconds * 1000 })
  say(result.output.trim().slice(-20_000))
  count(tally, result.code === 0, 'mutation-core: coverage or score below its limit')
  return tally
}

const [NEWEST, OLDER] = KAFKA_VERSIONS

/** @type {readonly Section[]} */
export const SECTIONS = [
  { name: 'set-up', shareSeconds: 45, run: setUpSection },
  { name: 'parts', shareSeconds: 15, run: partsSection },
  { name: 'check', shareSeconds: 60, run: checkSection },
  testSection('pure', 75, ['pure']),
  testSection('scenario', 75, ['scenario', 'evaluation']),
  { name: 'docs', shareSeconds: 15, run: docsSection },
  { name: 'package', shareSeconds: 10, run: packageSection },
  testSection('conformance', 10, ['conformance']),
  testSection('runtime', 120, ['runtime', 'scripts', 'bench']),
  {
    name: 'simulation',
    shareSeconds: 65,
    run: simulationSection({ seeds: 330, forText: '120s', shareSeconds: 65 }),
  },
  testSection('mutation', 40, ['simulate', 'mutation', 'history']),
  testSection('edge', 165, ['adapters', 'roles', 'cli', 'demo']),
  { name: 'kafka', shareSeconds: 475, projects: ['kafka'], run: kafkaSection(NEWEST, 475) },
  { name: 'kafka-3.9', shareSeconds: 25, run: olderSection(25) },
  { name: 'nemesis', shareSeconds: 105, projects: ['nemesis'], run: nemesisSection(105) },
  { name: 'faults', shareSeconds: 130, projects: ['faults'], run: faultsSection(130) },
  { name: 'demo', shareSeconds: 40, run: demoSection },
  { name: 'demo-kafka', shareSeconds: 30, run: demoKafkaSection },
  {
    name: 'kafka-full',
    shareSeconds: 1200,
    full: true,
    run: kafkaSection(NEWEST, 1200, { HEALSTREAM_TEST_FULL: 'true' }),
  },
  {
    name: 'kafka-3.9-full',
    shareSeconds: 1200,
    full: true,
    run: kafkaSection(OLDER, 1200, { HEALSTREAM_TEST_FULL: 'true' }),
  },
  {
    name: 'demo-full',
    shareSeconds: 300,
    full: true,
    run: (say) =>
      tests(say, {
        projects: ['demo'],
        shareSeconds: 300,
        env: { HEALSTREAM_TEST_FULL: 'true' },
      }),
  },
  {
    name: 'faults-full',
    shareSeconds: 3600,
    full: true,
    run: faultsSection(3600, { HEALSTREAM_TEST_FULL: 'true' }),
  },
  {
    name: 'simulation-full',
    shareSeconds: 3600,
    full: true,
    run: simulationSection({ seeds: 10_000, forText: '120s', shareSeconds: 3600 }),
  },
  {
    name: 'mutation-core',
    shareSeconds: 7200,
    full: true,
    run: (say) => mutationCore(say, 7200),
  },
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
