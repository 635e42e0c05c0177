// The job of the Kafka Streams peer as a core of our engine: the same records (plain Avro deltas),
// one window of 60 s per service and instance judged at each closed second, one command a key and
// then none for a minute. Only the job is other than the product's: windows, interner, engine,
// journal and snapshots are its own.
import { ImageReader, ImageWriter } from '../dist/core/kernel/image.js'
import { Interner } from '../dist/core/kernel/interner.js'
import { Windows } from '../dist/core/window/window.js'

const WINDOW_SECS = 60
const SPAN_MS = 60_000
const COOLDOWN_MS = 60_000
const REQUESTS_MIN = 50
const SUCCESS_MIN = 0.95
/** The peer's grid is in milliseconds from bucket -96 on, ours from 0 on. */
const GRID_MIN = -96
const GRID_MAX = 271
/** A microsecond of ours stands for one of its buckets; above this one lie more than 500 ms. */
const SLOW_FROM = 143 - GRID_MIN

/** @typedef {import('../dist/core/window/window.js').Counts} Counts */
/** @typedef {import('../dist/contracts/record.js').RecordView} RecordView */

/** The smallest latency of ours that lies in a bucket of this index. @param {number} index */
const edgeUs = (index) => Math.floor(2 ** (index / 16))
const SLOW_US = edgeUs(SLOW_FROM)

/** Records that any core has taken, for whoever measures. */
export const taken = { records: 0, firstMs: 0, lastMs: 0 }

class Delta {
  n = 0
  errors = 0
  scale = 4
  zeros = 0
  buckets = 0
  bucketIndex = new Int32Array(512)
  bucketCount = new Float64Array(512)
  atMs = 0
  /** Bytes of service and instance, with their lengths. */
  namesEnd = 0
  at = 0

  /** @param {Uint8Array} buffer */
  varint(buffer) {
    let byte = buffer[this.at++] ?? 0
    let value = byte & 127
    let scale = 128
    while (byte > 127) {
      byte = buffer[this.at++] ?? 0
      value += (byte & 127) * scale
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A text. @param {Uint8Array} buffer */
  skip(buffer) {
    const length = this.varint(buffer)
    this.at += length
  }

  /** @param {RecordView} view */
  decode({ buffer, valueStart }) {
    this.at = valueStart
    this.skip(buffer)
    this.skip(buffer)
    this.namesEnd = this.at
    this.skip(buffer)
    this.atMs = this.varint(buffer)
    const ok = this.varint(buffer)
    this.errors = this.varint(buffer)
    this.n = ok + this.errors
    let held = 0
    for (let left = this.varint(buffer); left !== 0; left = this.varint(buffer))
      for (; left > 0; left--) {
        const index = this.varint(buffer)
        this.bucketIndex[held] = Math.min(Math.max(index, GRID_MIN), GRID_MAX) - GRID_MIN
        this.bucketCount[held++] = this.varint(buffer)
      }
    this.buckets = held
  }
}

/**
 * A service or an instance of one.
 * @typedef {{ service: string, instance: string | null, row: number, generation: number,
 *   lastMs: number }} Key
 */

class JobCore {
  windows = new Windows({ graceMs: SPAN_MS })
  interner = new Interner()
  delta = new Delta()
  /** @type {Key[]} */
  keys = []
  /** By id of the interner: places of instance and service in `keys`. @type {number[]} */
  instanceOf = []
  /** @type {number[]} */
  serviceOf = []
  /** @type {Map<string, number>} */
  services = new Map()
  sec = -1
  /** @type {import('../dist/core/kernel/step.js').Output[]} */
  outputs = []
  when = { eventMs: 0, appendMs: 0 }
  visit = (/** @type {RecordView} */ view) => this.take(view)

  /** @param {import('../dist/core/kernel/step.js').Step} step */
  step(step) {
    this.outputs = []
    for (const slice of step.slices) if (slice.topic === 'telemetry') slice.visit(this.visit)
    return { outputs: this.outputs, urgent: this.outputs.length > 0, wakeAtMs: null }
  }

  /** @param {RecordView} view */
  take(view) {
    const { delta } = this
    delta.decode(view)
    const sec = Math.floor(delta.atMs / 1_000)
    if (sec > this.sec) this.turn(sec)
    const id = this.interner.intern(view.buffer, view.valueStart, delta.namesEnd)
    if (this.instanceOf[id] === undefined) this.meet(id, view)
    this.when.eventMs = delta.atMs
    this.when.appendMs = delta.atMs
    const instance = this.keys[this.instanceOf[id] ?? 0]
    const service = this.keys[this.serviceOf[id] ?? 0]
    this.windows.add(this.rowOf(instance), this.rowOf(service), delta, this.when)
    if (taken.records++ === 0) taken.firstMs = performance.now()
  }

  /** @param {Key | undefined} key */
  rowOf(key) {
    if (key === undefined) throw new Error('a key that was met')
    const { windows } = this
    if (windows.isCurrent(key.row, key.generation)) return key.row
    const { service, instance } = key
    key.row =
      instance === null ? windows.serviceRow(service) : windows.instanceRow(service, instance)
    key.generation = windows.generation(key.row)
    return key.row
  }

  /** A new pair of service and instance. @param {number} id @param {RecordView} view */
  meet(id, { buffer, valueStart }) {
    this.delta.at = valueStart
    const text = () => {
      const length = this.delta.varint(buffer)
      this.delta.at += length
      return Buffer.from(buffer.subarray(this.delta.at - length, this.delta.at)).toString('latin1')
    }
    const service = text()
    const instance = text()
    let place = this.services.get(service)
    if (place === undefined) {
      place = this.keys.push({ service, instance: null, row: 0, generation: 0, lastMs: 0 }) - 1
      this.services.set(service, place)
    }
    this.serviceOf[id] = place
    this.instanceOf[id] =
      this.keys.push({ service, instance, row: 0, generation: 0, lastMs: 0 }) - 1
  }

  /** Judges every second up to `sec`, which begins. @param {number} sec */
  turn(sec) {
    const first = Math.max(this.sec, sec - WINDOW_SECS)
    if (this.sec >= 0) for (let closed = first; closed < sec; closed++) this.judge(closed)
    this.windows.advance(sec * 1_000)
    this.windows.takeChangedRows(() => undefined)
    this.sec = sec
  }

  /** @param {number} sec */
  judge(sec) {
    const { windows } = this
    windows.advance(sec * 1_000)
    const endMs = (sec + 1) * 1_000
    for (const key of this.keys) {
      if (!windows.isCurrent(key.row, key.generation)) continue
      const n = windows.requests(key.row, SPAN_MS)
      if (n < REQUESTS_MIN) continue
      const failed = windows.errors(key.row, SPAN_MS)
      const reason =
        n - failed < SUCCESS_MIN * n
          ? 'success'
          : windows.p99Us(key.row, SPAN_MS) >= SLOW_US
            ? 'p99'
            : null
      if (reason === null || (key.lastMs !== 0 && endMs - key.lastMs < COOLDOWN_MS)) continue
      key.lastMs = endMs
      const { service, instance } = key
      const id = `${instance === null ? service : `${service}/${instance}`}@${endMs}`
      const body = { id, service, instance, reason, n, windowEnd: endMs }
      this.outputs.push(/** @type {any} */ ({ topic: 'commands', key: service, body }))
    }
  }

  image() {
    const writer = new ImageWriter().number(this.sec).int(this.keys.length)
    for (const { service, instance, row, generation, lastMs } of this.keys)
      writer.text(service).value(instance).int(row).int(generation).int(lastMs)
    writer.value(this.instanceOf).value(this.serviceOf)
    this.interner.save(writer)
    this.windows.save(writer)
    return writer.pieces()
  }

  /** @param {Uint8Array} image */
  load(image) {
    const reader = new ImageReader(image)
    this.sec = reader.number()
    const count = reader.int()
    for (let i = 0; i < count; i++) {
      const service = reader.text()
      const instance = /** @type {string | null} */ (reader.value())
      const [row, generation, lastMs] = [reader.int(), reader.int(), reader.int()]
      const key = { service, instance, row, generation, lastMs }
      if (instance === null) this.services.set(service, i)
      this.keys.push(key)
    }
    this.instanceOf = /** @type {number[]} */ (reader.value())
    this.serviceOf = /** @type {number[]} */ (reader.value())
    this.interner = Interner.load(reader)
    this.windows.load(reader)
    reader.end()
  }

  setBehaviour() {}
}

/** @type {import('../dist/core/kernel/step.js').CreateCore} */
export function createJobCore(_context, image) {
  const core = new JobCore()
  if (image !== null) core.load(image)
  return core
}

/**
 * Commands as the peer writes them, one JSON object each; the rest as ours are.
 * @param {import('../dist/contracts/decode.js').Encoder} own
 * @returns {import('../dist/contracts/decode.js').Encoder}
 */
export const jobEncoder = (own) => ({
  encode: (topic, record) =>
    topic === 'commands'
      ? new TextEncoder().encode(JSON.stringify(record))
      : own.encode(topic, record),
})
