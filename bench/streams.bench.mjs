// `streams`: our engine against the Kafka Streams application of the peers, the same job on the
// same topic, the same records and the same broker in the same minutes: a window of 60 s per
// service and instance, judged at each closed second, exactly once. Both are held to the peer's own
// oracle: the number and the checksum of the commands that a read_committed consumer sees.
// The peer's sources lie outside this repository: HEALSTREAM_PEERS names their folder.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TOPICS } from '../dist/contracts/topics.js'
import { systemClock } from '../dist/runtime/clock.js'
import { initCluster } from '../dist/runtime/init.js'
import { cluster } from './brokers.mjs'
import { contend, output } from './contender.mjs'
import { median, round } from './figures.mjs'
import { openLog } from './own-log.mjs'

const PARTITIONS = 4
const FULL = 4_000_000
const QUICK = 400_000
const LIMIT_MS = 240_000
const PEERS =
  process.env['HEALSTREAM_PEERS'] ?? fileURLToPath(new URL('../../shared/peers', import.meta.url))
/** Streams as it is best: by hand on the Processor API, with one thread and with two. */
const THREADS = new Map([
  ['streams_1', 1],
  ['streams_2', 2],
])
const KEPT = ['telemetry', 'policies', 'operator', 'service-events', 'remote', 'results', 'signals']

/** The fields `name=value` of a line. @param {string} line */
function fields(line) {
  return Object.fromEntries(
    [...line.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  )
}

/** Compiles the peer when it is not. @returns {Promise<(main: string, args: string[]) => string[]>} */
async function peer() {
  const pom = `${PEERS}/streams/pom.xml`
  if (!existsSync(pom))
    throw new Error(`no ${pom}: name the folder of the peers with HEALSTREAM_PEERS`)
  await output(['mvn', '-q', '-B', '-f', pom, 'compile'], LIMIT_MS)
  const out = /<out>(.+)<\/out>/.exec(readFileSync(pom, 'utf8'))?.[1] ?? ''
  return (main, args) => [
    'java',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-cp',
    `${out}/classes:${out}/lib/*`,
    main,
    ...args,
  ]
}

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const records = how.quick ? QUICK : FULL
  const java = await peer()
  const kafka = await cluster(how, 1)
  const bootstrap = ['--bootstrap', kafka.brokers.join(',')]
  const prefix = `bench${randomBytes(3).toString('hex')}.`
  const log = openLog(kafka.brokers)
  const topics = () => initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
  await topics()
  const names = { in: `${prefix}telemetry`, out: `${prefix}commands` }
  const fill = ['fill', '--records', String(records), '--form', 'delta', '--out', names.in]
  // Batches as small as the topic wants them.
  const filled = await output(
    java('peers.Load', [...fill, ...bootstrap, '--set', 'batch.size=61440']),
    LIMIT_MS,
  )
  const oracle = fields(filled)
  /** @type {Map<string, Record<string, number>[]>} */
  const seen = new Map()

  /** Everything a run has written goes; the telemetry stays. */
  const clean = async () => {
    const admin = log.admin()
    const all = TOPICS.map(({ kind }) => kind)
    const gone = all.filter((kind) => !KEPT.includes(kind)).map((kind) => prefix + kind)
    await admin.deleteTopics(gone)
    await admin.close()
    await topics()
  }
  const verified = async () => {
    const said = await output(
      java('peers.Load', ['verify', '--commands', names.out, ...bootstrap]),
      LIMIT_MS,
    )
    const { commands, checksum, duplicates } = fields(said)
    if (commands !== oracle['commands'] || checksum !== oracle['checksum'] || duplicates !== '0')
      throw new Error(`the commands are not the oracle's ${filled}: ${said}`)
  }
  const own = async () => {
    const { records: read, ...figures } = await contend(
      'streams-own.mjs',
      { brokers: kafka.brokers, prefix, records },
      LIMIT_MS,
    )
    if (read !== records) throw new Error(`${read} records of ${records}`)
    return figures
  }
  /** @param {number} threads */
  const streams = async (threads) => {
    const id = `bench-${randomBytes(4).toString('hex')}`
    const state = kafka.file(`${id}.state`, '')
    const said = await output(
      java('peers.App', [
        ...['--variant', 'papi', '--tick', 'stream', '--threads', String(threads)],
        ...['--in', names.in, '--out', names.out, '--expect', String(records)],
        ...['--app-id', id, '--state-dir', `${state}.d`, ...bootstrap],
      ]),
      LIMIT_MS,
    )
    const sum = fields(said.split('\n').find((line) => line.startsWith('sum ')) ?? '')
    return {
      perSecond: Number(sum['rec_s']),
      warmPerSecond: Number(sum['warm_rec_s']),
      cpuUs: Number(sum['cpu_us_rec']),
      warmCpuUs: Number(sum['warm_cpu_us_rec']),
      rssMb: Number(sum['peak_rss_mb']),
    }
  }
  return {
    /** @param {string} who */
    async measure(who) {
      await clean()
      const threads = THREADS.get(who)
      const figures = threads === undefined ? await own() : await streams(threads)
      await verified()
      seen.set(who, [...(seen.get(who) ?? []), figures])
      return figures.perSecond
    },
    raw() {
      const middle = (/** @type {string} */ who, /** @type {string} */ name) =>
        round(median((seen.get(who) ?? []).slice(1).map((one) => one[name] ?? Number.NaN)))
      const named = ['warmPerSecond', 'cpuUs', 'warmCpuUs', 'rssMb']
      return {
        ...Object.fromEntries(
          [...seen.keys()].map((who) => [
            `${who}_figures`,
            Object.fromEntries(named.map((name) => [name, middle(who, name)])),
          ]),
        ),
        records,
        partitions: PARTITIONS,
        commands: Number(oracle['commands']),
        against_oracle: 'exact',
      }
    },
    async close() {
      const admin = log.admin()
      await admin.deleteTopics(TOPICS.map(({ kind }) => prefix + kind))
      await admin.close()
      await log.close()
      await kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'records/s',
  rulers: ['streams_1', 'streams_2'],
  target: 1.5,
  pairsMin: 3,
  open,
}
