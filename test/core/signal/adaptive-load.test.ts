// The adaptive limit by load (S3-20, S0-22): what load explains is usual, what it does not is not.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AdaptiveLoad, type AdaptiveLoadOptions } from '../../../src/core/signal/adaptive-load.ts'
import { answers, share, uniform } from './kept.ts'

interface Sample {
  readonly value: number
  readonly load: number
}

const push = (detector: AdaptiveLoad, { value, load }: Sample): boolean =>
  detector.push(value, load).deviates
const made =
  (options: Partial<AdaptiveLoadOptions> = {}) =>
  (): AdaptiveLoad =>
    new AdaptiveLoad(options)

/** Loads from 100 to 800 in turn, and the latency of a queue that takes 1,000, within 5 %. */
function calm(count: number, seed = 1, times = 1): readonly Sample[] {
  const next = uniform(seed)
  return Array.from({ length: count }, (_, i) => {
    const load = 100 + 700 * Math.abs(((i / 500) % 2) - 1)
    return { load, value: (times * 20 * (0.95 + 0.1 * next())) / (1 - load / 1_000) }
  })
}
const night = (count: number, value: number): readonly Sample[] =>
  Array.from({ length: count }, () => ({ load: 100, value }))
const told = (all: readonly Sample[], options: Partial<AdaptiveLoadOptions> = {}) =>
  answers(made(options), all, { push })

describe('adaptive by load', () => {
  test('load that makes latency four times as high is no fault', () => {
    expect(share(told(calm(5_000)))).toBe(0)
  })

  test('what is usual at noon is a fault at night, from the second sample on', () => {
    const before = calm(5_000)
    const flags = told([...before, ...night(20, 60)]).slice(before.length)
    expect(flags).toEqual([false, ...Array.from({ length: 19 }, () => true)])
  })

  test('a spike is none', () => {
    const before = calm(5_000)
    const flags = told([...before, ...night(1, 500), ...night(20, 22)])
    expect(share(flags)).toBe(0)
  })

  test('a fault that shows in most samples deviates in the others too', () => {
    const before = calm(5_000)
    const gray = Array.from({ length: 40 }, (_, i): Sample => {
      return { load: 100, value: i % 4 === 3 ? 22 : 90 }
    })
    const flags = told([...before, ...gray]).slice(before.length + 4)
    expect(share(flags)).toBe(1)
  })

  test('a level that stands is learnt, for all loads', () => {
    const before = calm(5_000)
    const flags = told([...before, ...calm(3_000, 2, 2)]).slice(before.length)
    expect(share(flags.slice(10, 400))).toBe(1)
    expect(share(flags.slice(700))).toBe(0)
  })

  test('S0-22: above the ceiling nothing is learnt, and nothing there is ever right', () => {
    const before = calm(5_000)
    const flags = told([...before, ...night(3_000, 300)], { ceiling: 250 }).slice(before.length)
    expect(share(flags)).toBe(1)
  })

  test('a load never seen is judged by those near it, with a wider limit', () => {
    const before = calm(5_000)
    const strange = Array.from({ length: 4 }, (): Sample => ({ load: 60, value: 30 }))
    expect(share(told([...before, ...strange]).slice(before.length))).toBe(0)
    const bad = strange.map(({ load }) => ({ load, value: 80 }))
    expect(told([...before, ...bad]).slice(before.length)).toEqual([false, true, true, true])
  })

  test('no traffic, and values of nothing, are not judged by accident', () => {
    expect(share(told(Array.from({ length: 100 }, () => ({ load: 0, value: 0 }))))).toBe(0)
  })
})

const samples = fc.array(
  fc.record({
    value: fc.double({ min: 0, max: 1e6, noNaN: true }),
    load: fc.double({ min: 0, max: 1e9, noNaN: true }),
  }),
  { maxLength: 80 },
)

test('appending samples never alters an earlier verdict', () => {
  fc.assert(
    fc.property(samples, samples, (all, more) => {
      expect(told([...all, ...more]).slice(0, all.length)).toEqual(told(all))
    }),
  )
})

test('goes on from an image', () => {
  const all = [...calm(800), ...night(300, 70), ...calm(300)]
  const plain = told(all)
  for (const cutAt of [0, 1, 500, 805, 1_150])
    expect(answers(made(), all, { push, cutAt })).toEqual(plain)
  fc.assert(
    fc.property(samples, fc.nat(80), (some, cutAt) => {
      expect(answers(made(), some, { push, cutAt })).toEqual(told(some))
    }),
  )
})

test('the unit does not matter: microseconds and milliseconds give the same', () => {
  const all = [...calm(1_000), ...night(50, 70)]
  const micros = all.map(({ value, load }) => ({ value: value * 1_024, load }))
  expect(told(micros)).toEqual(told(all))
})
