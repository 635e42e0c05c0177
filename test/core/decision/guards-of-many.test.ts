// The table of docs/guards.md: how many of a small service may be in our hand at once, tried with
// the guards and nothing else; and S0-42, a hundred instances that fail at once.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, erring, instance, LOOSE } from './world.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/guards.md'), 'utf8')
const { outShareMax, routableShareMin, healShareMax } = GUARD_DEFAULTS
/**
 * All that looks at how many at once is as it is by default, and nothing else stands in the way.
 */
const SHARES = { ...LOOSE, outShareMax, routableShareMin, healShareMax }
/** One matter after another, so that none of it looks like a common cause. */
const APART = { commonShareMax: 1, stormHealthyMin: 0, zoneSickShareMax: 1, zoneSickMin: 1_000 }

/** The most of `n` in our hand at once, when everybody is sick and the agents never answer. */
function most(n: number, make: (name: string) => InstanceFacts): number {
  const world = new CarefulWorld()
  world.begin({ ...SHARES, ...APART, commandExpiryMs: '1h' })
  const names = Array.from({ length: n }, (_, i) => `i${String(i).padStart(3, '0')}`)
  world.step(names.map((name) => instance(name)))
  for (let i = 0; i < 3; i++) world.step(names.map(make), { afterMs: 1_000 })
  return world.commands.length
}

test('n = 1…20, as the page says', () => {
  const rows = Array.from({ length: 20 }, (_, i) => {
    return `| ${i + 1} | ${most(i + 1, erring)} | ${most(i + 1, crashed)} |`
  })
  const head = '| instances | that may serve | that serve nothing |'
  expect(page).toContain([head, '|---|---|---|', ...rows].join('\n'))
})

test('S0-42: a hundred at once, 30 % of them at a time, and no more', () => {
  expect(most(100, crashed)).toBe(30)
  expect(most(100, erring)).toBe(10)
})

test('one zone at a time, and none that is sick as a whole', () => {
  const world = new CarefulWorld()
  world.begin({ ...SHARES, ...APART, zoneSickMin: 3, zoneSickShareMax: 0.55 })
  const zones = ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'c', 'c', 'c', 'c']
  const some = (sick: readonly number[]): InstanceFacts[] =>
    zones.map((zone, i) => {
      const name = `i${String(i).padStart(2, '0')}`
      return sick.includes(i) ? crashed(name, { zone }) : instance(name, { zone })
    })
  world.step(some([]))
  world.step(some([0, 1, 2, 4]), { afterMs: 1_000 })
  expect(world.commands.map(({ target }) => String(target.instance))).toEqual(['i04'])
  const zone = world.events.flatMap(({ guards }) => guards.filter(({ guard }) => guard === 'zone'))
  expect(zone.find(({ passed }) => !passed)?.value).toBe('3 of 4 sick in zone a')
  world.step(some([0, 4, 8]), { afterMs: 1_000 })
  expect(world.last.summary).toContain('refused by guard zone: at work in zone b')
  expect(world.commands).toHaveLength(1)
})

test('nothing is done in a freeze window; what is told of it holds its end', () => {
  const world = new CarefulWorld()
  // Log time one million: 00:16:40 of a Thursday.
  world.begin({ freeze: [{ days: ['thu'], from: '00:00', to: '00:20', why: 'release' }] })
  world.step([instance('a'), instance('b')])
  const sick = [crashed('a'), instance('b')]
  const { wakeAtMs } = world.step(sick, { afterMs: 1_000 })
  expect(world.last.summary).toContain('guard freeze: thu 00:00–00:20 UTC: release')
  expect(wakeAtMs).toBe(1_200_000)
  world.step(sick, { afterMs: 199_000 })
  expect(world.commands).toHaveLength(1)
})
