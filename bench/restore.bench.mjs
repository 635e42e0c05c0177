// `restore`: seconds until twelve tasks of one worker, all at once on one core, have their state
// back: 10,000 instances with three full windows, from snapshots in the embedded log. Ruler: the
// same state folded again from its deltas, as without snapshots. The last line also tells how fast
// a journal is replayed against how fast the same records were stepped first (by a running worker
// that catches up, journal and commits included).
import { createHash } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { createMemoryLog } from '../dist/adapters/memory/memory-log.js'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { clusterId as toClusterId } from '../dist/contracts/ids.js'
import { NO_HASH } from '../dist/contracts/journal.js'
import { INPUT_TOPICS, topicName } from '../dist/contracts/topics.js'
import { BEHAVIOUR_LATEST } from '../dist/core/kernel/behaviour.js'
import { createServiceCore } from '../dist/core/tasks/service-task.js'
import { startWorker } from '../dist/roles/worker/worker.js'
import { Chain } from '../dist/runtime/chain.js'
import { systemClock } from '../dist/runtime/clock.js'
import { initCluster, topicSetups } from '../dist/runtime/init.js'
import { SILENT } from '../dist/runtime/instruments.js'
import { OutputsDigest } from '../dist/runtime/pending.js'
import { restore } from '../dist/runtime/restore.js'
import { SNAPSHOT_PLAN } from '../dist/runtime/snapshot-cadence.js'
import { SNAPSHOT_FORMAT } from '../dist/runtime/snapshot-format.js'
import { SnapshotParts } from '../dist/runtime/snapshot-parts.js'
import { serviceTask } from '../dist/runtime/task-spec.js'
import { DeltaFleet, FLEET_START_MS } from './delta-fleet.mjs'
import { round } from './figures.mjs'

const CLUSTER = toClusterId('bench')
const PREFIX = 'hs.'
const GROUP = 'bench'
const TASKS = 12
const INSTANCES = 10_000
/** Log time that fills the windows. */
const FILL_SECONDS = 310
const QUICK = { instances: 600, seconds: 70, replayed: 20_000 }
const REPLAYED_RECORDS = 60_000
const REPLAYED_INSTANCES = 1_000
const SEND_RECORDS = 200

/** @typedef {Awaited<ReturnType<typeof createSerde>>} Serde */
/** @typedef {ReturnType<typeof createMemoryLog>} Log */

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/** @param {Serde} serde @param {number} partition */
function emptyCore(serde, partition) {
  const of = { clusterId: CLUSTER, taskId: `s${partition}`, partition, partitionCount: TASKS }
  const context = { ...of, behaviour: BEHAVIOUR_LATEST, scale: /** @type {4} */ (4) }
  return createServiceCore({ ...context, sha256, decoder: serde }, null)
}

/**
 * Cores whose windows are full.
 * @param {Serde} serde @param {{ instances: number, seconds: number, seed: number }} how
 */
function filled(serde, { instances, seconds, seed }) {
  const fleet = new DeltaFleet(serde, { instances, tasks: TASKS, seed })
  const cores = Array.from({ length: TASKS }, (_, partition) => emptyCore(serde, partition))
  const offsets = new Float64Array(TASKS)
  let nowMs = FLEET_START_MS
  for (let second = 0; second < seconds; second++) {
    nowMs = FLEET_START_MS + 1_000 * second + 1_950
    const asOf = Object.fromEntries(INPUT_TOPICS.map((topic) => [topic, nowMs]))
    for (const [partition, core] of cores.entries()) {
      const batches = fleet.batches(partition, second)
      const from = offsets[partition] ?? 0
      const to = batches.reduce((sum, batch) => sum + batch.recordCount, from)
      offsets[partition] = to
      const slice = {
        topic: /** @type {const} */ ('telemetry'),
        partition,
        from,
        to,
        /** @param {import('../dist/contracts/record.js').RecordVisitor} visitor */
        visit: (visitor) => {
          for (const batch of batches) batch.visit(visitor)
        },
      }
      core.step({ seq: second + 1, nowMs, behind: true, asOf, slices: [slice] })
    }
  }
  return { cores, seconds, nowMs }
}

/**
 * A journal that stands at the filled state, and its snapshot.
 * @param {Log} log @param {Serde} serde @param {ReturnType<typeof filled>} from
 */
async function written(log, serde, { cores, seconds, nowMs }) {
  let bytes = 0
  for (const [partition, core] of cores.entries()) {
    const spec = serviceTask(partition)
    const at = { topic: topicName('journal', PREFIX), partition }
    const transactionalId = `${PREFIX}${spec.task}`
    const writer = log.writer({ transactionalId, transactionTimeoutMs: 5_000, deadlineMs: 4_000 })
    await writer.fence()
    const chain = new Chain(writer, systemClock, { at, tip: NO_HASH })
    const positions = spec.inputs.map((input) => ({ ...input, offset: 0 }))
    const common = { behaviour: BEHAVIOUR_LATEST, format: SNAPSHOT_FORMAT, positions }
    const genesis = /** @type {const} */ ({
      kind: 'genesis',
      clusterId: CLUSTER,
      task: spec.task,
      partitions: TASKS,
      prefix: PREFIX,
      ...common,
      scale: 4,
      dev: true,
      atMs: FLEET_START_MS,
      lastTip: null,
    })
    const lastFence = /** @type {const} */ ({
      kind: 'fence',
      gen: 1,
      member: 'bench',
      group: GROUP,
      generation: 1,
      attempt: 1,
      suspect: null,
      positions,
      stateDigest: sha256(new Uint8Array(0)),
    })
    const sign = /** @type {const} */ ({
      kind: 'steps',
      steps: [],
      outputs: 0,
      outputsDigest: new OutputsDigest().done(),
      stateDigest: null,
      snapshot: null,
    })
    const { entry } = await chain.append([], [genesis, lastFence, sign])
    if (entry === null) throw new Error('no entry was written')
    const times = { nowMs, asOf: {}, wakeAtMs: null, checkpointMs: nowMs }
    const head = { genesis, lastFence, seq: seconds, ...times, ...common, skipsInRow: 0 }
    const topic = /** @type {const} */ ('snapshots')
    const place = { topic, partition, prefix: PREFIX, encoder: serde, atMs: nowMs }
    const parts = new SnapshotParts({ head, pieces: core.image(), ...place })
    bytes += parts.sizeBytes
    let first = -1
    while (parts.left > 0) {
      const { appended } = await chain.append([parts.part()], [])
      if (first < 0) first = appended[0]?.baseOffset ?? -1
    }
    await chain.append([parts.header(entry, first)], [])
    await writer.close()
  }
  return bytes
}

/** @param {Log} log @param {Serde} serde @param {number} partition */
function restored(log, serde, partition) {
  return restore({
    log,
    clock: systemClock,
    decoder: serde,
    createCore: createServiceCore,
    instruments: SILENT,
    prefix: PREFIX,
    group: GROUP,
    clusterId: CLUSTER,
    spec: serviceTask(partition),
    signal: new AbortController().signal,
  })
}

/**
 * Records per second stepped by a worker that catches up, then by a restore of the same journal.
 * @param {Serde} serde @param {{ records: number, seed: number }} how
 */
async function liveAndReplay(serde, { records, seed }) {
  const log = createMemoryLog({ clock: systemClock, clusterId: 'bench' })
  await initCluster(log, { clock: systemClock, partitions: 1, prefix: PREFIX, dev: true })
  const fleet = new DeltaFleet(serde, { instances: REPLAYED_INSTANCES, tasks: 1, seed })
  const producer = log.producer()
  const topic = topicName('telemetry', PREFIX)
  let sent = 0
  for (let second = 0; sent < records; second++)
    for (const batch of fleet.batches(0, second)) {
      /** @type {import('../dist/contracts/record.js').OutgoingRecord[]} */
      const outgoing = []
      batch.visit(({ buffer, keyStart, keyEnd, valueStart, valueEnd }) => {
        const key = Uint8Array.from(buffer.subarray(keyStart, keyEnd))
        const value = Uint8Array.from(buffer.subarray(valueStart, valueEnd))
        outgoing.push({ topic, partition: 0, key, value, timestampMs: Date.now() })
      })
      for (let i = 0; i < outgoing.length; i += SEND_RECORDS)
        await producer.send(outgoing.slice(i, i + SEND_RECORDS))
      sent += outgoing.length
    }
  await producer.close()
  const never = { tailMs: 1e12, checkpointEveryMs: 1e12, renewEveryMs: 1e12, closeMs: 0 }
  let begun = 0
  const worker = await startWorker({
    log,
    decoder: serde,
    encoder: serde,
    createCore: createServiceCore,
    clock: systemClock,
    instruments: {
      emit: (kind, fields) => {
        if (kind === 'task_state' && fields['to'] === 'Running') begun = performance.now()
      },
    },
    prefix: PREFIX,
    group: GROUP,
    standbys: 0,
    snapshots: { ...SNAPSHOT_PLAN, ...never },
  })
  const at = INPUT_TOPICS.indexOf('telemetry')
  while ((worker.status().tasks[0]?.positions[at] ?? 0) < sent) await systemClock.sleep(2)
  const liveMs = performance.now() - begun
  await worker.stop()
  const start = performance.now()
  const { tail } = await restored(log, serde, 0)
  const replayMs = performance.now() - start
  await log.close()
  if (tail.records < sent) throw new Error(`${tail.records} of ${sent} records were replayed`)
  const perSecond = (/** @type {number} */ ms) => Math.round((1_000 * sent) / ms)
  return { live: perSecond(liveMs), replay: perSecond(replayMs), share: round(liveMs / replayMs) }
}

/** @param {import('./run.mjs').How} how @returns {Promise<import('./run.mjs').Stand>} */
async function open({ quick, seed }) {
  const serde = await createSerde()
  const size = quick
    ? { instances: QUICK.instances, seconds: QUICK.seconds, seed }
    : { instances: INSTANCES, seconds: FILL_SECONDS, seed }
  const log = createMemoryLog({ clock: systemClock, clusterId: 'bench' })
  const admin = log.admin()
  await admin.createTopics(topicSetups(PREFIX, TASKS))
  await admin.close()
  const state = filled(serde, size)
  const bytes = await written(log, serde, state)
  const records = quick ? QUICK.replayed : REPLAYED_RECORDS
  const replay = await liveAndReplay(serde, { records, seed })
  let longestMs = 0
  let cpuSeconds = 0
  return {
    measure: async (who) => {
      if (who === 'fold') {
        const start = performance.now()
        filled(serde, size)
        return (performance.now() - start) / 1_000
      }
      let turn = performance.now()
      const beat = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - turn)
        turn = performance.now()
      }, 1)
      const start = performance.now()
      const cpu = process.cpuUsage()
      const all = Array.from({ length: TASKS }, (_, partition) => restored(log, serde, partition))
      for (const { seq, tail } of await Promise.all(all))
        if (seq !== size.seconds || tail.steps !== 0) throw new Error('a snapshot was not used')
      const seconds = (performance.now() - start) / 1_000
      const { user, system } = process.cpuUsage(cpu)
      cpuSeconds = (user + system) / 1e6
      clearInterval(beat)
      return seconds
    },
    raw: () => ({
      ...size,
      bytesPerInstance: Math.round(bytes / size.instances),
      recordsPerSecond: replay,
      cpuSeconds: round(cpuSeconds),
      longestTurnMs: round(longestMs),
      rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    }),
    close: () => log.close(),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 's',
  rulers: ['fold'],
  smallerIsBetter: true,
  target: 1,
  pairsMin: 3,
  open,
}
