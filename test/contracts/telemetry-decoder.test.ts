// Valid records, and records that contradict themselves; bytes that are no records at all are in
// telemetry-decoder.hostile.test.ts. Oracle: telemetry-oracle.ts.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import avsc from 'avsc'
import { beforeAll, describe, expect, it } from 'vitest'
import { GAUGES, METRICS_MAX, decodeTelemetry } from '../../src/contracts/telemetry-decoder.ts'
import {
  DatumWriter,
  fullDelta,
  random,
  randomDelta,
  readScratch,
  schemaText,
  telemetryType,
} from './telemetry-fixture.ts'
import { compare, cut, decode, encode, scratch, tameOracle } from './telemetry-oracle.ts'

beforeAll(tameOracle)

describe('valid records', () => {
  it('decodes 100,000 random records as avsc does', () => {
    const next = random(1)
    for (let i = 0; i < 100_000; i++) {
      const record = randomDelta(next)
      const datum = encode(record)
      const reason = decode(datum)
      const seen = reason ?? readScratch(datum, scratch, record)
      if (!isDeepStrictEqual(seen, record)) expect(seen, `record ${i}`).toEqual(record)
    }
  }, 60_000)

  it('knows the schema: gauges, levels and enums in its order', () => {
    const schema = JSON.parse(schemaText)
    const field = (name: string) =>
      schema.fields.find((f: { name: string }) => f.name === name).type
    const names = (fields: { name: string }[]): string[] => fields.map((f) => f.name)
    expect(names(field('gauges')[1].fields)).toEqual([...GAUGES])
    expect(names(field('logs')[1].fields)).toEqual(['debug', 'info', 'warn', 'error', 'fatal'])
    expect(names(field('tasks')[1].fields)).toEqual(['succeeded', 'failed', 'timed_out'])
    expect([field('lane').symbols, field('flush').symbols]).toEqual([
      ['live', 'backlog'],
      ['tick', 'early'],
    ])
  })

  it('reads a datum in the middle of a buffer and nothing around it', () => {
    const datum = encode(fullDelta())
    const buffer = Buffer.concat([Buffer.alloc(7, 0xff), datum, Buffer.alloc(9, 0xff)])
    expect(decodeTelemetry(buffer, 7, 7 + datum.length, scratch)).toBeNull()
    expect(readScratch(buffer, scratch, fullDelta())).toEqual(fullDelta())
    for (const [start, end] of [
      [-1, 10],
      [0, buffer.length + 1],
      [7, 7 + datum.length + 1],
      [6, 7 + datum.length],
    ] as const)
      expect(decodeTelemetry(buffer, start, end, scratch), `${start}..${end}`).toBe('corrupt')
  })

  it('leaves nothing of the record before', () => {
    const bare = { ...fullDelta(), gauges: null, logs: null, tasks: null, caller: null }
    decode(encode(fullDelta()))
    expect(decode(encode({ ...bare, buckets: [], exemplars: [], metrics: [] }))).toBeNull()
    const { gaugesMask, hasLogs, hasTasks, hasCaller, buckets, exemplars, metrics } = scratch
    expect([hasLogs, hasTasks, hasCaller]).toEqual([false, false, false])
    expect([gaugesMask, buckets, exemplars, metrics]).toEqual([0, 0, 0, 0])
    expect(scratch.isBare).toBe(true)
    expect([...scratch.gauges, ...scratch.logs, ...scratch.tasks].every((v) => v === 0)).toBe(true)
  })

  it('takes blocks of any cut, with and without their size', () => {
    const record = fullDelta()
    const parts = cut(encode(record))
    const bucket = (i: number) => {
      const b = record.buckets[i] ?? { gap: 0, count: 0 }
      return new DatumWriter().long(b.gap).long(b.count).done()
    }
    const sized = (i: number) => {
      const bytes = bucket(i)
      return [...new DatumWriter().long(-1).long(bytes.length).done(), ...bytes]
    }
    const blocks = Uint8Array.of(...sized(0), 2, ...bucket(1), ...sized(2), 0)
    const datum = Buffer.concat([parts.head, blocks, parts.tail])
    expect(decode(datum)).toBeNull()
    expect(readScratch(datum, scratch, record)).toEqual(record)
    expect(telemetryType.fromBuffer(datum)).toEqual(record)
  })

  it('allocates nothing', () => {
    const datum = encode(fullDelta())
    for (let i = 0; i < 50_000; i++) decode(datum)
    const before = getHeapStatistics().used_heap_size
    for (let i = 0; i < 200_000; i++) decode(datum)
    // One object of the smallest size per record would be 3 MB.
    expect(getHeapStatistics().used_heap_size - before).toBeLessThan(1_000_000)
  })
})

describe('metrics', () => {
  const many = (count: number): { name: string; value: number }[] =>
    Array.from({ length: count }, (_, i) => ({ name: `m_${i}`, value: i }))

  it('counts those beyond the most that are held, and goes on behind them', () => {
    const record = { ...fullDelta(), metrics: many(METRICS_MAX + 3), synthetic: true }
    const datum = encode(record)
    expect(decode(datum)).toBeNull()
    expect(scratch.metrics).toBe(METRICS_MAX + 3)
    const held = { ...record, metrics: many(METRICS_MAX) }
    expect(readScratch(datum, scratch, record)).toEqual(held)
  })

  it('does not look into them: a bad one takes nothing else with it', () => {
    const metrics = [
      { name: '', value: 1 },
      { name: 'a b\u0000', value: Number.NaN },
    ]
    expect(decode(encode({ ...fullDelta(), metrics }))).toBeNull()
    expect(scratch.metrics).toBe(2)
  })

  it('are all that a delta tells beside its counts', () => {
    const { caller, ...counts } = fullDelta()
    const bare = { ...counts, caller: null, gauges: null, logs: null, tasks: null, exemplars: [] }
    expect(decode(encode(bare))).toBeNull()
    expect(caller).not.toBeNull()
    expect([scratch.isBare, scratch.metrics, scratch.gaugesMask]).toEqual([false, 1, 0])
  })

  it('came with version 2: what was written before is the same without them', () => {
    const path = new URL('../../schemas/history/telemetry/1.avsc', import.meta.url)
    const first = avsc.Type.forSchema(JSON.parse(readFileSync(path, 'utf8')))
    const next = random(9)
    const resolver = telemetryType.createResolver(first)
    for (let i = 0; i < 200; i++) {
      const { metrics: _, ...before } = randomDelta(next)
      const now = telemetryType.fromBuffer(first.toBuffer(before), resolver)
      expect(now).toEqual({ ...before, metrics: [] })
      expect(decode(encode(before))).toBeNull()
      expect(scratch.metrics).toBe(0)
    }
  })
})

describe('records that contradict themselves', () => {
  const id = 'service'
  const caller = fullDelta().caller
  const nan = { n: 1, sum: Number.NaN, max: 0 }
  const gauges = fullDelta().gauges
  it.each<[string, Record<string, unknown>]>([
    ['an empty service', { [id]: '' }],
    ['an instance that is a path step', { instance: '..' }],
    ['an agent with a control character', { agent: 'a\nb' }],
    ['an id of 256 bytes', { service: 'é'.repeat(128) }],
    ['an operation with an escape character', { operation: '\u001b[2J' }],
    ['a caller without a name', { caller: { ...caller, service: '' } }],
    ['a caller instance of a dot', { caller: { ...caller, instance: '.' } }],
    ['more errors than requests', { errors: 113 }],
    ['more local errors than errors', { local_errors: 8 }],
    ['negative errors', { errors: -1, local_errors: -1 }],
    ['negative local errors', { local_errors: -1 }],
    ['negative requests', { n: -5, errors: -6, local_errors: -7, buckets: [], zeros: 0 }],
    ['a negative sum', { sum_us: -1 }],
    ['a negative maximum', { max_us: -1 }],
    ['negative zeros', { zeros: -1 }],
    ['more latencies than requests', { n: 111 }],
    ['sequence 0', { seq: 0 }],
    ['a negative epoch', { epoch: -1 }],
    ['a negative incarnation', { incarnation: -1 }],
    ['a time before 1970', { tick_start_ms: -1 }],
    ['a negative tick', { tick_ms: -1 }],
    ['a tick of more than an hour', { tick_ms: 3_600_001 }],
    ['scale 21', { scale: 21 }],
    ['scale -11', { scale: -11 }],
    ['an empty bucket', { buckets: [{ gap: 1, count: 0 }] }],
    ['a negative bucket', { buckets: [{ gap: 1, count: -1 }] }],
    [
      'buckets out of order',
      {
        buckets: [
          { gap: 9, count: 1 },
          { gap: -1, count: 1 },
        ],
      },
    ],
    [
      'a bucket twice',
      {
        buckets: [
          { gap: 9, count: 1 },
          { gap: 0, count: 1 },
        ],
      },
    ],
    [
      'an index beyond 32 bits',
      {
        buckets: [
          { gap: 2 ** 31 - 1, count: 1 },
          { gap: 1, count: 1 },
        ],
      },
    ],
    [
      '4,097 buckets',
      { n: 5_000, buckets: Array.from({ length: 4_097 }, () => ({ gap: 1, count: 1 })) },
    ],
    [
      '65 exemplars',
      { exemplars: Array.from({ length: 65 }, () => ({ trace_id: 'a', latency_us: 1 })) },
    ],
    ['an exemplar with a bad trace id', { exemplars: [{ trace_id: 'a\u0000', latency_us: 1 }] }],
    ['an exemplar of negative latency', { exemplars: [{ trace_id: 'a', latency_us: -1 }] }],
    ['a gauge that is not a number', { gauges: { ...gauges, cpu: nan } }],
    ['an infinite gauge', { gauges: { ...gauges, loss: { n: 1, sum: 1, max: Infinity } } }],
    ['a gauge of negative samples', { gauges: { ...gauges, fds: { n: -1, sum: 1, max: 1 } } }],
    ['negative log lines', { logs: { debug: 0, info: 0, warn: 0, error: 0, fatal: -1 } }],
    ['negative tasks', { tasks: { succeeded: -1, failed: 0, timed_out: 0 } }],
  ])('refuses %s as invalid', (_, change) => {
    const datum = encode({ ...fullDelta(), ...change })
    expect(decode(datum)).toBe('invalid')
    expect(compare(datum)).toBe(false)
  })

  it('refuses ids that are not UTF-8', () => {
    const datum = encode({ ...fullDelta(), service: 'AAAA' })
    for (const bad of [
      [0xff, 0x41, 0x41, 0x41],
      [0xc0, 0x80, 0x41, 0x41],
      [0xed, 0xa0, 0x80, 0x41],
      [0xf4, 0x90, 0x80, 0x80],
      [0x41, 0x41, 0x41, 0xc3],
    ]) {
      const bytes = Buffer.from(datum)
      bytes.set(bad, 1)
      expect(decode(bytes)).toBe('invalid')
    }
  })

  it('takes 4,096 buckets and 64 exemplars', () => {
    const buckets = Array.from({ length: 4_096 }, () => ({ gap: 1, count: 1 }))
    const exemplars = Array.from({ length: 64 }, () => ({ trace_id: 'a', latency_us: 1 }))
    const record = { ...fullDelta(), n: 5_000, buckets, exemplars }
    expect(decode(encode(record))).toBeNull()
    expect([scratch.buckets, scratch.bucketIndex[4_095], scratch.exemplars]).toEqual([
      4_096, 4_096, 64,
    ])
  })
})
