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

/** @param {Readonly<Record<string, string | number>>} named */
function flags(named) {
  return Object.entries(named).flatMap(([name, value]) => [`--${name}`, String(value)])
}

/**
 * Compiles the peer when it is not.
 * @returns {Promise<(main: string, args: string[]) => string[]>} its command lines
 */
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

/**
 * Where both run: one broker, the topics of a prefix, the peer's records in one of them.
 * @typedef {{
 *   kafka: import('./brokers.mjs').BenchCluster,
 *   java: Awaited<ReturnType<typeof peer>>,
 *   log: ReturnType<typeof openLog>,
 *   prefix: string,
 *   records: number,
 *   filled: string,
 * }} Place `filled`: what the peer said of the records, with its oracle's commands and checksum
 * @typedef {{ perSecond: number, warmPerSecond: number, cpuUs: number, warmCpuUs: number,
 *   rssMb: number }} Figures
 */

/** @param {import('./run.mjs').How} how @returns {Promise<Place>} */
async function prepare(how) {
  const records = how.quick ? QUICK : FULL
  const java = await peer()
  const kafka = await cluster(how, 1)
  const prefix = `bench${randomBytes(3).toString('hex')}.`
  const log = openLog(kafka.brokers)
  await initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
  const fill = ['fill', '--records', String(records), '--form', 'delta']
  const where = ['--out', `${prefix}telemetry`, '--bootstrap', kafka.brokers.join(',')]
  // Batches as small as the topic wants them.
  const filled = await output(
    java('peers.Load', [...fill, ...where, '--set', 'batch.size=61440']),
    LIMIT_MS,
  )
  return { kafka, java, log, prefix, records, filled }
}

/** Everything a run has written goes; the telemetry stays. @param {Place} place */
async function clean({ log, prefix }) {
  const admin = log.admin()
  const all = TOPICS.map(({ kind }) => kind)
  await admin.deleteTopics(all.filter((kind) => !KEPT.includes(kind)).map((kind) => prefix + kind))
  await admin.close()
  await initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
}

/**
 * Errors: where the commands that a reader sees are not those of the oracle.
 * @param {Place} place
 */
async function verify({ kafka, java, prefix, filled }) {
  const where = ['--commands', `${prefix}commands`, '--bootstrap', kafka.brokers.join(',')]
  const said = await output(java('peers.Load', ['verify', ...where]), LIMIT_MS)
  const [wanted, found] = [fields(filled), fields(said)]
  const same = ['commands', 'checksum'].every((name) => wanted[name] === found[name])
  if (!same || found['duplicates'] !== '0')
    throw new Error(`the commands are not the oracle's ${filled}: ${said}`)
}

/** @param {Place} place @returns {Promise<Figures>} */
async function own({ kafka, prefix, records }) {
  const task = { brokers: kafka.brokers, prefix, records }
  const { records: read, ...figures } = await contend('streams-own.mjs', task, LIMIT_MS)
  if (read !== records) throw new Error(`${read} records of ${records}`)
  return figures
}

/** @param {Place} place @param {number} threads @returns {Promise<Figures>} */
async function streams({ kafka, java, prefix, records }, threads) {
  const id = `bench-${randomBytes(4).toString('hex')}`
  const said = await output(
    java(
      'peers.App',
      flags({
        variant: 'papi',
        tick: 'stream',
        threads,
        in: `${prefix}telemetry`,
        out: `${prefix}commands`,
        expect: records,
        bootstrap: kafka.brokers.join(','),
        'app-id': id,
        'state-dir': `${kafka.file(id, '')}.state`,
      }),
    ),
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

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const place = await prepare(how)
  /** @type {Map<string, Figures[]>} */
  const seen = new Map()
  return {
    /** @param {string} who */
    async measure(who) {
      await clean(place)
      const threads = THREADS.get(who)
      const figures = threads === undefined ? await own(place) : await streams(place, threads)
      await verify(place)
      seen.set(who, [...(seen.get(who) ?? []), figures])
      return figures.perSecond
    },
    raw() {
      /** @param {Figures[]} all @param {keyof Figures} name */
      const middle = (all, name) => round(median(all.slice(1).map((one) => one[name])))
      const figures = [...seen].map(([who, all]) => [
        `${who}_figures`,
        {
          warm_per_second: middle(all, 'warmPerSecond'),
          cpu_us_per_record: middle(all, 'cpuUs'),
          warm_cpu_us_per_record: middle(all, 'warmCpuUs'),
          rss_mb: middle(all, 'rssMb'),
        },
      ])
      const { commands } = fields(place.filled)
      const shape = { records: place.records, partitions: PARTITIONS, commands: Number(commands) }
      return { ...Object.fromEntries(figures), ...shape, against_oracle: 'exact' }
    },
    async close() {
      await place.kafka.deleteTopics(TOPICS.map(({ kind }) => place.prefix + kind))
      await place.log.close()
      await place.kafka.stop()
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
