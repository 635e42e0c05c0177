// Storms and common causes against their definitions, over random lives of a service; and each
// story by itself.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serviceId } from '../../../src/contracts/ids.ts'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import {
  causeOf,
  type Crowds,
  judgeCrowd,
  leaveCrowd,
  noteOnsets,
  recentOnsets,
  settleCrowds,
} from '../../../src/core/decision/crowd.ts'
import { loadCrowds, saveCrowds } from '../../../src/core/decision/crowd-image.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { crashed, finding, instance, service } from './world.ts'

const SHOP = serviceId('shop')
const limits = GUARD_DEFAULTS

/** One step over all instances. */
function look(
  crowds: Crowds,
  instances: readonly InstanceFacts[],
  nowMs: number,
): readonly string[] {
  const isNew = noteOnsets(crowds, SHOP, { due: instances, isInHand: () => false, nowMs })
  const found = judgeCrowd(crowds, service(instances), { nowMs, limits, isNew })
  settleCrowds(crowds, nowMs, () => limits)
  return found.map(({ shared, value, named, fell, of }) => {
    return `${shared} ${value}: ${fell} of ${of}, ${named.shared} ${named.value}`
  })
}

const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `i${i}`)
const dead = (name: string, sinceMs: number, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  crashed(name, { findings: [finding({ sinceMs })], ...some })

interface Life {
  readonly name: string
  readonly zone: string
  readonly version: string
  sinceMs: number | null
}

/** By the definition: some 30 s in which more than a fifth of a group of five or more fell sick. */
function hasCause(lives: readonly Life[], onsets: readonly (readonly [Life, number])[]): boolean {
  const groups: ((life: Life) => boolean)[] = [() => true]
  for (const zone of new Set(lives.map((life) => life.zone))) groups.push((l) => l.zone === zone)
  for (const version of new Set(lives.map((life) => life.version)))
    groups.push((l) => l.version === version)
  return groups.some((isIn) => {
    const n = lives.filter(isIn).length
    const times = onsets.filter(([life]) => isIn(life)).map(([, atMs]) => atMs)
    const most = Math.max(
      0,
      ...times.map((from) => times.filter((t) => t >= from && t <= from + 30_000).length),
    )
    return n >= 5 && most > 0.2 * n
  })
}

test('a cause is found exactly when the definition finds one, n = 1…20', () => {
  const move = fc.record({
    who: fc.nat(19),
    afterMs: fc.constantFrom(0, 1_000, 9_000, 29_000, 31_000),
  })
  let found = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(move, { maxLength: 12 }),
      (n, zones, moves) => {
        const crowds: Crowds = new Map()
        const lives: Life[] = names(n).map((name, i) => {
          return { name, zone: `z${i % zones}`, version: i % 4 === 0 ? '2' : '1', sinceMs: null }
        })
        const onsets: (readonly [Life, number])[] = []
        let nowMs = 1_000_000
        let told = false
        for (const { who, afterMs } of moves) {
          nowMs += afterMs
          const life = lives[who % n]
          if (life === undefined || life.sinceMs !== null) continue
          life.sinceMs = nowMs
          onsets.push([life, nowMs])
          const all = lives.map(({ name, zone, version: appVersion, sinceMs }) => {
            const at = { zone, appVersion }
            return sinceMs === null ? instance(name, at) : dead(name, sinceMs, at)
          })
          told ||= look(crowds, all, nowMs).length > 0
          expect(told, `${n} instances, ${onsets.length} sick`).toBe(hasCause(lives, onsets))
        }
        if (told) found += 1
      },
    ),
    { numRuns: 300 },
  )
  expect(found).toBeGreaterThan(20)
})

test('what those who fell share is named: a version, else a zone, else the service', () => {
  const at = (i: number): Partial<InstanceFacts> => {
    return { zone: i < 5 ? 'a' : 'b', appVersion: i % 2 === 0 ? '2.1' : '2.0' }
  }
  const told = (isDead: (i: number) => boolean): readonly string[] =>
    look(
      new Map(),
      names(10).map((name, i) => (isDead(i) ? dead(name, 1_000, at(i)) : instance(name, at(i)))),
      2_000,
    )
  expect(told((i) => i % 2 === 0)).toEqual([
    'service : 5 of 10, version 2.1',
    'zone a: 3 of 5, zone a',
    'zone b: 2 of 5, zone b',
    'version 2.1: 5 of 5, version 2.1',
  ])
  expect(told((i) => i < 5)[0]).toBe('service : 5 of 10, zone a')
  expect(told((i) => i % 3 === 0)[0]).toBe('service : 4 of 10, service ')
  // Two of five in a zone, of twenty in all: the others may be acted on.
  const far = names(20).map((name, i) => {
    const zone = { zone: i < 5 ? 'a' : 'b' }
    return i < 2 ? dead(name, 1_000, zone) : instance(name, zone)
  })
  const crowds: Crowds = new Map()
  expect(look(crowds, far, 2_000)).toEqual(['zone a: 2 of 5, zone a'])
  expect(causeOf(crowds.get(SHOP), { zone: 'b', appVersion: null })).toBeNull()
  expect(causeOf(crowds.get(SHOP), { zone: 'a', appVersion: null })?.value).toBe('a')
})

test('over when no more are sick than may be at any time, for two minutes', () => {
  const crowds: Crowds = new Map()
  const some = (sick: number, nowMs: number): void => {
    const all = names(10).map((name, i) => (i < sick ? dead(name, 1_000) : instance(name)))
    look(crowds, all, nowMs)
  }
  const stands = (): boolean => causeOf(crowds.get(SHOP), { zone: null, appVersion: null }) !== null
  some(5, 2_000)
  expect(stands()).toBe(true)
  some(2, 10_000)
  some(3, 100_000)
  some(2, 110_000)
  some(2, 229_999)
  expect(stands()).toBe(true)
  some(0, 230_000)
  expect(stands()).toBe(false)
  some(0, 300_000)
  expect(crowds.size).toBe(0)
})

test('a storm: fewer than 51 % healthy of four or more, until two minutes above', () => {
  const crowds: Crowds = new Map()
  const some = (n: number, sick: number, nowMs: number): boolean => {
    const of = (i: number): InstanceFacts =>
      i < sick
        ? instance(`i${i}`, { health: 'unstable', findings: [finding({ sinceMs: 1 })] })
        : instance(`i${i}`)
    look(
      crowds,
      Array.from({ length: n }, (_, i) => of(i)),
      nowMs,
    )
    return crowds.get(SHOP)?.storm !== undefined && crowds.get(SHOP)?.storm !== null
  }
  expect([some(3, 3, 1), some(4, 1, 2), some(4, 2, 3)]).toEqual([false, false, true])
  expect([some(4, 1, 4), some(4, 1, 120_003), some(4, 1, 120_004)]).toEqual([true, true, false])
  // Of those whose health is not known yet nothing follows.
  const fresh = names(9).map((name) => instance(name, { health: 'unknown' }))
  look(crowds, fresh, 130_000)
  expect(crowds.size).toBe(0)
})

test('who only fell silent is told apart from who was seen to be sick', () => {
  const crowds: Crowds = new Map()
  const silent = (name: string): InstanceFacts =>
    instance(name, {
      health: 'unhealthy',
      findings: [finding({ detector: 'silence', class: 'inferred', sinceMs: 1_000 })],
    })
  look(
    crowds,
    names(6).map((name, i) => (i < 2 ? silent(name) : instance(name))),
    2_000,
  )
  const cause = (): boolean | undefined => causeOf(crowds.get(SHOP), instance('i0'))?.evident
  expect(cause()).toBe(false)
  look(
    crowds,
    names(6).map((name, i) => (i < 2 ? dead(name, 1_500) : instance(name))),
    3_000,
  )
  expect(cause()).toBe(true)
})

test('what our hand does is no onset, who left counts on, and an image holds it all', () => {
  const crowds: Crowds = new Map()
  const due = [dead('i0', 1_000, { zone: 'a' }), dead('i1', 2_000, { appVersion: '2' })]
  const inHand = { due, isInHand: () => true, nowMs: 2_000 }
  expect(noteOnsets(crowds, SHOP, inHand)).toBe(false)
  expect(crowds.size).toBe(0)
  look(crowds, [...due, ...names(5).map((name) => instance(`${name}x`))], 3_000)
  leaveCrowd(crowds, { service: SHOP, instance: 'i0' })
  const crowd = crowds.get(SHOP)
  const at = { zone: 'a', version: undefined, sinceMs: 0 }
  expect(recentOnsets(crowd, at)).toEqual({ recent: 1, unheard: 0, newestMs: 3_000 })
  expect(recentOnsets(crowd, { ...at, version: '2' }).recent).toBe(0)
  expect(recentOnsets(undefined, at)).toEqual({ recent: 0, unheard: 0, newestMs: null })
  crowd?.causes.forEach((cause) => (cause.calmSinceMs = 4_000))
  if (crowd !== undefined) crowd.storm = { sinceMs: 5, seen: true, calmSinceMs: null }
  const to = new ImageWriter()
  saveCrowds(crowds, to)
  expect(loadCrowds(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(crowds)
  settleCrowds(crowds, 31_000, () => limits)
  expect(recentOnsets(crowds.get(SHOP), at).recent).toBe(0)
})
