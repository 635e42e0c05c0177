// Oracle: avsc on the same schema. Three rules make the comparison exact: a datum that avsc writes
// for a valid record is decoded equally; what we take avsc takes, equally; what we refuse avsc
// refuses too, or it breaks a rule written down here (`broken`), or it is not the form any writer
// gives the record avsc saw in it.
import { isDeepStrictEqual } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import avsc from 'avsc'
import { beforeAll, describe, expect, it } from 'vitest'
import { idProblem } from '../../src/contracts/ids.ts'
import type { TelemetryDelta } from '../../src/contracts/records.ts'
import {
  BUCKETS_MAX,
  DeltaScratch,
  EXEMPLARS_MAX,
  GAUGES,
  decodeTelemetry,
} from '../../src/contracts/telemetry-decoder.ts'
import {
  DatumWriter,
  fullDelta,
  random,
  randomDelta,
  readScratch,
  schemaText,
  telemetryType,
} from './telemetry-fixture.ts'

const scratch = new DeltaScratch()
const decode = (bytes: Uint8Array) => decodeTelemetry(bytes, 0, bytes.length, scratch)
const encode = (record: unknown): Buffer => telemetryType.toBuffer(record)

/**
 * avsc makes arrays of whatever length a hostile count names, for minutes; items here take two
 * bytes at least.
 */
function tameOracle(): void {
  interface Tap {
    buf: Buffer
    pos: number
    readLong(): number
  }
  interface ItemsType {
    _read(tap: Tap): unknown
  }
  Reflect.set(
    avsc.types.ArrayType.prototype,
    '_read',
    function (this: { itemsType: ItemsType }, tap: Tap) {
      const items: unknown[] = []
      for (let n = tap.readLong(); n !== 0; n = tap.readLong()) {
        if (n < 0) {
          n = -n
          tap.readLong()
        }
        if (n > tap.buf.length) throw new Error('more items than bytes')
        while (n-- > 0) items.push(this.itemsType._read(tap))
      }
      return items
    },
  )
}

interface Oracle {
  record: TelemetryDelta
  /** The bytes are what avsc itself writes for the record. */
  plain: boolean
}

function oracle(bytes: Uint8Array): Oracle | null {
  const datum = Buffer.from(bytes)
  try {
    const record: TelemetryDelta = telemetryType.fromBuffer(datum)
    return { record, plain: telemetryType.isValid(record) && encode(record).equals(datum) }
  } catch {
    return null
  }
}

/** Names the rules a decoded record breaks, written from the docs of the schema. */
function broken(r: TelemetryDelta): string[] {
  const counts = [r.epoch, r.incarnation, r.tick_start_ms, r.sum_us, r.max_us, r.zeros]
  const more = [...Object.values(r.logs ?? {}), ...Object.values(r.tasks ?? {})]
  const stats = Object.values(r.gauges ?? {}).filter((stat) => stat !== null)
  const ids = [r.service, r.instance, r.agent, ...Object.values(r.caller ?? {})]
  const texts = [r.operation, ...r.exemplars.map((e) => e.trace_id)].filter((t) => t !== '')
  const shown = [...ids, ...texts]
  const latencies = r.buckets.reduce((sum, b) => sum + b.count, r.zeros)
  const rules: Record<string, boolean> = {
    ids: ids.every((t) => idProblem(t) === null),
    texts: texts.every((t) => t === '.' || t === '..' || idProblem(t) === null),
    utf8: shown.every((t) => !t.includes('\ufffd')),
    counts: [...counts, ...more].every((count) => count >= 0),
    seq: r.seq >= 1,
    tick: r.tick_ms >= 0 && r.tick_ms <= 3_600_000,
    errors: 0 <= r.local_errors && r.local_errors <= r.errors && r.errors <= r.n,
    scale: r.scale >= -10 && r.scale <= 20,
    buckets: r.buckets.every((b, i) => b.count >= 1 && (i === 0 || b.gap >= 1)),
    grid: Math.abs(r.buckets.reduce((sum, b) => sum + b.gap, 0)) < 2 ** 31,
    sizes: r.buckets.length <= BUCKETS_MAX && r.exemplars.length <= EXEMPLARS_MAX,
    latencies: latencies <= r.n,
    exemplars: r.exemplars.every((e) => e.latency_us >= 0),
    gauges: stats.every((s) => s.n >= 0 && Number.isFinite(s.sum) && Number.isFinite(s.max)),
  }
  return Object.keys(rules).filter((rule) => rules[rule] === false)
}

/** Compares both on any bytes; returns whether they were taken. */
function compare(bytes: Uint8Array): boolean {
  const reason = decode(bytes)
  const theirs = oracle(bytes)
  if (reason === null) {
    expect(theirs, 'avsc refuses what we take').not.toBeNull()
    if (theirs === null) return true
    expect(readScratch(bytes, scratch, theirs.record)).toEqual(theirs.record)
    expect(broken(theirs.record)).toEqual([])
    return true
  }
  if (theirs?.plain === true) {
    const rules = broken(theirs.record)
    expect(rules.length, `refused as ${reason}: ${JSON.stringify(theirs.record)}`).toBeGreaterThan(
      0,
    )
    expect(reason).toBe('invalid')
  }
  return false
}

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
    expect(decode(encode({ ...bare, buckets: [], exemplars: [] }))).toBeNull()
    const { gaugesMask, hasLogs, hasTasks, hasCaller, buckets, exemplars } = scratch
    expect([gaugesMask, hasLogs, hasTasks, hasCaller, buckets, exemplars]).toEqual([
      0,
      false,
      false,
      false,
      0,
      0,
    ])
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

/** The datum of `fullDelta()` around its buckets. */
function cut(datum: Buffer): { head: Buffer; tail: Buffer } {
  const none = encode({ ...fullDelta(), buckets: [] })
  let at = 0
  while (datum[at] === none[at]) at++
  return { head: none.subarray(0, at), tail: none.subarray(at + 1) }
}

describe('hostile bytes', () => {
  it('refuses every prefix of a datum', () => {
    const next = random(2)
    const datums = [fullDelta(), ...Array.from({ length: 20 }, () => randomDelta(next))].map(encode)
    for (const datum of datums)
      for (let end = 0; end < datum.length; end++) {
        const prefix = datum.subarray(0, end)
        expect(decode(prefix)).toBe(end === 0 ? 'empty' : 'corrupt')
        expect(oracle(prefix)).toBeNull()
      }
  })

  it('agrees with avsc on every single byte changed to any other', () => {
    const datum = encode(fullDelta())
    let taken = 0
    for (let at = 0; at < datum.length; at++)
      for (let flip = 1; flip < 256; flip++) {
        const bytes = Buffer.from(datum)
        bytes[at] = (bytes[at] ?? 0) ^ flip
        if (compare(bytes)) taken++
      }
    expect(taken).toBeGreaterThan(1_000)
  }, 60_000)

  it('agrees with avsc on random records with random damage', () => {
    const next = random(3)
    for (let i = 0; i < 20_000; i++) {
      let bytes = encode(randomDelta(next))
      const at = Math.floor(next() * bytes.length)
      const kind = Math.floor(next() * 4)
      if (kind === 0) bytes[at] = Math.floor(next() * 256)
      if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
      if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - 1)])
      if (kind === 3) bytes.fill(0xff, at, Math.min(bytes.length, at + 9))
      compare(bytes)
    }
  }, 60_000)

  it('never throws on noise', () => {
    const next = random(4)
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * 80) }, () =>
        Math.floor(next() * 256),
      )
      compare(bytes)
    }
  })

  const { head, tail } = cut(encode(fullDelta()))
  const withBuckets = (...blocks: readonly number[]): Buffer =>
    Buffer.concat([head, Uint8Array.from(blocks), tail])
  const long = (value: number | bigint): number[] => [...new DatumWriter().long(value).done()]

  it.each([
    ['a count of 2^31', withBuckets(...long(2 ** 31))],
    ['a count of 2^53', withBuckets(...long(2n ** 53n))],
    ['the largest 64-bit count', withBuckets(...long(2n ** 63n - 1n))],
    ['the smallest 64-bit count', withBuckets(...long(-(2n ** 63n)), 2)],
    ['a negative count without its size', withBuckets(...long(-1))],
    ['a negative count with a negative size', withBuckets(...long(-1), ...long(-5), 2, 2, 0)],
    ['a block longer than its contents', withBuckets(...long(-1), ...long(3), 2, 2, 0)],
    ['a block shorter than its contents', withBuckets(...long(-1), ...long(1), 2, 2, 0)],
    ['a block larger than the rest', withBuckets(...long(-1), ...long(1 << 20), 2, 2, 0)],
    ['a count of 4,097 in few bytes', withBuckets(...long(4_097), 2, 2, 0)],
    ['a varint of 11 bytes', withBuckets(...Array.from({ length: 10 }, () => 0x80), 0)],
    ['a varint without end', Buffer.alloc(4_000, 0xff)],
    ['a string length of -1', Buffer.from([1, 0, 0])],
    ['a string length of 2^40', Buffer.from([...long(2 ** 40), 0x61])],
    ['trailing bytes', Buffer.concat([encode(fullDelta()), Buffer.alloc(1)])],
    ['two datums', Buffer.concat([encode(fullDelta()), encode(fullDelta())])],
    ['text', Buffer.from('{"service":"shop"}')],
  ])('refuses %s as corrupt', (_, bytes) => {
    expect(decode(bytes)).toBe('corrupt')
  })

  it('refuses a long at or beyond 2^53 in every long of the head', () => {
    const record = fullDelta()
    for (const field of [
      'epoch',
      'seq',
      'incarnation',
      'n',
      'sum_us',
      'max_us',
      'zeros',
    ] as const) {
      const one = encode({ ...record, [field]: 111 })
      const two = encode({ ...record, [field]: 112 })
      const at = one.findIndex((byte, i) => byte !== two[i])
      const skip = 2
      for (const value of [2n ** 53n, 2n ** 62n, -(2n ** 53n), 2n ** 63n - 1n]) {
        const bytes = [one.subarray(0, at), Uint8Array.from(long(value)), one.subarray(at + skip)]
        expect(decode(Buffer.concat(bytes)), `${field} = ${value}`).toBe('corrupt')
      }
    }
  })

  it('takes the largest long and 10-byte forms of small ones', () => {
    const record = { ...fullDelta(), sum_us: 9_007_199_254_740_990 }
    expect(decode(encode(record))).toBeNull()
    expect(scratch.sumUs).toBe(9_007_199_254_740_990)
    const long1 = [0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]
    const block = withBuckets(...long1, 2, 2, 4, 4, 0)
    expect(decode(block)).toBeNull()
    expect(scratch.buckets).toBe(2)
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
