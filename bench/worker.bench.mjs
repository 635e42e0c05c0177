// `worker`: deltas a second through one whole worker on a real broker: read, admit, three windows
// of every instance and service, judge, journal, commit; four partitions, 10,000 instances. Ruler,
// on the same topic in the same minute: kafkajs' eachBatch that does nothing with its records.
// The records were made at the pace of a fleet (one delta a second and instance), written at once
// with the times they had then: what a worker finds that comes back after some minutes.
import { randomBytes } from 'node:crypto'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { TOPICS } from '../dist/contracts/topics.js'
import { systemClock } from '../dist/runtime/clock.js'
import { initCluster } from '../dist/runtime/init.js'
import { copyRecords } from '../dist/runtime/record-batch.js'
import { cluster } from './brokers.mjs'
import { contend } from './contender.mjs'
import { DeltaFleet } from './delta-fleet.mjs'
import { median, round } from './figures.mjs'
import { openLog } from './own-log.mjs'

const PARTITIONS = 4
const INSTANCES = 10_000
const SECONDS = 400
const QUICK = { instances: 2_000, seconds: 200 }
const LIMIT_MS = 240_000
/** Between the last record and the first measurement, so that none is from the future. */
const AGO_MS = 5_000
const KEPT = ['telemetry', 'policies', 'operator', 'service-events', 'remote', 'results', 'signals']

/**
 * @typedef {{ kafka: import('./brokers.mjs').BenchCluster, log: ReturnType<typeof openLog>,
 *   prefix: string, records: number }} Place
 * @typedef {{ perSecond: number, warmPerSecond?: number, cpuUs: number, warmCpuUs?: number,
 *   rssMb?: number, commits?: number, longestGcMs?: number }} Figures
 */

/** @param {import('./run.mjs').How} how @returns {Promise<Place>} */
async function prepare(how) {
  const { instances, seconds } = how.quick ? QUICK : { instances: INSTANCES, seconds: SECONDS }
  const kafka = await cluster(how, 1)
  const prefix = `bench${randomBytes(3).toString('hex')}.`
  const topic = `${prefix}telemetry`
  const config = { 'message.timestamp.type': 'CreateTime' }
  await kafka.createTopics([{ topic, partitions: PARTITIONS, config }])
  const log = openLog(kafka.brokers)
  await initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
  const startMs = Math.floor((Date.now() - AGO_MS) / 1_000 - seconds) * 1_000
  const serde = await createSerde()
  const fleet = new DeltaFleet(serde, { instances, tasks: PARTITIONS, seed: how.seed, startMs })
  const producer = log.producer()
  for (let second = 0; second < seconds; second++)
    await Promise.all(
      Array.from({ length: PARTITIONS }, async (_, partition) => {
        for (const batch of fleet.batches(partition, second)) {
          const timestampMs = batch.maxTimestampMs
          const records = copyRecords(batch).map(({ key, value }) => {
            return { topic, partition, key, value, timestampMs }
          })
          await producer.send(records)
        }
      }),
    )
  await producer.close()
  return { kafka, log, prefix, records: instances * seconds }
}

/** Everything a worker has written goes; the telemetry stays. @param {Place} place */
async function clean({ log, prefix }) {
  const admin = log.admin()
  const all = TOPICS.map(({ kind }) => kind)
  await admin.deleteTopics(all.filter((kind) => !KEPT.includes(kind)).map((kind) => prefix + kind))
  await admin.close()
  await initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
}

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const place = await prepare(how)
  const { kafka, prefix, records } = place
  /** @type {Map<string, Figures[]>} */
  const seen = new Map()
  return {
    /** @param {string} who */
    async measure(who) {
      if (who === 'subject') await clean(place)
      const file = who === 'subject' ? 'worker-own.mjs' : 'reader-kafkajs.mjs'
      const topic = `${prefix}telemetry`
      const figures = await contend(
        file,
        { brokers: kafka.brokers, prefix, topic, records },
        LIMIT_MS,
      )
      seen.set(who, [...(seen.get(who) ?? []), figures])
      return figures.perSecond
    },
    raw() {
      const subject = (seen.get('subject') ?? []).slice(1)
      /** @param {keyof Figures} name */
      const middle = (name) => round(median(subject.map((one) => one[name] ?? Number.NaN)))
      const ruler = (seen.get('each_batch') ?? []).slice(1).map(({ cpuUs }) => cpuUs)
      return {
        warm_per_second: middle('warmPerSecond'),
        cpu_us_per_delta: middle('cpuUs'),
        warm_cpu_us_per_delta: middle('warmCpuUs'),
        each_batch_cpu_us: round(median(ruler)),
        rss_mb: middle('rssMb'),
        commits: middle('commits'),
        longest_gc_ms: middle('longestGcMs'),
        records,
        partitions: PARTITIONS,
      }
    },
    async close() {
      await kafka.deleteTopics(TOPICS.map(({ kind }) => prefix + kind))
      await place.log.close()
      await kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'deltas/s',
  rulers: ['each_batch'],
  target: 2,
  pairsMin: 3,
  open,
}
