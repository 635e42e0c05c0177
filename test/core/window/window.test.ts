// Windows against an oracle that keeps every latency and counts anew each time.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, hex } from '../../../src/core/kernel/canonical.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { type Counts, Windows } from '../../../src/core/window/window.ts'

const SPAN_MS = 60_000
const windows = (): Windows => new Windows({ graceMs: SPAN_MS })

/** A delta of scale 4 from raw latencies. */
function counts(latenciesUs: readonly number[], errors = 0): Counts {
  const byIndex = new Map<number, number>()
  for (const us of latenciesUs.filter((v) => v > 0)) {
    const index = Math.ceil(Math.log2(us) * 16) - 1
    byIndex.set(index, (byIndex.get(index) ?? 0) + 1)
  }
  const sorted = [...byIndex].sort((a, b) => a[0] - b[0])
  return {
    n: latenciesUs.length,
    errors,
    scale: 4,
    zeros: latenciesUs.filter((v) => v === 0).length,
    buckets: sorted.length,
    bucketIndex: Int32Array.from(sorted, ([index]) => index),
    bucketCount: Float64Array.from(sorted, ([, count]) => count),
  }
}

interface Sample {
  readonly service: string
  readonly instance: string
  readonly eventMs: number
  readonly appendMs: number
  readonly latenciesUs: readonly number[]
  readonly errors: number
}

const sample: fc.Arbitrary<Sample> = fc
  .record({
    service: fc.constantFrom('shop', 'stock'),
    instance: fc.constantFrom('a', 'b', 'c'),
    appendMs: fc.integer({ min: 100_000, max: 300_000 }),
    lagMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
    ),
    latenciesUs: fc.array(fc.nat({ max: 3_000_000 }), { maxLength: 8 }),
    errors: fc.nat({ max: 8 }),
  })
  .map(({ lagMs, ...rest }) => ({
    ...rest,
    eventMs: rest.appendMs - lagMs,
    errors: Math.min(rest.errors, rest.latenciesUs.length),
  }))
const stream: fc.Arbitrary<Sample[]> = fc
  .array(sample, { minLength: 1, maxLength: 200, size: 'max' })
  .map((all) => all.sort((a, b) => a.appendMs - b.appendMs))

/** Adds in append order; steps end where `cutsAt` says, and at `endMs`. */
function run(samples: readonly Sample[], everyMs: number, endMs: number): Windows {
  const made = windows()
  let stepEnd = 0
  for (const one of samples) {
    while (one.appendMs > stepEnd) {
      stepEnd = Math.min(one.appendMs + everyMs, endMs)
      made.advance(stepEnd)
    }
    made.addOf(one, counts(one.latenciesUs, one.errors), one)
  }
  made.advance(endMs)
  return made
}

function figures(samples: readonly Sample[], nowMs: number): object {
  const seconds = Math.floor(nowMs / 1_000)
  const held = samples.filter(
    (s) =>
      Math.floor(s.eventMs / 1_000) > seconds - 60 &&
      s.eventMs <= nowMs &&
      s.appendMs - s.eventMs <= SPAN_MS,
  )
  const latencies = held.flatMap((s) => s.latenciesUs).sort((a, b) => a - b)
  const errors = held.reduce((sum, s) => sum + s.errors, 0)
  const n = latencies.length
  return { n, errors, rate: n === 0 ? null : (n - errors) / n, p99: percentile99(latencies) }
}

function percentile99(sorted: readonly number[]): number | null {
  return sorted[Math.ceil((99 * sorted.length) / 100) - 1] ?? null
}

function expectFigures(made: Windows, samples: readonly Sample[], nowMs: number): void {
  for (const service of ['shop', 'stock']) {
    for (const instance of [null, 'a', 'b', 'c']) {
      const own = samples.filter(
        (s) => s.service === service && (instance === null || s.instance === instance),
      )
      const found = instance === null ? made.service(service) : made.instance(service, instance)
      const wanted = figures(own, nowMs) as { p99: number | null }
      const p99 = wanted.p99
      const isClose =
        p99 === null || found.p99Us === null
          ? p99 === found.p99Us
          : Math.abs(found.p99Us - p99) <= 0.022 * p99 + 0.5
      const exact = { n: found.n, errors: found.errors, rate: found.successRate, p99 }
      expect(exact).toEqual(wanted)
      expect(isClose, `p99 ${found.p99Us} for ${p99}`).toBe(true)
    }
  }
}

describe('figures', () => {
  test('are those of an oracle, at every second until the last delta has left', () => {
    fc.assert(
      fc.property(stream, (samples) => {
        const endMs = samples.at(-1)?.appendMs ?? 0
        const made = run(samples, 1, endMs)
        expectFigures(made, samples, endMs)
        for (let nowMs = endMs; nowMs < endMs + 62_000; nowMs += 4_750) {
          made.advance(nowMs)
          expectFigures(made, samples, nowMs)
        }
      }),
      { numRuns: Number(process.env['HEALSTREAM_TEST_RUNS'] ?? 40) },
    )
  })

  test('nothing is left behind when all has left', () => {
    fc.assert(
      fc.property(stream, (samples) => {
        const endMs = (samples.at(-1)?.appendMs ?? 0) + 301_000
        const made = run(samples, 10, endMs)
        made.advance(endMs + 1_000)
        expect(made.describe()).toMatchObject({ rows: [], entries: [] })
        expect(made.nextEvictionMs()).toBeNull()
      }),
      { numRuns: 30 },
    )
  })
})

test('state is bit-identical under any split into steps and any order within a step', () => {
  const digest = (made: Windows): string => hex(canonical(made.describe()))
  fc.assert(
    fc.property(stream, fc.integer({ min: 1, max: 90_000 }), (samples, everyMs) => {
      const endMs = 300_000
      const reference = digest(run(samples, 1, endMs))
      expect(digest(run(samples, everyMs, endMs))).toBe(reference)
      const reordered = windows()
      reordered.advance(endMs)
      for (const one of [...samples].reverse()) {
        reordered.addOf(one, counts(one.latenciesUs, one.errors), one)
      }
      expect(digest(reordered)).toBe(reference)
    }),
    { numRuns: 40 },
  )
})

describe('late deltas', () => {
  test('inside the grace count in their own second and leave with it', () => {
    const made = windows()
    made.advance(100_000)
    const when = { eventMs: 45_500, appendMs: 100_000 }
    expect(made.addOf({ service: 's', instance: 'a' }, counts([1_000], 1), when)).toBe('added')
    made.advance(104_999)
    expect(made.instance('s', 'a').n).toBe(1)
    made.advance(105_000)
    expect(made.instance('s', 'a').n).toBe(0)
  })

  test('older ones are counted as late and change nothing', () => {
    const made = new Windows({ graceMs: 30_000 })
    made.advance(100_000)
    const when = { eventMs: 69_999, appendMs: 100_000 }
    expect(made.addOf({ service: 's', instance: 'a' }, counts([1_000]), when)).toBe('late')
    expect(made.late).toBe(1)
    expect(made.service('s').n).toBe(0)
  })
})

describe('cut at the effect of an act', () => {
  const owner = { service: 's', instance: 'a' }

  test('forgets what began before it, also what comes late, but the service keeps it', () => {
    const made = windows()
    made.advance(100_000)
    made.addOf(owner, counts([1_000, 1_000], 2), { eventMs: 98_000, appendMs: 99_000 })
    made.addOf(owner, counts([1_000], 0), { eventMs: 99_500, appendMs: 100_000 })
    made.cut('s', 'a', 99_500)
    expect(made.instance('s', 'a')).toMatchObject({ n: 1, errors: 0 })
    expect(made.addOf(owner, counts([1], 1), { eventMs: 99_499, appendMs: 100_000 })).toBe('cut')
    expect(made.instance('s', 'a')).toMatchObject({ n: 1, errors: 0 })
    expect(made.service('s')).toMatchObject({ n: 4, errors: 3 })
    made.advance(200_000)
    expect(made.service('s').n).toBe(0)
  })

  test('an instance without counts can be cut', () => {
    const made = windows()
    made.advance(100_000)
    made.cut('s', 'a', 100_000)
    expect(made.addOf(owner, counts([1], 1), { eventMs: 99_999, appendMs: 100_000 })).toBe('cut')
    made.advance(500_000)
    made.advance(501_000)
    expect(made.describe()).toMatchObject({ rows: [] })
  })

  test('a new incarnation begins with nothing', () => {
    const made = windows()
    made.advance(100_000)
    made.addOf(owner, counts([9_000], 1), { eventMs: 99_000, appendMs: 100_000 })
    made.reset('s', 'a')
    expect(made.instance('s', 'a').n).toBe(0)
    made.addOf(owner, counts([9_000], 0), { eventMs: 99_000, appendMs: 100_000 })
    expect(made.instance('s', 'a')).toMatchObject({ n: 1, errors: 0 })
    expect(made.service('s')).toMatchObject({ n: 2, errors: 1 })
  })
})

test('what was read ahead of the time of the window counts, and leaves in its turn', () => {
  const made = windows()
  made.advance(100_000)
  const owner = { service: 's', instance: 'a' }
  made.addOf(owner, counts([1]), { eventMs: 100_000, appendMs: 100_000 })
  made.addOf(owner, counts([1]), { eventMs: 130_500, appendMs: 131_000 })
  made.addOf(owner, counts([1]), { eventMs: 500_000, appendMs: 500_000 })
  expect(made.instance('s', 'a').n).toBe(3)
  made.advance(160_000)
  expect(made.instance('s', 'a').n).toBe(2)
  made.advance(190_000)
  expect(made.instance('s', 'a').n).toBe(1)
  made.advance(1_000_000)
  expect(made.instance('s', 'a').n).toBe(0)
  expect(made.describe()).toMatchObject({ rows: [], entries: [] })
})

test('edges are counted apart from the callee', () => {
  const made = windows()
  made.advance(100_000)
  const edge = { service: 's', instance: 'a', callerService: 'c', callerInstance: 'c1' }
  made.addEdgeOf(edge, counts([1_000, 2_000], 1), { eventMs: 99_000, appendMs: 100_000 })
  expect(made.instance('s', 'a').n).toBe(0)
  expect(made.service('s').n).toBe(0)
  expect(made.edgesInto('s')).toMatchObject([{ figures: { n: 2, errors: 1 } }])
  made.advance(500_000)
  made.takeChanged()
  made.advance(501_000)
  expect(made.edgesInto('s')).toEqual([])
  expect(made.describe()).toMatchObject({ rows: [] })
})

test('edges without end, of services without end, are counted without being told apart', () => {
  const made = windows()
  made.advance(100_000)
  const when = { eventMs: 99_000, appendMs: 100_000 }
  const answers = new Set<string>()
  for (let i = 0; i < 5_000; i++) {
    const edge = { service: `s${i}`, instance: 'a', callerService: 'c', callerInstance: 'c1' }
    answers.add(made.addEdgeOf(edge, counts([1]), when))
  }
  expect([...answers]).toEqual(['added', 'refused'])
  expect(made.edgesRefused).toBe(5_000 - 4_096)
  made.advance(500_000)
  made.advance(501_000)
  expect(made.describe()).toMatchObject({ rows: [] })
})

test('who changed is told once', () => {
  const made = windows()
  made.advance(100_000)
  const when = { eventMs: 99_000, appendMs: 100_000 }
  made.addOf({ service: 's', instance: 'a' }, counts([1]), when)
  made.addOf({ service: 's', instance: 'a' }, counts([1]), when)
  expect(made.takeChanged().map((key) => key.instance)).toEqual(['a', null])
  expect(made.takeChanged()).toEqual([])
  made.advance(159_000)
  expect(made.takeChanged().map((key) => key.instance)).toEqual(['a', null])
})

describe('kept numbers of rows', () => {
  const when = { eventMs: 100_000, appendMs: 100_500 }

  test('count as by name, without it', () => {
    const made = windows()
    made.advance(100_500)
    const row = made.instanceRow('s', 'a')
    const service = made.serviceRow('s')
    expect(made.add(row, service, counts([1_000], 1), when)).toBe('added')
    expect(made.add(0, service, counts([1_000], 0), when)).toBe('added')
    made.cut('s', 'b', 100_200)
    expect(made.add(made.instanceRow('s', 'b'), service, counts([1]), when)).toBe('cut')
    expect(made.figures(row)).toEqual(made.instance('s', 'a'))
    expect(made.instance('s', 'a')).toMatchObject({ n: 1, errors: 1 })
    expect(made.service('s')).toMatchObject({ n: 3, errors: 1 })
    expect(made.keyOf(row)).toEqual({ service: 's', instance: 'a', caller: null })
  })

  test('are found stale after a new incarnation, a cut, and when all has left', () => {
    const made = windows()
    made.advance(100_500)
    const kept: (readonly [number, number])[] = []
    const isCurrent = (): boolean[] => kept.map(([row, of]) => made.isCurrent(row, of))
    for (const instance of ['a', 'b', 'c']) {
      const row = made.instanceRow('s', instance)
      kept.push([row, made.generation(row)])
      made.add(row, made.serviceRow('s'), counts([1]), when)
    }
    expect(isCurrent()).toEqual([true, true, true])
    made.reset('s', 'a')
    made.cut('s', 'b', 100_400)
    expect(isCurrent()).toEqual([false, false, true])
    expect(() => made.add(kept[0]?.[0] ?? 0, made.serviceRow('s'), counts([1]), when)).toThrow(
      'current row',
    )
    made.advance(500_000)
    made.takeChanged()
    made.advance(501_000)
    expect(isCurrent()).toEqual([false, false, false])
    expect(made.isCurrent(0, 0)).toBe(false)
  })
})

test('changes are told by span', () => {
  const made = windows()
  made.advance(100_000)
  made.addOf({ service: 's', instance: 'a' }, counts([1]), { eventMs: 99_000, appendMs: 100_000 })
  made.takeChanged()
  made.advance(109_000)
  expect(made.takeChanged()).toEqual([])
  made.advance(159_000)
  expect(made.takeChanged(10_000)).toEqual([])
  made.advance(390_000)
  expect(new Set(made.takeChanged(300_000).map((key) => key.instance))).toEqual(
    new Set(['a', null]),
  )
})

test('an image is for windows of its own scale, and new ones', () => {
  const image = (): Uint8Array => {
    const writer = new ImageWriter()
    windows().save(writer)
    return Buffer.concat(writer.pieces())
  }
  const fine = new Windows({ graceMs: SPAN_MS, scale: 5 })
  expect(() => fine.load(new ImageReader(image()))).toThrow('scale')
  const used = windows()
  used.advance(100_000)
  expect(() => used.load(new ImageReader(image()))).toThrow('empty')
})

// What docs/operations.md tells for sizing: tables that are just about full, their names let go.
test('an instance that has fallen silent leaves less than 150 bytes', () => {
  const all = windows()
  const few = 16_000
  all.advance(1_000)
  for (let i = 0; i < few; i++) {
    const owner = { service: `service-${i % 160}`, instance: `instance-${i}` }
    expect(all.addOf(owner, counts([20_000]), { eventMs: 1_000, appendMs: 1_500 })).toBe('added')
  }
  const busy = all.bytes
  for (let sec = 2; sec < 400; sec++) {
    all.advance(sec * 1_000)
    all.takeChangedRows(() => undefined)
  }
  expect(all.bytes).toBeLessThan(busy)
  expect(all.bytes / few).toBeLessThan(150)
})
