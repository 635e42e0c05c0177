// Telemetry deltas for tests: a seeded generator of valid records, a writer of datums that is not
// avsc (so that encodings avsc never writes can be made), and the reading of a scratch back into a
// record.
import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import type { Brand } from '../../src/contracts/ids.ts'
import type { Stat, TelemetryDelta } from '../../src/contracts/records.ts'
import { GAUGES, METRICS_MAX, type DeltaScratch } from '../../src/contracts/telemetry-decoder.ts'
import { decodeUtf8 } from '../../src/contracts/utf8.ts'

export const schemaText: string = readFileSync(
  new URL('../../schemas/telemetry.avsc', import.meta.url),
  'utf8',
)
export const telemetryType: avsc.Type = avsc.Type.forSchema(JSON.parse(schemaText))

const id = <B extends string>(text: string): Brand<string, B> => text as Brand<string, B>

/** mulberry32 */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const LETTERS = ['a', 'b', 'z', '-', '_', '.', '/', ' ', '0', '9', 'ä', '服', '𝕏', '{', '"']
const WIDE = [0, 1, 63, 64, 8191, 8192, 2 ** 27 - 1, 2 ** 27, 2 ** 28, 2 ** 31, 2 ** 40, 2 ** 52]

/** A valid record; every optional part is there about half of the time. */
export function randomDelta(next: () => number): TelemetryDelta {
  const below = (n: number): number => Math.floor(next() * n)
  const name = (): string => {
    let text = 'x'
    for (let i = below(12); i > 0; i--) text += LETTERS[below(LETTERS.length)] ?? ''
    return text
  }
  const long = (): number =>
    next() < 0.1 ? (WIDE[below(WIDE.length)] ?? 0) : Math.floor(next() * 10 ** below(13))
  const maybe = <T>(make: () => T): T | null => (next() < 0.5 ? make() : null)
  const stat = (): Stat => ({ n: below(1_000), sum: next() * 1e6, max: -next() })
  const buckets = []
  let total = 0
  for (let i = below(next() < 0.02 ? 2_000 : 30); i > 0; i--) {
    const count = 1 + Math.floor(next() * 10 ** below(7))
    buckets.push({ gap: buckets.length === 0 ? below(600) - 100 : 1 + below(100), count })
    total += count
  }
  const zeros = below(5)
  const n = total + zeros + long()
  const errors = below(Math.min(n, 2 ** 31) + 1)
  return {
    service: id(name()),
    instance: id(name()),
    operation: next() < 0.5 ? '' : name(),
    agent: id(name()),
    epoch: long(),
    lane: next() < 0.5 ? 'live' : 'backlog',
    seq: 1 + Math.min(long(), 2 ** 52),
    incarnation: long(),
    tick_start_ms: 1_700_000_000_000 + below(1e9),
    tick_ms: below(3_600_001),
    flush: next() < 0.5 ? 'tick' : 'early',
    n,
    errors,
    local_errors: below(errors + 1),
    sum_us: long(),
    max_us: long(),
    scale: below(31) - 10,
    zeros,
    buckets,
    gauges: maybe(() => ({
      cpu: maybe(stat),
      rss: maybe(stat),
      fds: maybe(stat),
      run_queue_wait: maybe(stat),
      event_loop_delay: maybe(stat),
      rtt: maybe(stat),
      loss: maybe(stat),
    })),
    logs: maybe(() => ({
      debug: long(),
      info: long(),
      warn: long(),
      error: long(),
      fatal: long(),
    })),
    tasks: maybe(() => ({ succeeded: long(), failed: long(), timed_out: long() })),
    caller: maybe(() => ({ service: id(name()), instance: id(name()) })),
    exemplars: Array.from({ length: next() < 0.3 ? below(5) : 0 }, () => ({
      trace_id: 'ab'.repeat(16),
      latency_us: long(),
    })),
    metrics: Array.from({ length: next() < 0.3 ? below(5) : 0 }, () => ({
      name: name(),
      value: next() < 0.1 ? Number.NaN : next() * 1e9 - 1e8,
    })),
    synthetic: next() < 0.1,
  }
}

/** A small record with every part present; 200 to 300 bytes. */
export function fullDelta(): TelemetryDelta {
  const stat = (k: number): Stat => ({ n: k, sum: k * 1.5, max: k })
  return {
    service: id('shop'),
    instance: id('shop-1'),
    operation: 'GET /cart',
    agent: id('agent-ä'),
    epoch: 3,
    lane: 'live',
    seq: 300,
    incarnation: 2,
    tick_start_ms: 1_764_000_000_000,
    tick_ms: 1_000,
    flush: 'early',
    n: 112,
    errors: 7,
    local_errors: 2,
    sum_us: 1_234_567,
    max_us: 98_765,
    scale: 4,
    zeros: 1,
    buckets: [
      { gap: 150, count: 100 },
      { gap: 3, count: 10 },
      { gap: 70, count: 1 },
    ],
    gauges: {
      cpu: stat(1),
      rss: stat(2),
      fds: null,
      run_queue_wait: stat(4),
      event_loop_delay: stat(5),
      rtt: stat(6),
      loss: stat(7),
    },
    logs: { debug: 1, info: 2, warn: 3, error: 4, fatal: 500 },
    tasks: { succeeded: 10, failed: 1, timed_out: 0 },
    caller: { service: id('front'), instance: id('front-2') },
    exemplars: [{ trace_id: '0123456789abcdef0123456789abcdef', latency_us: 98_765 }],
    metrics: [{ name: 'queue_depth', value: 12.5 }],
    synthetic: false,
  }
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const

/**
 * What the scratch holds, as the record avsc gives; `exemplars` cannot be told and are taken from
 * `like`.
 */
export function readScratch(
  buffer: Uint8Array,
  s: DeltaScratch,
  like: TelemetryDelta,
): TelemetryDelta {
  const text = (from: number, to: number): Brand<string, never> => id(decodeUtf8(buffer, from, to))
  const at = (values: Float64Array, i: number): number => values[i] ?? Number.NaN
  const gauge = (i: number): Stat | null =>
    (s.gaugesMask & (1 << i)) === 0
      ? null
      : { n: at(s.gauges, 3 * i), sum: at(s.gauges, 3 * i + 1), max: at(s.gauges, 3 * i + 2) }
  const buckets = []
  let before = 0
  for (let i = 0; i < s.buckets; i++) {
    const index = s.bucketIndex[i] ?? Number.NaN
    buckets.push({ gap: index - before, count: at(s.bucketCount, i) })
    before = index
  }
  const gauges = Object.fromEntries(GAUGES.map((name, i) => [name, gauge(i)]))
  const logs = Object.fromEntries(LEVELS.map((level, i) => [level, at(s.logs, i)]))
  const [succeeded, failed, timedOut] = [at(s.tasks, 0), at(s.tasks, 1), at(s.tasks, 2)]
  return {
    service: text(s.serviceStart, s.serviceEnd),
    instance: text(s.instanceStart, s.instanceEnd),
    operation: text(s.operationStart, s.operationEnd),
    agent: text(s.agentStart, s.agentEnd),
    epoch: s.epoch,
    lane: s.lane === 0 ? 'live' : 'backlog',
    seq: s.seq,
    incarnation: s.incarnation,
    tick_start_ms: s.tickStartMs,
    tick_ms: s.tickMs,
    flush: s.flush === 0 ? 'tick' : 'early',
    n: s.n,
    errors: s.errors,
    local_errors: s.localErrors,
    sum_us: s.sumUs,
    max_us: s.maxUs,
    scale: s.scale,
    zeros: s.zeros,
    buckets,
    gauges:
      like.gauges === null && s.gaugesMask === 0
        ? null
        : (gauges as unknown as TelemetryDelta['gauges']),
    logs: s.hasLogs ? (logs as unknown as TelemetryDelta['logs']) : null,
    tasks: s.hasTasks ? { succeeded, failed, timed_out: timedOut } : null,
    caller: s.hasCaller
      ? {
          service: text(s.callerServiceStart, s.callerServiceEnd),
          instance: text(s.callerInstanceStart, s.callerInstanceEnd),
        }
      : null,
    exemplars: s.exemplars === like.exemplars.length ? like.exemplars : [],
    metrics: Array.from({ length: Math.min(s.metrics, METRICS_MAX) }, (_, i) => ({
      name: decodeUtf8(buffer, s.metricStart[i] ?? 0, s.metricEnd[i] ?? 0),
      value: at(s.metricValue, i),
    })),
    synthetic: s.synthetic,
  }
}

/** Avro datums by hand, so that a test can say what no writer would. */
export class DatumWriter {
  private readonly bytes: number[] = []

  long(value: number | bigint): this {
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
    while (rest > 0x7fn) {
      this.bytes.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    return this.raw(Number(rest))
  }

  text(value: string): this {
    const utf8 = new TextEncoder().encode(value)
    this.long(utf8.length)
    for (const byte of utf8) this.bytes.push(byte)
    return this
  }

  raw(...bytes: readonly number[]): this {
    for (const byte of bytes) this.bytes.push(byte)
    return this
  }

  get size(): number {
    return this.bytes.length
  }

  done(): Uint8Array {
    return Uint8Array.from(this.bytes)
  }
}
