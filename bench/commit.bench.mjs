// `commit`: milliseconds of one transaction, 50 ms after the last, on one broker and on three
// (replicas 3, min.insync.replicas 2). Subject: the writer of a task over four topics, journal
// entry included. Ruler: kafkajs over one topic, retry tuned to 5 ms. The figure of a round is its
// p50.
import { randomBytes } from 'node:crypto'
import { cluster } from './brokers.mjs'
import { contend } from './contender.mjs'
import { median, round } from './figures.mjs'

const NODES = [1, 3]
const KINDS = ['commands', 'incidents', 'health', 'journal']
/** Of a command, an event of its incident, a health record and the journal entry of the step. */
const BYTES = [400, 600, 300, 700]
const PAUSE_MS = 50
const FULL = { warmUp: 20, commits: 150 }
const QUICK = { warmUp: 5, commits: 20 }
/** @type {ReadonlyMap<string, { nodes: number, file: string }>} */
const CONTENDERS = new Map([
  ['subject', { nodes: 1, file: 'commit-own.mjs' }],
  ['kafkajs', { nodes: 1, file: 'commit-kafkajs.mjs' }],
  ['subject_3', { nodes: 3, file: 'commit-own.mjs' }],
  ['kafkajs_3', { nodes: 3, file: 'commit-kafkajs.mjs' }],
])

/** @param {import('./run.mjs').How} how @param {number} nodes */
async function openCluster(how, nodes) {
  const kafka = await cluster(how, nodes)
  const tail = randomBytes(4).toString('hex')
  const topics = KINDS.map((kind) => `bench-commit-${kind}-${tail}`)
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  await kafka.createTopics(topics.map((topic) => ({ topic, partitions: 1, config })))
  return { kafka, topics }
}

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const sizes = how.quick ? QUICK : FULL
  /** @type {Map<number, Awaited<ReturnType<typeof openCluster>>>} */
  const clusters = new Map()
  for (const nodes of NODES) clusters.set(nodes, await openCluster(how, nodes))
  /** @type {Map<string, number[]>} */
  const late = new Map()
  return {
    /** @param {string} who */
    async measure(who) {
      const { nodes = 1, file = '' } = CONTENDERS.get(who) ?? {}
      const { kafka, topics } = clusters.get(nodes) ?? {}
      const { p50 = Number.NaN, p99 = Number.NaN } = await contend(file, {
        brokers: kafka?.brokers,
        topics,
        bytes: BYTES,
        pauseMs: PAUSE_MS,
        ...sizes,
        id: `bench-${randomBytes(8).toString('hex')}`,
      })
      late.set(who, [...(late.get(who) ?? []), p99])
      return p50
    },
    raw: () => ({
      p99_ms: Object.fromEntries([...late].map(([who, all]) => [who, round(median(all.slice(1)))])),
      ...sizes,
      pauseMs: PAUSE_MS,
    }),
    async close() {
      for (const { kafka, topics } of clusters.values()) {
        await kafka.deleteTopics(topics)
        await kafka.stop()
      }
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'ms',
  rulers: ['kafkajs', 'kafkajs_3'],
  subjectOf: { kafkajs_3: 'subject_3' },
  smallerIsBetter: true,
  target: { kafkajs: 0.7, kafkajs_3: 0.7 },
  open,
}
