// Random lives of windows, played on the real ones and on the oracle alike.
import fc from 'fast-check'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { type Counts, Windows } from '../../../src/core/window/window.ts'
import type { Answer, Oracle, Seen } from './oracle.ts'

export type Scale = 4 | 5
export const SERVICES = ['shop', 'stock'] as const
export const INSTANCES = ['a', 'b', 'ü'] as const
export const CALLER = 'front\nf1'

export type Act =
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'add'; readonly seen: Seen & { readonly lagMs: number; readonly ageMs: number } }
  | { readonly do: 'cut'; readonly service: string; readonly instance: string; readonly ms: number }
  | { readonly do: 'reset'; readonly service: string; readonly instance: string }

/** Times are told from the time of the windows at that point. */
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: added() },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 4_000 }).map(advance) },
  { weight: 2, arbitrary: fc.integer({ min: 4_000, max: 75_000 }).map(advance) },
  { weight: 1, arbitrary: fc.integer({ min: 75_000, max: 900_000 }).map(advance) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        service: service(),
        instance: instance(),
        ms: fc.integer({ min: -500, max: 90_000 }),
      })
      .map((cut) => ({ do: 'cut' as const, ...cut })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ service: service(), instance: instance() })
      .map((reset) => ({ do: 'reset' as const, ...reset })),
  },
)

export const life: fc.Arbitrary<Act[]> = fc.array(act, { maxLength: 250, size: 'max' })

function service(): fc.Arbitrary<string> {
  return fc.constantFrom(...SERVICES)
}

function instance(): fc.Arbitrary<string> {
  return fc.constantFrom(...INSTANCES)
}

function advance(ms: number): Act {
  return { do: 'advance', ms }
}

function added(): fc.Arbitrary<Act> {
  const count = fc.oneof(
    { weight: 20, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 2, max: 40 }) },
    { weight: 3, arbitrary: fc.integer({ min: 20_000, max: 70_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 2 ** 31, max: 2 ** 32 - 1 }) },
  )
  const us = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 5_000, max: 90_000 }) },
    { weight: 2, arbitrary: fc.nat({ max: 4_000_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 30_000_000) },
  )
  const lag = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 2_500 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 61_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: -150_000, max: 0 }) },
  )
  /** How far the record lies behind the time of the windows. */
  const age = fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 330_000 }) },
  )
  return fc
    .record({
      service: service(),
      instance: fc.option(instance(), { freq: 8 }),
      caller: fc.constantFrom(null, null, null, null, null, CALLER),
      latencies: fc.array(fc.tuple(us, count), { minLength: 1, maxLength: 8 }),
      failing: fc.integer({ min: 0, max: 3 }),
      lagMs: lag,
      ageMs: age,
    })
    .map(({ failing, ...rest }) => {
      const n = rest.latencies.reduce((sum, [, each]) => sum + each, 0)
      const isEdge = rest.caller !== null
      const seen = {
        ...rest,
        instance: isEdge ? (rest.instance ?? 'a') : rest.instance,
        errors: Math.floor((n * failing) / 3),
        eventMs: 0,
        appendMs: 0,
      }
      return { do: 'add', seen } satisfies Act
    })
}

/** Counts of a delta on the grid of a scale. */
export function countsOf({ latencies, errors }: Seen, scale: Scale): Counts {
  const byIndex = new Map<number, number>()
  let n = 0
  let zeros = 0
  for (const [us, count] of latencies) {
    n += count
    if (us === 0) zeros += count
    else {
      const index = Math.ceil(Math.log2(us) * 2 ** scale) - 1
      byIndex.set(index, (byIndex.get(index) ?? 0) + count)
    }
  }
  const sorted = [...byIndex].sort(([a], [b]) => a - b)
  return {
    n,
    errors,
    scale,
    zeros,
    buckets: sorted.length,
    bucketIndex: Int32Array.from(sorted, ([index]) => index),
    bucketCount: Float64Array.from(sorted, ([, count]) => count),
  }
}

/** Windows with their time and what they are asked to do. */
export class Player {
  readonly scale: Scale
  readonly windows: Windows
  nowMs: number

  constructor(scale: Scale, from?: { readonly image: Uint8Array; readonly nowMs: number }) {
    this.scale = scale
    this.windows = new Windows({ graceMs: 60_000, scale })
    this.nowMs = from?.nowMs ?? 1_000_000
    if (from === undefined) this.windows.advance(this.nowMs)
    else this.windows.load(new ImageReader(from.image))
  }

  /** Answers of both; equal ones are right. */
  play(act: Act, oracle: Oracle | null): readonly [unknown, unknown] {
    const { windows } = this
    if (act.do === 'add') return this.add(act.seen, oracle)
    if (act.do === 'advance') {
      this.nowMs += act.ms
      windows.advance(this.nowMs)
      oracle?.advance(this.nowMs)
    } else if (act.do === 'cut') {
      windows.cut(act.service, act.instance, this.nowMs - act.ms)
      oracle?.cut(act.service, act.instance, this.nowMs - act.ms)
    } else {
      windows.reset(act.service, act.instance)
      oracle?.reset(act.service, act.instance)
    }
    return [null, null]
  }

  image(): { readonly pieces: readonly Uint8Array[]; readonly bytes: Buffer } {
    const writer = new ImageWriter()
    this.windows.save(writer)
    const pieces = writer.pieces()
    return { pieces, bytes: Buffer.concat(pieces) }
  }

  private add(
    template: Seen & { readonly lagMs: number; readonly ageMs: number },
    oracle: Oracle | null,
  ): readonly [unknown, Answer | null] {
    const appendMs = this.nowMs - template.ageMs
    const seen = { ...template, appendMs, eventMs: appendMs - template.lagMs }
    const counts = countsOf(seen, this.scale)
    const { service, instance, caller } = seen
    const answer = oracle?.add(seen) ?? null
    if (caller === null) return [this.windows.addOf({ service, instance }, counts, seen), answer]
    const [callerService = '', callerInstance = ''] = caller.split('\n')
    const edge = { service, instance: instance ?? '', callerService, callerInstance }
    return [this.windows.addEdgeOf(edge, counts, seen), answer]
  }
}
