// Telemetry of a fleet as bytes of real record batches: every instance one delta a second, of about
// ten requests. All is drawn from a seed. The batches of a task are made once per variant and
// stamped anew for every second (offsets, append time, sequence numbers, tick), so that the maker
// costs next to nothing beside what is measured.
import { serviceId } from '../dist/contracts/ids.js'
import { partitionFor } from '../dist/contracts/partitioner.js'
import { encodeBatch } from '../dist/runtime/record-batch-encode.js'
import { FIELD, openBatch, readBatchHeader } from '../dist/runtime/record-batch.js'
import { random } from './figures.mjs'

/** Log time at which a fleet begins. */
export const FLEET_START_MS = 1_800_000_000_000
/** Sequence numbers begin where they take three bytes and stay there. */
const FIRST_SEQ = 100_000
/** Records of one batch: what a busy relay of agents sends at once. */
const BATCH_RECORDS = 100
/**
 * Different seconds; after them their latencies come again. A number that no window is a multiple
 * of: the second that leaves must not be as the one that comes.
 */
const VARIANTS = 7
/** Wire header and zigzag of `tick_start_ms` and of a sequence number, bytes. */
const WIRE_BYTES = 5
const TICK_BYTES = 6
const SEQ_BYTES = 3

/**
 * @typedef {{ service: string, instance: string, agent: string, baseUs: number }} Member
 * @typedef {{ bytes: Buffer, records: number, seqAt: Int32Array }} Stamped `seqAt`: where the
 *   sequence numbers lie; the tick follows the incarnation behind it
 * @typedef {import('../dist/adapters/serde/serde.js').Serde} Serde
 */

export class DeltaFleet {
  /** @type {readonly (readonly Member[])[]} by task */
  members
  /** @type {(readonly Stamped[])[][]} by task, then by variant */
  #batches
  /** @type {Float64Array} next offset by task */
  #offsets
  #startMs

  /**
   * @param {Serde} serde
   * @param {{ instances: number, tasks: number, seed: number, samples?: number, failing?: number,
   *   startMs?: number }} how `samples`: requests of a delta, on average; `failing`: share of the
   *   requests that fail; `startMs`: log time of the first second
   */
  constructor(serde, { instances, tasks, seed, samples = 10, failing = 0.002, startMs }) {
    this.#startMs = startMs ?? FLEET_START_MS
    const next = random(seed)
    this.members = membersOf({ instances, tasks }, next)
    this.#offsets = new Float64Array(tasks)
    this.#batches = this.members.map((members) =>
      Array.from({ length: VARIANTS }, () =>
        chunked(members, BATCH_RECORDS).map((chunk) =>
          stampedOf(
            serde,
            chunk.map((member) => delta(next, member, { samples, failing })),
          ),
        ),
      ),
    )
  }

  /**
   * The batches that the log took in the second that begins at `secMs`; they stand until the same
   * variant is asked for again.
   * @param {number} task @param {number} second since the fleet began
   */
  batches(task, second) {
    const made = this.#batches[task]?.[second % VARIANTS] ?? []
    const tickMs = this.#startMs + 1_000 * second
    const at = { topic: 'hs.telemetry', partition: task }
    return made.map((stamped, i) => {
      const from = this.#offsets[task] ?? 0
      this.#offsets[task] = from + stamped.records
      const appendMs = tickMs + 1_000 + Math.floor((900 * i) / made.length)
      stamp(stamped, { from, appendMs, tickMs, seq: FIRST_SEQ + second })
      const header = readBatchHeader(stamped.bytes)
      if (header === null) throw new Error('a batch of the fleet is cut off')
      return openBatch(at, stamped.bytes, header)
    })
  }
}

/**
 * Services of 5 to 60 instances, each with its own agent; every service on the task of its hash.
 * @param {{ instances: number, tasks: number }} size @param {() => number} next
 */
function membersOf({ instances, tasks }, next) {
  /** @type {Member[][]} */
  const byTask = Array.from({ length: tasks }, () => [])
  for (let made = 0, s = 0; made < instances; s++) {
    const service = serviceId(`service-${s}`)
    const task = partitionFor(service, tasks)
    const baseUs = 2_000 + Math.floor(next() * 60_000)
    const size = Math.min(instances - made, 5 + Math.floor(next() * 56))
    for (let i = 0; i < size; i++, made++) {
      const pod = `${service}-${Math.floor(next() * 2 ** 31).toString(36)}`
      byTask[task]?.push({ service, instance: pod, agent: `agent-${pod}`, baseUs })
    }
  }
  return byTask
}

/**
 * @param {() => number} next @param {Member} member
 * @param {{ samples: number, failing: number }} how
 */
function delta(next, { service, instance, agent, baseUs }, { samples: mean, failing }) {
  const samples = Math.max(1, mean - 3 + Math.floor(7 * next()))
  /** @type {Map<number, number>} */
  const counts = new Map()
  let sum = 0
  let max = 0
  let errors = 0
  for (let k = 0; k < samples; k++) {
    const us = Math.ceil(baseUs * Math.exp((next() + next() + next() - 1.5) * 1.2))
    const index = Math.ceil(Math.log2(us) * 16) - 1
    counts.set(index, (counts.get(index) ?? 0) + 1)
    sum += us
    max = Math.max(max, us)
    if (next() < failing) errors++
  }
  let before = 0
  const buckets = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([index, count]) => {
      const gap = index - before
      before = index
      return { gap, count }
    })
  return {
    service,
    instance,
    operation: '',
    agent,
    epoch: 1,
    lane: 'live',
    seq: FIRST_SEQ,
    incarnation: 1,
    tick_start_ms: FLEET_START_MS,
    tick_ms: 1_000,
    flush: 'tick',
    n: samples,
    errors,
    local_errors: 0,
    sum_us: sum,
    max_us: max,
    scale: 4,
    zeros: 0,
    buckets,
    gauges: null,
    logs: null,
    tasks: null,
    caller: null,
    exemplars: [],
    synthetic: false,
  }
}

/** @template T @param {readonly T[]} all @param {number} size @returns {(readonly T[])[]} */
function chunked(all, size) {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.slice(i * size, (i + 1) * size),
  )
}

/** @param {Serde} serde @param {readonly ReturnType<typeof delta>[]} deltas @returns {Stamped} */
function stampedOf(serde, deltas) {
  const records = deltas.map((record) => ({
    key: Buffer.from(record.service),
    value: serde.encode('telemetry', record),
    timestampMs: FLEET_START_MS,
  }))
  const bytes = Buffer.from(
    encodeBatch(records, { baseOffset: 0, appendTimeMs: FLEET_START_MS }, () => 0),
  )
  const seqAt = new Int32Array(deltas.length)
  let i = 0
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('a batch of the fleet is cut off')
  openBatch({ topic: 'hs.telemetry', partition: 0 }, bytes, header).visit(({ valueStart }) => {
    const record = deltas[i]
    const names = [record?.service, record?.instance, record?.operation, record?.agent]
    const nameBytes = names.reduce((sum, name) => sum + 1 + (name?.length ?? 0), 0)
    // Epoch and lane take a byte each.
    seqAt[i++] = valueStart + WIRE_BYTES + nameBytes + 2
  })
  return { bytes, records: deltas.length, seqAt }
}

/**
 * @param {Stamped} stamped
 * @param {{ from: number, appendMs: number, tickMs: number, seq: number }} now
 */
function stamp({ bytes, seqAt }, { from, appendMs, tickMs, seq }) {
  bytes.writeBigInt64BE(BigInt(from), FIELD.baseOffset)
  bytes.writeBigInt64BE(BigInt(appendMs), FIELD.maxTimestamp)
  for (const at of seqAt) {
    zigzag(bytes, { at, size: SEQ_BYTES, value: seq })
    zigzag(bytes, { at: at + SEQ_BYTES + 1, size: TICK_BYTES, value: tickMs })
  }
}

/** @param {Buffer} bytes @param {{ at: number, size: number, value: number }} what ≥ 0 */
function zigzag(bytes, { at, size, value }) {
  let rest = value * 2
  for (let i = 0; i < size; i++) {
    bytes[at + i] = (rest % 128) + (i < size - 1 ? 128 : 0)
    rest = Math.floor(rest / 128)
  }
  if (rest > 0) throw new RangeError(`${value} does not fit ${size} bytes`)
}
