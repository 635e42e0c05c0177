// `decode`: telemetry records a second from the bytes of a record value, by the way a worker takes
// (wire header, own decoder into one scratch). Rulers, on the same records: JSON.parse of the value
// as JSON bytes; JSON.parse alone, of text that is there already; avsc, which made the bytes.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import avsc from 'avsc'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { DeltaScratch, decodeTelemetry } from '../dist/contracts/telemetry-decoder.js'
import { random } from './figures.mjs'

const RECORDS = 2_000
const ROUND_MS = 400

/**
 * A delta of one second of one instance: 100 latencies around 20 ms at scale 4, which is about 45
 * buckets, cpu and memory, an edge in every fourth.
 * @param {() => number} next @param {number} i
 */
function delta(next, i) {
  /** @type {Map<number, number>} */
  const counts = new Map()
  let sum = 0
  let max = 0
  for (let k = 0; k < 100; k++) {
    const us = Math.ceil(20_000 * Math.exp((next() + next() + next() - 1.5) * 1.2))
    const index = Math.ceil(Math.log2(us) * 16) - 1
    counts.set(index, (counts.get(index) ?? 0) + 1)
    sum += us
    max = Math.max(max, us)
  }
  let before = 0
  const buckets = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([index, count]) => {
      const gap = index - before
      before = index
      return { gap, count }
    })
  const cpu = next()
  const instance = `checkout-${i % 40}`
  return {
    service: 'checkout',
    instance,
    operation: '',
    agent: `agent-${i % 40}`,
    epoch: 1,
    lane: 'live',
    seq: 100_000 + i,
    incarnation: 3,
    tick_start_ms: 1_764_000_000_000 + 1_000 * i,
    tick_ms: 1_000,
    flush: 'tick',
    n: 100,
    errors: i % 7 === 0 ? 1 : 0,
    local_errors: 0,
    sum_us: sum,
    max_us: max,
    scale: 4,
    zeros: 0,
    buckets,
    gauges: {
      cpu: { n: 10, sum: cpu * 10, max: cpu * 1.3 },
      rss: { n: 1, sum: 2 ** 28, max: 2 ** 28 },
      fds: null,
      run_queue_wait: null,
      event_loop_delay: { n: 10, sum: cpu * 20, max: cpu * 9 },
      rtt: null,
      loss: null,
    },
    logs: null,
    tasks: null,
    caller: i % 4 === 0 ? { service: 'front', instance: `front-${i % 10}` } : null,
    exemplars: [],
    synthetic: false,
  }
}

/**
 * Values one after the other in one buffer, with their ends.
 * @param {readonly Uint8Array[]} values
 */
function packed(values) {
  const buffer = Buffer.concat(values)
  const ends = new Int32Array(values.length)
  let end = 0
  values.forEach((value, i) => {
    end += value.length
    ends[i] = end
  })
  return { buffer, ends }
}

/**
 * Calls `pass` (all records once) for a while.
 * @param {() => number} pass
 * @returns records a second
 */
function perSecond(pass) {
  const start = performance.now()
  let passes = 0
  let elapsed = 0
  let check = 0
  do {
    check += pass()
    passes++
    elapsed = performance.now() - start
  } while (elapsed < ROUND_MS)
  if (check !== passes * 100 * RECORDS) throw new Error('a contender did not read every record')
  return (passes * RECORDS * 1_000) / elapsed
}

/**
 * By the way a worker takes.
 * @param {Awaited<ReturnType<typeof createSerde>>} serde @param {ReturnType<typeof packed>} avro
 */
function ownPass(serde, avro) {
  const scratch = new DeltaScratch()
  const span = { buffer: avro.buffer, start: 0, end: 0 }
  const view = {
    buffer: avro.buffer,
    offset: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: 0,
    valueEnd: 0,
    headersStart: -1,
    headerCount: 0,
  }
  return () => {
    let sum = 0
    let start = 0
    for (const end of avro.ends) {
      view.valueStart = start
      view.valueEnd = end
      const reason = serde.telemetry(view, span)
      const problem = reason ?? decodeTelemetry(span.buffer, span.start, span.end, scratch)
      if (problem !== null) throw new Error(problem)
      sum += scratch.n
      start = end
    }
    return sum
  }
}

async function open() {
  const next = random()
  const records = Array.from({ length: RECORDS }, (_, i) => delta(next, i))
  const serde = await createSerde()
  const avro = packed(records.map((record) => serde.encode('telemetry', record)))
  const texts = records.map((record) => JSON.stringify(record))
  const json = packed(texts.map((text) => Buffer.from(text)))
  const schema = readFileSync(new URL('../schemas/telemetry.avsc', import.meta.url), 'utf8')
  const type = avsc.Type.forSchema(JSON.parse(schema))
  /**
   * @type {Record<string, () => number>} every pass adds up `n`, so that nothing can be left out
   */
  const passes = {
    subject: ownPass(serde, avro),
    json: () => {
      let sum = 0
      let start = 0
      for (const end of json.ends) {
        sum += JSON.parse(json.buffer.toString('utf8', start, end)).n
        start = end
      }
      return sum
    },
    json_text: () => {
      let sum = 0
      for (const text of texts) sum += JSON.parse(text).n
      return sum
    },
    avsc: () => {
      let sum = 0
      let start = 0
      for (const end of avro.ends) {
        sum += type.fromBuffer(avro.buffer.subarray(start + 5, end)).n
        start = end
      }
      return sum
    },
  }
  return {
    /** @param {string} who */
    measure: (who) => perSecond(passes[who] ?? passes['subject'] ?? (() => 0)),
    raw: () => ({
      avroBytes: Math.round(avro.buffer.length / RECORDS),
      jsonBytes: Math.round(json.buffer.length / RECORDS),
      buckets: Math.round(records.reduce((all, r) => all + r.buckets.length, 0) / RECORDS),
    }),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'records/s',
  rulers: ['json', 'json_text', 'avsc'],
  target: 5,
  open,
}
