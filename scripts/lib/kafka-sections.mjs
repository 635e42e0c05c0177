// Sections with real parts: getting them (`parts`), the tests on real brokers (`kafka`), a named
// subset on an older Kafka (`kafka-3.9`, all of it with --full), and the demo through a real
// broker. A part that cannot be had is a skip with its reason, which is a failure in CI.
import { demoRun } from './demo-section.mjs'
import { fetchComposeSpec } from './servers/compose-spec.mjs'
import { DEFAULT_VERSION, startEphemeral } from './servers/ephemeral.mjs'
import { fetchKafka, fetchRegistry, KAFKA_VERSIONS, whatIsMissing } from './servers/fetch.mjs'
import { ServerProblem } from './servers/folders.mjs'
import { firstOnPath, installPackages } from './servers/packages.mjs'
import { REDIS_PROGRAMS } from './servers/redis.mjs'
import { count, emptyTally } from './tally.mjs'
import { tests } from './tests.mjs'

const [, OLDER_VERSION] = KAFKA_VERSIONS

/**
 * Cases of the conformance suite that meet what changes between versions of Kafka: versions of
 * requests, transactions, groups, times, compaction.
 */
export const OLDER_CASES = [
  'cluster-id',
  'order',
  'append-time',
  'timestamp-refused',
  'too-large',
  'marker-offsets',
  'offsets-by-time',
  'compaction',
  'produce-answer-lost',
  'end-answer-lost',
  'end-late-hits-next',
  'renew-fenced',
  'member-two',
  'member-dies',
]

/**
 * @typedef {import('./tests.mjs').Say} Say
 * @typedef {import('./tally.mjs').Tally} Tally
 */

/**
 * What is needed, and how it is got; an answer is what is missing.
 * @type {readonly { name: string, get: (say: Say) => Promise<string | null> }[]}
 */
const PARTS = [
  {
    name: 'Java and Maven',
    get: async () => {
      const { java, maven } = whatIsMissing()
      return java ?? maven
    },
  },
  ...KAFKA_VERSIONS.map((version) => ({
    name: `Kafka ${version}`,
    get: async (/** @type {Say} */ say) => {
      await fetchKafka(version, say)
      return null
    },
  })),
  {
    name: 'schema registry',
    get: async (say) => {
      await fetchRegistry(say)
      return null
    },
  },
  {
    name: 'Compose library',
    get: async (say) => {
      await fetchComposeSpec(say)
      return null
    },
  },
  { name: 'kcat', get: (say) => program(['kcat'], 'kcat', say) },
  { name: 'Redis', get: (say) => program(REDIS_PROGRAMS, 'redis-server', say) },
]

/** @param {readonly string[]} names @param {string} debian its package @param {Say} say */
const program = async (names, debian, say) =>
  firstOnPath(names) === null ? await installPackages([debian], say) : null

/** @param {Say} say @returns {Promise<Tally>} */
export async function partsSection(say) {
  const tally = emptyTally()
  for (const { name, get } of PARTS) {
    const start = performance.now()
    const missing = await get(say).catch((error) => {
      if (error instanceof ServerProblem) return error.message
      throw error
    })
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    say(`${missing === null ? 'ok  ' : 'none'} ${name}  ${missing ?? `${seconds} s`}`)
    if (missing === null) tally.passed++
    else tally.skips.push(`${name}: ${missing}`)
  }
  return tally
}

/**
 * Starts servers, runs something with them, ends them.
 * @param {Say} say
 * @param {{ version: string, clusters: readonly (1 | 3)[] }} wanted
 * @param {(env: Record<string, string>, brokers: readonly string[]) => Promise<Tally>} use
 * @returns {Promise<Tally>}
 */
async function withServers(say, { version, clusters }, use) {
  const { java } = whatIsMissing()
  if (java !== null) return { ...emptyTally(), skips: [`no real Kafka: ${java}`] }
  /** @type {(() => Promise<void>)[]} */
  const stops = []
  /** @type {Record<string, string>} */
  const env = { HEALSTREAM_TEST_KAFKA_VERSION: version }
  /** @type {string[]} */
  const brokers = []
  const start = performance.now()
  try {
    for (const nodes of clusters) {
      const { folder, cluster, stop } = await startEphemeral({ nodes, version }, say)
      stops.push(stop)
      brokers.push(...cluster.brokers)
      const name = nodes === 1 ? 'HEALSTREAM_TEST_KAFKA_ONE' : 'HEALSTREAM_TEST_KAFKA_THREE'
      env[name] = JSON.stringify({ folder, brokers: cluster.brokers, version })
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    say(`Kafka ${version}: ${clusters.join(' and ')} nodes serve, ${seconds} s`)
    return await use(env, brokers)
  } catch (error) {
    if (!(error instanceof ServerProblem)) throw error
    const reason = `no real Kafka: ${error.message}`
    const missing = error.exitCode === 3
    return { ...emptyTally(), [missing ? 'skips' : 'failures']: [reason] }
  } finally {
    await Promise.all(stops.map((stop) => stop()))
  }
}

/**
 * @param {string} version
 * @param {number} shareSeconds
 * @param {Record<string, string>} [more] environment of the tests
 * @returns {(say: Say) => Promise<Tally>}
 */
export const kafkaSection =
  (version, shareSeconds, more = {}) =>
  (say) =>
    withServers(say, { version, clusters: [1, 3] }, (env) =>
      tests(say, { projects: ['kafka'], shareSeconds, env: { ...env, ...more } }),
    )

/**
 * Faults by script, on three brokers that share one start.
 * @param {number} shareSeconds
 * @param {Record<string, string>} [more] environment of the tests
 * @returns {(say: Say) => Promise<Tally>}
 */
export const faultsSection =
  (shareSeconds, more = {}) =>
  (say) =>
    withServers(say, { version: DEFAULT_VERSION, clusters: [3] }, (env) =>
      tests(say, { projects: ['faults'], shareSeconds, env: { ...env, ...more } }),
    )

/** @param {number} shareSeconds @returns {(say: Say) => Promise<Tally>} */
export const olderSection = (shareSeconds) => (say) =>
  withServers(say, { version: OLDER_VERSION, clusters: [1] }, async (env) => {
    const names = `one broker'? (${OLDER_CASES.join('|')}): `
    const files = ['test/kafka/conformance.test.ts']
    const tally = await tests(say, { projects: ['kafka'], shareSeconds, env, files, names })
    const ran = tally.passed + tally.failures.length + tally.skips.length
    const what = `${ran} of the ${OLDER_CASES.length} named cases ran: is one of them renamed?`
    if (tally.failures.length === 0) count(tally, ran === OLDER_CASES.length, what)
    return tally
  })

/** The demo through a real broker. @param {Say} say @returns {Promise<Tally>} */
export const demoKafkaSection = (say) =>
  withServers(say, { version: DEFAULT_VERSION, clusters: [1] }, async (_, of) => {
    const tally = emptyTally()
    const named = ['--brokers', of.join(',')]
    await demoRun(say, tally, { fault: 'crash', log: 'kafka', args: ['--kafka'] })
    await demoRun(say, tally, { fault: 'hang', log: 'kafka', args: named })
    return tally
  })
