// Decoder of telemetry deltas (schemas/telemetry.avsc, current version) into one reused scratch:
// nothing is allocated per record, strings stay offsets into the buffer. Whatever the bytes are,
// the answer is a record or a reason. Field order is that of the schema;
// test/contracts/telemetry-decoder.test.ts holds the two equal with avsc as oracle.
import { AvroCursor } from './avro-cursor.ts'
import type { DecodeReason } from './decode.ts'
import { isIdBytes, isTextBytes } from './ids.ts'

/** Most histogram buckets of one delta; at scale 4 all latencies up to 2^53 µs fit 848. */
export const BUCKETS_MAX = 4_096
/** Most exemplars of one delta. */
export const EXEMPLARS_MAX = 64
/** Most metrics of one delta that are held; further ones are counted. */
export const METRICS_MAX = 32
/** Gauges in schema order; each has n, sum, max at 3 × its place in `DeltaScratch.gauges`. */
export const GAUGES = [
  'cpu',
  'rss',
  'fds',
  'run_queue_wait',
  'event_loop_delay',
  'rtt',
  'loss',
] as const
/** Scales of OpenTelemetry's exponential histogram. */
const SCALE_MIN = -10
const SCALE_MAX = 20
/** Longest tick that is taken, ms. */
const TICK_MAX_MS = 3_600_000
const BRANCHES = 2
/** Optional parts behind the buckets, a byte each where they are absent. */
const OTHERS = 6
/** An empty name and a double. */
const METRIC_BYTES_MIN = 9

/**
 * One decoded delta. Units are those of the schema; `…Start`/`…End` are offsets into the buffer
 * given to `decodeTelemetry`. After a refusal the contents mean nothing.
 */
export class DeltaScratch {
  serviceStart: number = 0
  serviceEnd: number = 0
  instanceStart: number = 0
  instanceEnd: number = 0
  /** Empty = all operations together. */
  operationStart: number = 0
  operationEnd: number = 0
  agentStart: number = 0
  agentEnd: number = 0
  epoch: number = 0
  /** 0 live, 1 backlog. */
  lane: number = 0
  /** Where the part ends that says whose the datum is. */
  identityEnd: number = 0
  seq: number = 0
  incarnation: number = 0
  tickStartMs: number = 0
  tickMs: number = 0
  /** 0 tick, 1 early. */
  flush: number = 0
  n: number = 0
  errors: number = 0
  localErrors: number = 0
  sumUs: number = 0
  maxUs: number = 0
  scale: number = 0
  zeros: number = 0
  /** Number of non-empty buckets. */
  buckets: number = 0
  /** Index on the grid, ascending. */
  readonly bucketIndex: Int32Array = new Int32Array(BUCKETS_MAX)
  readonly bucketCount: Float64Array = new Float64Array(BUCKETS_MAX)
  /** Bit i: gauge i of GAUGES is present; absent ones are 0. */
  gaugesMask: number = 0
  readonly gauges: Float64Array = new Float64Array(3 * GAUGES.length)
  hasLogs: boolean = false
  /** debug, info, warn, error, fatal. */
  readonly logs: Float64Array = new Float64Array(5)
  hasTasks: boolean = false
  /** succeeded, failed, timed out. */
  readonly tasks: Float64Array = new Float64Array(3)
  hasCaller: boolean = false
  callerServiceStart: number = 0
  callerServiceEnd: number = 0
  callerInstanceStart: number = 0
  callerInstanceEnd: number = 0
  /** Number of exemplars. */
  exemplars: number = 0
  /** Number of metrics; the first METRICS_MAX are held, their names and values not looked into. */
  metrics: number = 0
  readonly metricStart: Int32Array = new Int32Array(METRICS_MAX)
  readonly metricEnd: Int32Array = new Int32Array(METRICS_MAX)
  readonly metricValue: Float64Array = new Float64Array(METRICS_MAX)
  synthetic: boolean = false
  /** Gauges, logs and tasks are zeros, and there is nothing else. */
  isBare: boolean = true
  /** Position while decoding. */
  readonly cursor: AvroCursor = new AvroCursor()
}

/**
 * Decodes the datum from `start` to `end`. null: `into` holds it. `empty`: no bytes. `corrupt`: not
 * a datum of the schema, or bytes behind it. `invalid`: a datum that contradicts itself (ids,
 * counts, order of buckets, not finite).
 */
export function decodeTelemetry(
  buffer: Uint8Array,
  start: number,
  end: number,
  into: DeltaScratch,
): DecodeReason | null {
  const reason = decodeIdentity(buffer, start, end, into) ?? decodeCounts(into)
  return reason ?? (hasNames(buffer, into) ? null : 'invalid')
}

/**
 * The first part of a datum: whose it is. Its bytes, from `start` to `into.cursor.at`, are the same
 * for all deltas of one writer about one instance and operation, on one lane; `decodeCounts` goes
 * on from there. Names are not looked into. null: `into` holds it.
 */
export function decodeIdentity(
  buffer: Uint8Array,
  start: number,
  end: number,
  into: DeltaScratch,
): DecodeReason | null {
  if (end <= start) return 'empty'
  const cursor = into.cursor
  cursor.open(buffer, start, end)
  into.serviceStart = cursor.skipBytes()
  into.serviceEnd = cursor.at
  into.instanceStart = cursor.skipBytes()
  into.instanceEnd = cursor.at
  into.operationStart = cursor.skipBytes()
  into.operationEnd = cursor.at
  into.agentStart = cursor.skipBytes()
  into.agentEnd = cursor.at
  cursor.readLong()
  into.epoch = cursor.value
  into.lane = cursor.index(2)
  into.identityEnd = cursor.at
  return cursor.faulty ? 'corrupt' : null
}

/** The rest of a datum, behind its identity; the names of a caller are looked into. */
export function decodeCounts(into: DeltaScratch): DecodeReason | null {
  const cursor = into.cursor
  readHead(cursor, into)
  if (!readBuckets(cursor, into)) return cursor.faulty ? 'corrupt' : 'invalid'
  if (hasNothingElse(cursor)) skipNothing(cursor, into)
  else {
    into.isBare = false
    readGauges(cursor, into)
    into.hasLogs = readCounts(cursor, into.logs)
    into.hasTasks = readCounts(cursor, into.tasks)
    readCaller(cursor, into)
    if (!readExemplars(cursor, into)) return cursor.faulty ? 'corrupt' : 'invalid'
    readMetrics(cursor, into)
  }
  into.synthetic = cursor.bool() === 1
  if (cursor.faulty || cursor.at !== cursor.end) return 'corrupt'
  const isConsistent = hasCounts(into) && hasFiniteGauges(into)
  return isConsistent && hasCallerNames(cursor.buffer, into) ? null : 'invalid'
}

function readHead(cursor: AvroCursor, into: DeltaScratch): void {
  cursor.readLong()
  into.seq = cursor.value
  cursor.readLong()
  into.incarnation = cursor.value
  cursor.readLong()
  into.tickStartMs = cursor.value
  into.tickMs = cursor.int()
  into.flush = cursor.index(2)
  into.n = cursor.long()
  into.errors = cursor.long()
  into.localErrors = cursor.long()
  cursor.readLong()
  into.sumUs = cursor.value
  cursor.readLong()
  into.maxUs = cursor.value
  into.scale = cursor.int()
  into.zeros = cursor.long()
}

/** false: faulty, too many, not ascending, or an empty bucket. */
function readBuckets(cursor: AvroCursor, into: DeltaScratch): boolean {
  const { bucketIndex, bucketCount } = into
  const buffer = cursor.buffer
  const end = cursor.end
  let held = 0
  let index = 0
  let total = into.zeros
  for (let count = cursor.block(2); count > 0; count = cursor.block(2)) {
    if (count > BUCKETS_MAX - held) return false
    let at = cursor.at
    for (; count > 0; count--) {
      const first = buffer[at] ?? 0
      const second = buffer[at + 1] ?? 0
      let gap = first >>> 1
      let latencies = second >>> 1
      // Nearly all are two bytes, both positive: bits 0 and 7 clear.
      if (((first | second) & 0x81) === 0 && at + 2 <= end) at += 2
      else {
        cursor.at = at
        gap = cursor.int()
        cursor.readLong()
        latencies = cursor.value
        at = cursor.at
      }
      index += gap
      if (latencies < 1 || (gap < 1 && held > 0) || index !== (index | 0)) return false
      bucketIndex[held] = index
      bucketCount[held] = latencies
      total += latencies
      held++
    }
    cursor.at = at
  }
  into.buckets = held
  return !cursor.faulty && total <= into.n
}

/** Nearly all deltas have none of gauges, logs, tasks, caller, exemplars and metrics: six zeros. */
function hasNothingElse({ buffer, at, end }: AvroCursor): boolean {
  if (end - at !== OTHERS + 1) return false
  for (let i = 0; i < OTHERS; i++) if (buffer[at + i] !== 0) return false
  return true
}

function skipNothing(cursor: AvroCursor, into: DeltaScratch): void {
  cursor.at += OTHERS
  into.gaugesMask = 0
  into.hasLogs = false
  into.hasTasks = false
  into.hasCaller = false
  into.callerServiceStart = 0
  into.callerServiceEnd = 0
  into.callerInstanceStart = 0
  into.callerInstanceEnd = 0
  into.exemplars = 0
  into.metrics = 0
  if (into.isBare) return
  into.gauges.fill(0)
  into.logs.fill(0)
  into.tasks.fill(0)
  into.isBare = true
}

function readGauges(cursor: AvroCursor, into: DeltaScratch): void {
  const gauges = into.gauges
  into.gaugesMask = 0
  gauges.fill(0)
  if (cursor.index(BRANCHES) === 0) return
  let mask = 0
  for (let i = 0; i < GAUGES.length; i++) {
    if (cursor.index(BRANCHES) === 0) continue
    mask |= 1 << i
    gauges[3 * i] = cursor.int()
    cursor.readDouble()
    gauges[3 * i + 1] = cursor.value
    cursor.readDouble()
    gauges[3 * i + 2] = cursor.value
  }
  into.gaugesMask = mask
}

/** An optional record of longs. */
function readCounts(cursor: AvroCursor, counts: Float64Array): boolean {
  counts.fill(0)
  if (cursor.index(BRANCHES) === 0) return false
  for (let i = 0; i < counts.length; i++) {
    cursor.readLong()
    counts[i] = cursor.value
  }
  return true
}

function readCaller(cursor: AvroCursor, into: DeltaScratch): void {
  into.hasCaller = cursor.index(BRANCHES) === 1
  into.callerServiceStart = into.hasCaller ? cursor.skipBytes() : 0
  into.callerServiceEnd = into.hasCaller ? cursor.at : 0
  into.callerInstanceStart = into.hasCaller ? cursor.skipBytes() : 0
  into.callerInstanceEnd = into.hasCaller ? cursor.at : 0
}

/**
 * Exemplars are for people and are only counted here. false: faulty, too many, or one that cannot
 * be shown.
 */
function readExemplars(cursor: AvroCursor, into: DeltaScratch): boolean {
  let held = 0
  for (let count = cursor.block(2); count > 0; count = cursor.block(2)) {
    held += count
    if (held > EXEMPLARS_MAX) return false
    for (; count > 0; count--) {
      const start = cursor.skipBytes()
      const isText = isTextBytes(cursor.buffer, start, cursor.at)
      cursor.readLong()
      if (!isText || cursor.value < 0) return false
    }
  }
  into.exemplars = held
  return !cursor.faulty
}

/** Whoever takes them asks `metricProblem` of each: one that is bad takes nothing else with it. */
function readMetrics(cursor: AvroCursor, into: DeltaScratch): void {
  const { metricStart, metricEnd, metricValue } = into
  let seen = 0
  for (let left = cursor.block(METRIC_BYTES_MIN); left > 0; left = cursor.block(METRIC_BYTES_MIN)) {
    for (; left > 0; left--) {
      const start = cursor.skipBytes()
      const end = cursor.at
      cursor.readDouble()
      if (seen < METRICS_MAX) {
        metricStart[seen] = start
        metricEnd[seen] = end
        metricValue[seen] = cursor.value
      }
      seen++
    }
  }
  into.metrics = seen
}

/** What Avro cannot say: see the docs of the fields in the schema. */
function hasNames(buffer: Uint8Array, into: DeltaScratch): boolean {
  return (
    isIdBytes(buffer, into.serviceStart, into.serviceEnd) &&
    isIdBytes(buffer, into.instanceStart, into.instanceEnd) &&
    isTextBytes(buffer, into.operationStart, into.operationEnd) &&
    isIdBytes(buffer, into.agentStart, into.agentEnd)
  )
}

function hasCallerNames(buffer: Uint8Array, into: DeltaScratch): boolean {
  return (
    !into.hasCaller ||
    (isIdBytes(buffer, into.callerServiceStart, into.callerServiceEnd) &&
      isIdBytes(buffer, into.callerInstanceStart, into.callerInstanceEnd))
  )
}

function hasCounts(into: DeltaScratch): boolean {
  return (
    into.epoch >= 0 &&
    into.seq >= 1 &&
    into.incarnation >= 0 &&
    into.tickStartMs >= 0 &&
    into.tickMs >= 0 &&
    into.tickMs <= TICK_MAX_MS &&
    into.localErrors >= 0 &&
    into.localErrors <= into.errors &&
    into.errors <= into.n &&
    into.sumUs >= 0 &&
    into.maxUs >= 0 &&
    into.zeros >= 0 &&
    into.scale >= SCALE_MIN &&
    into.scale <= SCALE_MAX &&
    (!into.hasLogs || noneNegative(into.logs)) &&
    (!into.hasTasks || noneNegative(into.tasks))
  )
}

function noneNegative(counts: Float64Array): boolean {
  for (let i = 0; i < counts.length; i++) if ((counts[i] ?? 0) < 0) return false
  return true
}

function hasFiniteGauges(into: DeltaScratch): boolean {
  if (into.gaugesMask === 0) return true
  const gauges = into.gauges
  for (let i = 0; i < gauges.length; i++) if (!Number.isFinite(gauges[i])) return false
  for (let i = 0; i < gauges.length; i += 3) if ((gauges[i] ?? 0) < 0) return false
  return true
}
