// What the fleet task makes of observations: who is expected, who is missing, and when that is too
// many.
import { describe, expect, test } from 'vitest'
import { agentId, serviceId, taskId } from '../../../src/contracts/ids.ts'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { Observation, ServiceCount } from '../../../src/contracts/records.ts'
import { FRESH_MS, KEEP_MS, Watch } from '../../../src/core/fleet/watch.ts'
import {
  FORM_FIRST,
  FORM_JUDGEMENT,
  ImageReader,
  ImageWriter,
} from '../../../src/core/kernel/image.ts'
import { joined } from '../../support/image.ts'
import { group } from './seen.ts'

const NOW = 1_800_000_000_000

/** Agents by how long ago each was heard. */
function observed(
  seq: number,
  agoMs: readonly number[],
  some: Partial<Observation> = {},
): Observation {
  return {
    task: taskId('s0'),
    gen: 1,
    seq,
    at_ms: NOW,
    urgent: false,
    services: [],
    reporters: agoMs.map((ago, i) => ({ agent: agentId(`agent-${i}`), last_ms: NOW - ago })),
    leases: [],
    waiting: 0,
    stock: 0,
    fleet_seq: 0,
    ...some,
  }
}

const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms)

describe('blind', () => {
  test.each([
    ['one of two is missing', [0, 15_000], false],
    ['two of two, for a moment less', [14_999, 14_999], false],
    ['two of two', [15_000, 15_000], true],
    ['two of thirteen: more than 15 %', [...times(11, 0), 15_000, 15_000], true],
    ['two of fourteen: less', [...times(12, 0), 15_000, 15_000], false],
    ['nobody is expected', [], false],
    ['those gone for long are not expected', [0, ...times(5, KEEP_MS + 1)], false],
  ])('%s', (_what, agoMs, blind) => {
    const watch = new Watch(1)
    watch.hear(0, observed(1, agoMs))
    expect(watch.sight(GUARD_DEFAULTS).blind).toBe(blind)
  })

  test('an agent that some task hears is not missing', () => {
    const watch = new Watch(2)
    watch.hear(0, observed(1, [20_000, 20_000]))
    watch.hear(1, observed(1, [1_000, 1_000]))
    expect(watch.sight(GUARD_DEFAULTS)).toEqual({ expected: 2, seen: 2, blind: false })
  })

  // A task that has stopped says nothing new, and its agents grow no more silent by that.
  test('silence is that of the time of the observation', () => {
    const watch = new Watch(2)
    watch.hear(0, observed(1, [1_000, 1_000], { at_ms: NOW - 14_000 }))
    watch.hear(1, observed(1, []))
    expect(watch.isFresh(NOW)).toBe(true)
    expect(watch.sight(GUARD_DEFAULTS).blind).toBe(false)
  })
})

test('older gens and seqs change nothing', () => {
  const watch = new Watch(1)
  expect(watch.hear(0, observed(5, [0]))).toBe(true)
  expect(watch.hear(0, observed(5, [0, 0]))).toBe(false)
  expect(watch.hear(0, observed(4, [0, 0], { gen: 1 }))).toBe(false)
  expect(watch.hear(0, observed(6, [0, 0], { gen: 0 }))).toBe(false)
  expect(watch.sight(GUARD_DEFAULTS).expected).toBe(1)
  expect(watch.hear(0, observed(6, [0, 0], { gen: 2 }))).toBe(true)
  expect(watch.sight(GUARD_DEFAULTS).expected).toBe(2)
})

test('fresh is when every task was heard a moment ago', () => {
  const watch = new Watch(2)
  watch.hear(0, observed(1, []))
  expect(watch.isFresh(NOW)).toBe(false)
  watch.hear(1, observed(1, []))
  expect(watch.isFresh(NOW + FRESH_MS)).toBe(true)
  expect(watch.isFresh(NOW + FRESH_MS + 1)).toBe(false)
})

test('an image holds all of it', () => {
  const watch = new Watch(1)
  watch.hear(0, observed(3, [0, 16_000, 17_000]))
  const to = new ImageWriter()
  watch.save(to)
  const again = new Watch(1)
  again.load(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))
  const twice = new ImageWriter()
  again.save(twice)
  expect(twice.pieces()).toEqual(to.pieces())
  expect(again.sight(GUARD_DEFAULTS)).toEqual(watch.sight(GUARD_DEFAULTS))
  expect(again.hear(0, observed(3, []))).toBe(false)
})

const COUNT: ServiceCount = {
  service: serviceId('shop'),
  instances: 5,
  healthy: 3,
  unstable: 1,
  unhealthy: 1,
  unknown: 0,
  routable: 4,
  n: 100,
  errors: 7,
  p99_us: 20_000,
  onset_ms: null,
  sick_by_zone: { z1: 2 },
  groups: [group({ zone: 'z1', sick: 2, newest_ms: NOW })],
}
const told = (seq: number, ...services: readonly ServiceCount[]): Observation =>
  observed(seq, [], { services })

test('what changed is the health of services, not their traffic', () => {
  const watch = new Watch(1)
  const changes = (next: Observation): boolean => {
    watch.changed = false
    watch.hear(0, next)
    return watch.changed
  }
  expect(changes(told(1, COUNT))).toBe(true)
  expect(changes(told(2, { ...COUNT, n: 999, errors: 50, p99_us: null }))).toBe(false)
  expect(changes(told(3, { ...COUNT, onset_ms: NOW }))).toBe(true)
  expect(changes(told(4, { ...COUNT, onset_ms: NOW, healthy: 2, unstable: 2 }))).toBe(true)
  expect(changes(told(5, COUNT, { ...COUNT, service: serviceId('cart') }))).toBe(true)
  expect(changes(told(6, { ...COUNT, service: serviceId('cart') }))).toBe(true)
  expect(changes(told(7))).toBe(true)
  expect(changes(told(8))).toBe(false)
})

test('troubled is a fleet in which some service deviates', () => {
  const watch = new Watch(2)
  watch.hear(0, told(1, COUNT))
  expect(watch.isTroubled()).toBe(false)
  watch.hear(1, told(1, COUNT, { ...COUNT, onset_ms: NOW }))
  expect(watch.isTroubled()).toBe(true)
})

test('an agent that two tasks tell of counts as it was heard last', () => {
  const limits = { blindMissingMin: 1, blindShareMax: 0, blindAfterMs: 15_000 }
  for (const order of [
    [20_000, 1_000],
    [1_000, 20_000],
  ]) {
    const watch = new Watch(2)
    for (const [i, ago] of order.entries()) watch.hear(i, observed(1, [ago]))
    expect(watch.sight(limits)).toEqual({ expected: 1, seen: 1, blind: false })
  }
})

test('an image holds the services too, with their groups from the form on that has them', () => {
  const without = { ...COUNT, onset_ms: NOW, p99_us: null, sick_by_zone: {} }
  const watch = new Watch(2)
  watch.hear(1, told(3, without))
  watch.hear(0, told(4, COUNT))
  for (const form of [FORM_FIRST, FORM_JUDGEMENT]) {
    const to = new ImageWriter(form)
    watch.save(to)
    const from = new ImageReader(joined(to.pieces()))
    from.form = form
    const again = new Watch(2)
    again.load(from)
    from.end()
    expect([again.changed, again.isTroubled()]).toEqual([true, true])
    const groups = form === FORM_FIRST ? 0 : 2
    expect(again.picture().zones.get('z1')?.sick ?? 0).toBe(2 * groups)
    expect([again.picture().healthy, again.picture().known]).toEqual([6, 10])
    // What is told again is nothing new.
    again.changed = false
    again.hear(0, told(5, COUNT))
    again.hear(1, told(5, without))
    expect(again.changed).toBe(false)
  }
})
