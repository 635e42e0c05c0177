// What the fleet task says across services: when it begins, what it concerns, when it ends; and how
// a service task holds it.
import { expect, test } from 'vitest'
import { serviceId } from '../../../src/contracts/ids.ts'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { FleetVerdict } from '../../../src/contracts/records.ts'
import { pictureOf, type Seen } from '../../../src/core/fleet/picture.ts'
import { HeldVerdicts, VERDICT_STALE_MS, Verdicts } from '../../../src/core/fleet/verdicts.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { group, seen } from './seen.ts'

const said = (verdicts: Verdicts, all: readonly Seen[], nowMs: number): readonly FleetVerdict[] =>
  verdicts.judge(pictureOf(all), GUARD_DEFAULTS, nowMs)
const ids = (verdicts: readonly FleetVerdict[]): readonly string[] =>
  verdicts.map(({ verdict_id: id, over }) => (over ? `${id} over` : id))
const two = (some: Parameters<typeof group>[0], other = group({ zone: 'b' })): readonly Seen[] =>
  ['shop', 'cart'].map((name) => seen(name, [group({ zone: 'a', ...some }), other]))

test('a zone: sick as a whole, or fallen sick together in two services', () => {
  expect(ids(said(new Verdicts(), two({ sick: 2, recent: 0 }), 1))).toEqual([])
  expect(ids(said(new Verdicts(), two({ sick: 3 }), 1))).toEqual(['zone:a'])
  expect(ids(said(new Verdicts(), two({ sick: 1, recent: 1 }), 1))).toEqual([])
  const [found] = said(new Verdicts(), two({ sick: 2, recent: 2 }), 1)
  expect(found).toMatchObject({
    attribute: 'zone',
    value: 'a',
    sick: 4,
    instances: 10,
    services: [],
  })
  const [shop, cart] = two({ sick: 2, recent: 4 })
  const well = two({})[1]
  if (shop === undefined || cart === undefined || well === undefined) throw new Error('two')
  expect(ids(said(new Verdicts(), [shop, well], 1))).toEqual([])
  // Where there is one zone, it says nothing.
  expect(ids(said(new Verdicts(), two({ sick: 3 }, group({ zone: 'a' })), 1))).toEqual([])
})

test('a version across services', () => {
  const other = group({ zone: 'a', app_version: '1.9' })
  const found = said(new Verdicts(), two({ app_version: '2.0', sick: 2, recent: 2 }, other), 1)
  expect(ids(found)).toEqual(['version:2.0'])
})

test('services that fell as a whole: both are named, and a third that follows', () => {
  const whole = (name: string): Seen => seen(name, [group({ instances: 3, sick: 2, recent: 2 })])
  const verdicts = new Verdicts()
  expect(said(verdicts, [whole('a'), seen('b', [group({})])], 1)).toEqual([])
  const [first] = said(verdicts, [whole('a'), whole('b')], 2)
  expect([first?.attribute, first?.services, first?.since_ms]).toEqual(['services', ['a', 'b'], 2])
  const [again] = said(verdicts, [whole('a'), whole('b'), whole('c')], 3)
  expect([again?.services, again?.since_ms]).toEqual([['a', 'b', 'c'], 2])
  expect(said(verdicts, [whole('a'), whole('b')], 4)).toEqual([])
})

test('a storm: of those whose health is known, said again each ten seconds', () => {
  const verdicts = new Verdicts()
  const storm: Seen = { service: 'shop', healthy: 2, unstable: 1, unhealthy: 1, groups: [] }
  const calm: Seen = { ...storm, healthy: 3, unstable: 0 }
  expect(ids(said(verdicts, [{ ...storm, unhealthy: 0 }], 0))).toEqual([])
  expect(ids(said(verdicts, [storm], 1_000))).toEqual(['storm'])
  expect(verdicts.nextMs(GUARD_DEFAULTS)).toBe(11_000)
  expect(ids(said(verdicts, [storm], 10_999))).toEqual([])
  expect(ids(said(verdicts, [storm], 11_000))).toEqual(['storm'])
  said(verdicts, [calm], 12_000)
  const to = new ImageWriter()
  verdicts.save(to)
  const again = new Verdicts()
  again.load(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))
  for (const each of [verdicts, again]) {
    expect(ids(said(each, [calm], 131_999))).toEqual(['storm'])
    expect(ids(said(each, [calm], 132_000))).toEqual(['storm over'])
    expect(each.nextMs(GUARD_DEFAULTS)).toBeNull()
  }
})

test('a zone is over when few are sick, for two minutes', () => {
  const verdicts = new Verdicts()
  said(verdicts, two({ sick: 3 }), 0)
  for (let atMs = 10_000; atMs <= 60_000; atMs += 10_000) said(verdicts, two({ sick: 2 }), atMs)
  said(verdicts, two({ sick: 1 }), 60_001)
  expect(ids(said(verdicts, two({ sick: 1 }), 180_000))).toEqual(['zone:a'])
  expect(ids(said(verdicts, two({ sick: 1 }), 180_001))).toEqual(['zone:a over'])
})

test('held: by whom it concerns, as long as it was said a while ago at most', () => {
  const held = new HeldVerdicts()
  const [zone] = said(new Verdicts(), two({ sick: 3 }), 1_000)
  const whole = seen('x', [group({ instances: 3, sick: 2, recent: 2 })])
  const [services] = said(new Verdicts(), [whole, { ...whole, service: 'y' }], 1_000)
  if (zone === undefined || services === undefined) throw new Error('nothing was said')
  held.hear(zone, 1_000)
  held.hear(services, 1_000)
  held.hear({ ...services, verdict_id: 'version:2', attribute: 'version', value: '2' }, 1_000)
  const at = { service: 'shop', zone: 'b', appVersion: '1' }
  const cause = (some: Partial<typeof at>, nowMs = 2_000): string | undefined =>
    held.cause({ ...at, ...some }, nowMs)?.verdict_id
  expect(cause({})).toBeUndefined()
  expect(cause({ zone: 'a' })).toBe('zone:a')
  expect(cause({ service: 'y' })).toBe('services')
  expect(cause({ appVersion: '2' })).toBe('version:2')
  expect(held.storm(2_000)).toBeNull()
  const to = new ImageWriter()
  held.save(to)
  const again = new HeldVerdicts()
  again.load(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))
  expect(again).toEqual(held)
  expect(cause({ zone: 'a' }, 1_000 + VERDICT_STALE_MS)).toBe('zone:a')
  expect(cause({ zone: 'a' }, 1_001 + VERDICT_STALE_MS)).toBeUndefined()
  held.hear({ ...zone, over: true }, 3_000)
  expect(cause({ zone: 'a' }, 3_000)).toBeUndefined()
})

test('what is due by time alone: its next word, or its end where that comes first', () => {
  const limits = { ...GUARD_DEFAULTS, stormCalmMs: 4_000 }
  const verdicts = new Verdicts()
  const judge = (sick: number, nowMs: number): readonly string[] =>
    ids(verdicts.judge(pictureOf(two({ sick })), limits, nowMs))
  expect(verdicts.nextMs(limits)).toBeNull()
  expect(judge(3, 1_000)).toEqual(['zone:a'])
  expect(verdicts.nextMs(limits)).toBe(11_000)
  expect(judge(0, 2_000)).toEqual([])
  expect(verdicts.nextMs(limits)).toBe(6_000)
  expect(judge(0, 5_999)).toEqual([])
  expect(judge(0, 6_000)).toEqual(['zone:a over'])
  expect(verdicts.nextMs(limits)).toBeNull()
  // One that has to be calm for long is told again meanwhile.
  expect(judge(3, 20_000)).toEqual(['zone:a'])
  expect(ids(verdicts.judge(pictureOf(two({})), GUARD_DEFAULTS, 29_999))).toEqual([])
  expect(verdicts.nextMs(GUARD_DEFAULTS)).toBe(30_000)
  expect(ids(verdicts.judge(pictureOf(two({})), GUARD_DEFAULTS, 30_000))).toEqual(['zone:a'])
})

test('a matter of a version or of services is over when none of them is sick any more', () => {
  const whole = (name: string, some: Parameters<typeof group>[0]): Seen =>
    seen(name, [group({ instances: 3, ...some })])
  const calmMs = GUARD_DEFAULTS.stormCalmMs
  const verdicts = new Verdicts()
  const fell = { sick: 2, recent: 2 }
  expect(ids(said(verdicts, [whole('a', fell), whole('b', fell)], 0))).toEqual(['services'])
  // One of them still is.
  const half = [whole('a', { sick: 2 }), whole('b', {})]
  const ends = (all: readonly Seen[], atMs: number): boolean =>
    ids(said(verdicts, all, atMs)).includes('services over')
  expect([ends(half, 1), ends(half, calmMs + 1)]).toEqual([false, false])
  const well = [whole('a', {}), whole('b', {})]
  expect([ends(well, calmMs + 2), ends(well, 2 * calmMs + 2)]).toEqual([false, true])

  const other = group({ zone: 'a', app_version: '1.9' })
  const release = (some: object): readonly Seen[] => two({ app_version: '2.0', ...some }, other)
  const versions = new Verdicts()
  expect(ids(said(versions, release(fell), 0))).toEqual(['version:2.0'])
  expect(ids(said(versions, release({ sick: 2 }), calmMs))).not.toContain('version:2.0 over')
  said(versions, release({}), calmMs + 1)
  expect(ids(said(versions, release({}), 2 * calmMs + 1))).toEqual(['version:2.0 over'])
})

test('who is concerned: by zone, by version, by name; none other, and no storm', () => {
  const held = new HeldVerdicts()
  const hear = (attribute: string, value: string, services: readonly string[] = []): void => {
    const [verdict] = said(new Verdicts(), two({ sick: 3 }), 0)
    if (verdict === undefined) throw new Error('no verdict')
    const named = services.map((name) => serviceId(name))
    held.hear({ ...verdict, verdict_id: attribute, attribute, value, services: named }, 0)
  }
  const at = { service: 'shop', zone: 'a', appVersion: '2.0' }
  const cause = (some: object = {}): string | undefined =>
    held.cause({ ...at, ...some }, 0)?.verdict_id
  hear('services', '', ['shop', 'cart'])
  expect([cause(), cause({ service: 'cart' }), cause({ service: 'stock' })]).toEqual([
    'services',
    'services',
    undefined,
  ])
  hear('version', '2.0')
  const others = { service: 'stock', zone: 'b' }
  expect([cause(others), cause({ ...others, appVersion: '1.9' })]).toEqual(['version', undefined])
  hear('zone', 'a')
  expect(cause({ service: 'stock', appVersion: null })).toBe('zone')
  expect(held.storm(0)).toBeNull()
})

test('a storm concerns nobody by name, and a zone that is empty is calm', () => {
  const [verdict] = said(new Verdicts(), two({ sick: 3 }), 0)
  if (verdict === undefined) throw new Error('no verdict')
  const held = new HeldVerdicts()
  held.hear({ ...verdict, what: 'storm', attribute: 'fleet' }, 0)
  expect(held.cause({ service: 'shop', zone: 'a', appVersion: null }, 0)).toBeNull()
  expect(held.storm(0)?.what).toBe('storm')
  const verdicts = new Verdicts()
  said(verdicts, two({ sick: 3 }), 0)
  said(verdicts, [], 1)
  expect(ids(said(verdicts, [], 1 + GUARD_DEFAULTS.stormCalmMs))).toEqual(['zone:a over'])
})

test('few of a version are no matter of it, however many of them fell', () => {
  const other = group({ zone: 'a', app_version: '1.9' })
  const few = two({ app_version: '2.0', instances: 2, sick: 1, recent: 1 }, other)
  expect(ids(said(new Verdicts(), few, 1))).toEqual([])
})
