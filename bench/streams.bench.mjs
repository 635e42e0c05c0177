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
/** The same job as single events in JSON, and as many of them as the DSL will not get through. */
const EVENTS = 'json-events'
const EVENTS_FULL = 200_000
const PEERS =
  process.env['HEALSTREAM_PEERS'] ?? fileURLToPath(new URL('../../shared/peers', import.meta.url))
/**
 * Streams as it is best: by hand on the Processor API, with one thread and with two. And as it
 * comes: the DSL with every default, over records in JSON, so slow that it is not waited for.
 * @typedef {{
 *   input: string,
 *   flags: Readonly<Record<string, string | number>>,
 *   whole: boolean,
 * }} Form `whole`: runs to the end, and its commands are held to the oracle
 * @type {ReadonlyMap<string, Form>}
 */
const FORMS = new Map([
  ['streams_1', papi(1)],
  ['streams_2', papi(2)],
  ['streams_dsl', { input: EVENTS, flags: { variant: 'dsl', 'max-s': 20 }, whole: false }],
])

/** @param {number} threads @returns {Form} */
function papi(threads) {
  return { input: 'telemetry', flags: { variant: 'papi', tick: 'stream', threads }, whole: true }
}
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
  const admin = log.admin()
  await admin.createTopics([{ topic: prefix + EVENTS, partitions: PARTITIONS, config: {} }])
  await admin.close()
  const events = ['fill', '--records', String(EVENTS_FULL), '--form', 'json']
  const there = ['--out', prefix + EVENTS, '--bootstrap', kafka.brokers.join(',')]
  await output(java('peers.Load', [...events, ...there]), LIMIT_MS)
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

/**
 * @param {Place} place
 * @param {Form} form
 * @returns {Promise<Figures>}
 */
async function streams({ kafka, java, prefix, records }, form) {
  const id = `bench-${randomBytes(4).toString('hex')}`
  const said = await output(
    java(
      'peers.App',
      flags({
        ...form.flags,
        in: prefix + form.input,
        out: `${prefix}commands`,
        ...(form.whole ? { expect: records } : {}),
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
      const form = FORMS.get(who)
      const figures = form === undefined ? await own(place) : await streams(place, form)
      if (form?.whole !== false) await verify(place)
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
      const all = [...TOPICS.map(({ kind }) => kind), EVENTS]
      await place.kafka.deleteTopics(all.map((name) => place.prefix + name))
      await place.log.close()
      await place.kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'records/s',
  rulers: ['streams_1', 'streams_2', 'streams_dsl'],
  target: 1.5,
  pairsMin: 3,
  open,
}
