// What services say is foreign input: it is understood in full or refused with a reason.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BUCKETS_MAX,
  decodeHello,
  decodeReply,
  decodeTold,
  encodeConfig,
  encodeCounts,
  encodeHello,
  encodeMetrics,
  encodeReply,
  LINE_BYTES_MAX,
  LineCutter,
  TAKES,
} from '../../../src/runtime/agent/intake-protocol.ts'
import { Tally } from '../../../src/runtime/agent/tally.ts'

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const unline = (line: string): Buffer => Buffer.from(line.slice(0, -1))

function counted(...latencies: readonly number[]): Tally {
  const tally = new Tally()
  for (const latencyUs of latencies) tally.add({ ok: latencyUs % 2 === 0, latencyUs })
  return tally
}

describe('counts', () => {
  const good = {
    t: 'counts',
    operation: 'GET /buy',
    ...counted(0, 1, 2, 900, 1_000_000).snapshot(),
  }

  test('come through as they were', () => {
    const line = fc.record({
      operation: fc.constantFrom('', 'GET /buy', 'größe'),
      latencies: fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 80 }),
    })
    fc.assert(
      fc.property(line, ({ operation, latencies }) => {
        const batch = counted(...latencies).snapshot()
        expect(decodeTold(unline(encodeCounts({ operation, batch })))).toEqual({
          t: 'counts',
          operation,
          batch,
        })
      }),
    )
  })

  test('of the widest batch fit into a line', () => {
    const tally = new Tally()
    for (let i = 0; tally.width < BUCKETS_MAX; i++) tally.add({ ok: false, latencyUs: 1.05 ** i })
    const wide = tally.snapshot()
    const buckets = wide.buckets.map(([index]) => [index, 9_999_999] as const)
    const batch = { ...wide, buckets, sumUs: Number.MAX_SAFE_INTEGER }
    const operation = '\u0800'.repeat(85)
    expect(Buffer.byteLength(encodeCounts({ operation, batch }))).toBeLessThan(LINE_BYTES_MAX)
  })

  test.each([
    ['no JSON', Buffer.from('{"t":"counts"')],
    ['another kind', bytes({ ...good, t: 'hello' })],
    ['more errors than requests', bytes({ ...good, errors: 6 })],
    ['a negative count', bytes({ ...good, errors: -1 })],
    ['a fraction', bytes({ ...good, n: 4.5 })],
    ['a number too large', Buffer.from(JSON.stringify(good).replace('"n":5', '"n":1e400'))],
    ['buckets that do not add up', bytes({ ...good, n: 4 })],
    ['buckets out of order', bytes({ ...good, buckets: [...good.buckets].reverse() })],
    ['an empty bucket', bytes({ ...good, buckets: [[0, 0], ...good.buckets] })],
    ['a bucket off the grid', bytes({ ...good, buckets: [[100_000, 4]] })],
    ['a bucket that is no pair', bytes({ ...good, buckets: [[1], [2]] })],
    ['a largest latency elsewhere', bytes({ ...good, maxUs: 5 })],
    ['a sum below the largest', bytes({ ...good, sumUs: 1 })],
    ['a sum above all', bytes({ ...good, sumUs: 6_000_000 })],
    ['more local errors than errors', bytes({ ...good, localErrors: good.errors + 1 })],
    ['no last outcome', bytes({ ...good, lastOk: 'yes' })],
    ['a name with a newline', bytes({ ...good, operation: 'a\nb' })],
    ['a list', bytes([good])],
    ['null', bytes(null)],
  ])('with %s are refused', (_, line) => {
    expect(() => decodeTold(line)).toThrow(RangeError)
  })

  test('deeply nested are refused without harm', () => {
    expect(() => decodeTold(Buffer.from('['.repeat(4_000)))).toThrow(RangeError)
  })
})

describe('metrics', () => {
  const of = (values: unknown): Buffer => bytes({ t: 'metrics', values })

  test('come through, and the most of them with the longest names fit into a line', () => {
    const metrics = Array.from({ length: 32 }, (_, i) => {
      return {
        name: `${'x'.repeat(62)}${String(i).padStart(2, '0')}`,
        value: -1.234567890123456e-300,
      }
    })
    const line = encodeMetrics(metrics)
    expect(Buffer.byteLength(line)).toBeLessThan(LINE_BYTES_MAX)
    expect(decodeTold(unline(line))).toEqual({ t: 'metrics', metrics, refusal: null })
  })

  test('that cannot be taken take no other with them', () => {
    const values = [
      ['a b', 1],
      ['ok', 2],
      ['', 3],
    ]
    expect(decodeTold(of(values))).toEqual({
      t: 'metrics',
      metrics: [{ name: 'ok', value: 2 }],
      refusal: 'its name is not made of letters, digits, _ and :, no digit first',
    })
    const many = Array.from({ length: 40 }, (_, i) => [`m${i}`, i])
    const told = decodeTold(of(many))
    expect(told).toMatchObject({ refusal: 'at most 32 are taken' })
    const endless = decodeTold(Buffer.from('{"t":"metrics","values":[["a",1e999]]}'))
    expect(endless).toMatchObject({ metrics: [], refusal: 'its value is no number' })
  })

  test.each([[null], [{}], [[['a']]], [[['a', '1']]], [[[1, 1]]], [[['a', 1, 2]]], [['a']]])(
    'that are %j are refused',
    (values) => {
      expect(() => decodeTold(of(values))).toThrow(RangeError)
    },
  )
})

describe('a configuration', () => {
  test('comes through', () => {
    for (const config of [
      { version: 7, hash: 'sha256:9f86d081884c7d65' },
      { version: 0, hash: null },
    ])
      expect(decodeTold(unline(encodeConfig(config)))).toEqual({ t: 'config', ...config })
  })

  test.each([
    [{ version: -1 }],
    [{ version: 1.5 }],
    [{ version: '7' }],
    [{ hash: '' }],
    [{ hash: 'a\nb' }],
    [{ hash: 'x'.repeat(129) }],
    [{ hash: 5 }],
  ])('with %j is refused', (bad) => {
    const line = bytes({ t: 'config', version: 1, hash: null, ...bad })
    expect(() => decodeTold(line)).toThrow(RangeError)
  })
})

describe('hello', () => {
  const good = { token: 's3cret', service: 'shop', instance: 'shop-1', pid: 12, port: 8080 }

  test('comes through', () => {
    expect(decodeHello(unline(encodeHello(good)))).toEqual(good)
  })

  test.each([
    [{ service: '../x\n' }],
    [{ service: '' }],
    [{ instance: 'x'.repeat(300) }],
    [{ port: 0 }],
    [{ port: 70_000 }],
    [{ pid: -1 }],
    [{ token: 5 }],
  ])('with %j is refused, and the refusal does not repeat it', (bad) => {
    const line = bytes({ t: 'hello', ...good, ...bad })
    expect(() => decodeHello(line)).toThrow(RangeError)
    expect(() => decodeHello(line)).not.toThrow(/s3cret|\.\.\//)
  })
})

test('replies come through', () => {
  const ok = { t: 'ok', takes: TAKES } as const
  expect(decodeReply(unline(encodeReply(ok)))).toEqual(ok)
  // An agent of before says no more than this; one of later may take lines we do not know.
  expect(decodeReply(bytes({ t: 'ok' }))).toEqual({ t: 'ok', takes: [] })
  expect(decodeReply(bytes({ t: 'ok', takes: ['metrics', 'x'] }))).toEqual({
    t: 'ok',
    takes: ['metrics'],
  })
  const no = { t: 'no', reason: 'because' } as const
  expect(decodeReply(unline(encodeReply(no)))).toEqual(no)
})

describe('lines', () => {
  test('are the same however the stream is cut', () => {
    const input = fc.record({
      lines: fc.array(fc.stringMatching(/^[a-z]{0,30}$/), { maxLength: 20 }),
      cuts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }),
    })
    fc.assert(
      fc.property(input, ({ lines, cuts }) => {
        const stream = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const cutter = new LineCutter()
        const found: string[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1)
          found.push(...cutter.push(stream.subarray(at, end)).map(String))
          at = end
        }
        expect(found).toEqual(lines)
      }),
    )
  })

  test('that are too long are refused, whole or in pieces', () => {
    const long = Buffer.alloc(LINE_BYTES_MAX, 'x')
    expect(() => new LineCutter().push(long)).toThrow(RangeError)
    expect(() => new LineCutter().push(Buffer.concat([long, Buffer.from('\n')]))).toThrow(
      RangeError,
    )
    const cutter = new LineCutter()
    cutter.push(long.subarray(0, 4_000))
    expect(() => cutter.push(long.subarray(0, 200))).toThrow(RangeError)
  })
})
