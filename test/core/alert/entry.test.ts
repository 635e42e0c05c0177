// One alert against the definition of its states, second by second; and what is told of it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  age,
  ceases,
  dueMs,
  type Entry,
  holdsNow,
  isForgotten,
  loadEntry,
  newEntry,
  newsOf,
  REFRESH_MS,
  REPEAT_MS,
  saveEntry,
} from '../../../src/core/alert/entry.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'

const CARD = {
  rule: 'r',
  tier: 'high' as const,
  labels: { a: 'b' },
  annotations: {},
  title: 't',
  summary: 's',
  runbook: null,
  incidentId: null,
  route: 'page',
  group: 'g',
  policy: null,
  policyVersion: 0,
}
const entry = (): Entry =>
  newEntry({
    fingerprint: 'f',
    subject: 'k',
    service: 'shop',
    instance: 'shop-1',
    source: '["r"]',
    card: CARD,
  })
const S = 1_000

describe('S2-44: for 2m', () => {
  test('81 % for 1 m 59 s is pending only, 2 m fires, back below is over', () => {
    const one = entry()
    for (let s = 0; s < 120; s++) holdsNow(one, s * S, 120 * S)
    expect([one.firing, one.pendingMs, dueMs(one, 120 * S)]).toEqual([false, 0, 120 * S])
    holdsNow(one, 120 * S, 120 * S)
    expect([one.firing, one.sinceMs, one.count]).toEqual([true, 120 * S, 1])
    expect(newsOf(one, 120 * S, false)).toBe('firing')
    one.told = { state: 'firing', count: 1, atMs: 120 * S }
    ceases(one, 121 * S, 0)
    expect([one.firing, newsOf(one, 121 * S, false)]).toEqual([false, 'resolved'])
  })

  test('a break begins it anew', () => {
    const one = entry()
    for (let s = 0; s < 119; s++) holdsNow(one, s * S, 120 * S)
    ceases(one, 119 * S, 0)
    for (let s = 120; s < 240; s++) holdsNow(one, s * S, 120 * S)
    expect(one.firing).toBe(false)
  })
})

/** From the definition: runs of seconds in which it holds, those long enough, what joins them. */
function oracle(held: readonly boolean[], forS: number, keepS: number) {
  const repeatS = REPEAT_MS / S
  const states: { firing: boolean; count: number }[] = []
  let firing = false
  let count = 0
  let calmFrom = -1
  let ended = -Infinity
  for (let s = 0; s < held.length; s++) {
    let run = 0
    while (s - run >= 0 && held[s - run] === true) run += 1
    const isLong = run > forS
    if (isLong && (!firing || calmFrom >= 0)) {
      count = firing || s - ended <= repeatS ? count + 1 : 1
      firing = true
      calmFrom = -1
    }
    if (firing && run === 0) {
      if (calmFrom < 0) calmFrom = s
      const hold = Math.max(keepS, count > 1 ? repeatS : 0)
      if (s - calmFrom >= hold) {
        firing = false
        calmFrom = -1
        ended = s
      }
    }
    states.push({ firing, count })
  }
  return states
}

const runs = fc.array(
  fc.tuple(
    fc.boolean(),
    fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 250, max: 350 })),
  ),
  { maxLength: 14 },
)
const seconds = runs.map((all) => all.flatMap(([is, n]) => Array.from({ length: n }, () => is)))

describe('against the definition', () => {
  test('asked every second', () => {
    fc.assert(
      fc.property(seconds, fc.nat(5), fc.nat(5), (held, forS, keepS) => {
        const one = entry()
        const seen = held.map((is, s) => {
          if (is) holdsNow(one, s * S, forS * S)
          else ceases(one, s * S, keepS * S)
          return { firing: one.firing, count: one.count }
        })
        expect(seen).toEqual(oracle(held, forS, keepS))
      }),
    )
  })

  test('asked only when something changes, and when it is due', () => {
    fc.assert(
      fc.property(seconds, fc.nat(5), fc.nat(5), (held, forS, keepS) => {
        const one = entry()
        const seen = held.map((is, s) => {
          const isDue = (dueMs(one, forS * S) ?? Infinity) <= s * S
          if (is !== held[s - 1] || isDue) {
            if (is) holdsNow(one, s * S, forS * S)
            else ceases(one, s * S, keepS * S)
            age(one, s * S)
          }
          return { firing: one.firing, count: one.count }
        })
        expect(seen).toEqual(oracle(held, forS, keepS))
      }),
    )
  })
})

/** Drives it as the stage does; what was told, with its time. */
function tellings(held: readonly boolean[], saved: number = -1) {
  let one = entry()
  const told: { s: number; what: string; count: number }[] = []
  for (const [s, is] of held.entries()) {
    if (s === saved) {
      const to = new ImageWriter()
      saveEntry(one, to)
      one = loadEntry(new ImageReader(Buffer.concat(to.pieces())))
    }
    if (is) holdsNow(one, s * S, 0)
    else ceases(one, s * S, 0)
    age(one, s * S)
    const what = newsOf(one, s * S, false)
    if (what === null) continue
    const state = what === 'resolved' ? 'resolved' : 'firing'
    one.told = { state, count: one.count, atMs: s * S }
    told.push({ s, what, count: one.count })
  }
  return { one, told }
}

describe('what is told', () => {
  test('S0-52: 1,000 repeats are one alert with count 1,000, told a few times', () => {
    const flaps = Array.from({ length: 1_000 }, () => [true, false]).flat()
    const calm = Array.from({ length: 301 }, () => false)
    const { one, told } = tellings([...flaps, ...calm])
    expect([one.count, one.firing, one.sinceMs]).toEqual([1_000, false, 0])
    expect(told.at(-1)).toMatchObject({ what: 'resolved', count: 1_000 })
    expect(told.length).toBeLessThan(25)
  })

  test('what only goes on is told again now and then, as nothing new', () => {
    const { told } = tellings(Array.from({ length: 1_000 }, () => true))
    expect(told.map(({ what }) => what)).toEqual(['firing', 'refresh', 'refresh', 'refresh'])
    expect(told.map(({ s }) => s)).toEqual([0, 300, 600, 900])
  })

  test('whatever happens: never twice in a row resolved, news only where something is new', () => {
    fc.assert(
      fc.property(seconds, (held) => {
        const { one, told } = tellings([...held, ...Array.from({ length: 700 }, () => false)])
        expect(one.firing).toBe(false)
        expect(isForgotten(one, (held.length + 700) * S)).toBe(true)
        if (told.length > 0) expect(told.at(-1)?.what).toBe('resolved')
        for (const [i, { s, what, count }] of told.entries()) {
          const before = told[i - 1]
          if (what === 'resolved') expect(before?.what).not.toBe('resolved')
          if (what === 'firing' && before !== undefined && before.what !== 'resolved')
            expect(count >= 2 * before.count || s - before.s >= REFRESH_MS / S).toBe(true)
        }
      }),
    )
  })

  test('an image in between changes nothing', () => {
    fc.assert(
      fc.property(seconds, fc.nat(2_000), (held, at) => {
        expect(tellings(held, at).told).toEqual(tellings(held).told)
      }),
    )
  })
})
