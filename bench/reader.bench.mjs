// `reader`: records of 200 bytes a second from one topic of four partitions, read committed, every
// record visited. Subject: the worker's own reader with checksums and the look for gaps. Rulers, on
// the same topic in the same minute: Kafka's own ConsumerPerformance (Java client, checksums on)
// and kafkajs' eachBatch. All in processes of their own, with their CPU time.
import { randomBytes } from 'node:crypto'
import { cluster } from './brokers.mjs'
import { contend, output } from './contender.mjs'
import { median, round } from './figures.mjs'

const PARTITIONS = 4
const RECORD_BYTES = 200
const FULL = 4_000_000
const QUICK = 400_000
const LIMIT_MS = 180_000
const CONTENDERS = new Map([
  ['subject', 'reader-own.mjs'],
  ['each_batch', 'reader-kafkajs.mjs'],
])

/** CPU seconds (user and system) of the children, as bash's `times` tells. @param {string} said */
function childSeconds(said) {
  const [user = '', system = ''] = (said.trim().split('\n').at(-1) ?? '').split(' ')
  const seconds = (/** @type {string} */ text) => {
    const [, minutes = '0', rest = 'NaN'] = /^(\d+)m([\d.]+)s$/.exec(text) ?? []
    return Number(minutes) * 60 + Number(rest)
  }
  return seconds(user) + seconds(system)
}

/**
 * Kafka's own measurement; its rate leaves out the joining of its group, its CPU time holds the
 * start of the JVM.
 * @param {import('./brokers.mjs').BenchCluster} kafka @param {string} topic
 * @param {number} records
 */
async function consumerPerformance(kafka, topic, records) {
  const tool = kafka.tool('org.apache.kafka.tools.ConsumerPerformance', [
    `--bootstrap-server=${kafka.brokers.join(',')}`,
    `--topic=${topic}`,
    `--messages=${records}`,
    `--group=bench-${randomBytes(4).toString('hex')}`,
    `--consumer.config=${kafka.file('consumer.properties', 'isolation.level=read_committed\n')}`,
    '--timeout=60000',
    '--hide-header',
  ])
  const said = await output(
    ['bash', '-c', '"$@"; code=$?; times; exit $code', '-', ...tool],
    LIMIT_MS,
  )
  const columns =
    said
      .split('\n')
      .find((line) => line.includes(', '))
      ?.split(', ') ?? []
  const [read, rate] = [Number(columns[4]), Number(columns[9])]
  if (!(read >= records && rate > 0)) throw new Error(`ConsumerPerformance answered:\n${said}`)
  return { perSecond: rate, cpuUs: (childSeconds(said) * 1e6) / read }
}

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const records = how.quick ? QUICK : FULL
  const kafka = await cluster(how, 1)
  const topic = `bench-reader-${randomBytes(4).toString('hex')}`
  await kafka.createTopics([{ topic, partitions: PARTITIONS }])
  const producer = kafka.tool('org.apache.kafka.tools.ProducerPerformance', [
    `--topic=${topic}`,
    `--num-records=${records}`,
    `--record-size=${RECORD_BYTES}`,
    '--throughput=-1',
    '--producer-props',
    `bootstrap.servers=${kafka.brokers.join(',')}`,
  ])
  await output(producer, LIMIT_MS)
  /** @type {Map<string, number[]>} */
  const cpu = new Map()
  return {
    /** @param {string} who */
    async measure(who) {
      const file = CONTENDERS.get(who)
      const task = { brokers: kafka.brokers, topic, partitions: PARTITIONS, records }
      const { perSecond = 0, cpuUs = 0 } =
        file === undefined
          ? await consumerPerformance(kafka, topic, records)
          : await contend(file, task, LIMIT_MS)
      cpu.set(who, [...(cpu.get(who) ?? []), cpuUs])
      return perSecond
    },
    raw() {
      const own = [...cpu].map(([who, all]) => [who, round(median(all.slice(1)))])
      const { subject = [], each_batch: other = [] } = Object.fromEntries(cpu)
      const pairs = subject.map((figure, i) => figure / (other[i] ?? Number.NaN)).slice(1)
      return {
        cpu_us_per_record: Object.fromEntries(own),
        cpu_ratio: round(median(pairs)),
        cpu_target: 0.25,
        records,
        recordBytes: RECORD_BYTES,
        partitions: PARTITIONS,
      }
    },
    async close() {
      await kafka.deleteTopics([topic])
      await kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'records/s',
  rulers: ['consumer_performance', 'each_batch'],
  target: { consumer_performance: 2, each_batch: 6 },
  open,
}
