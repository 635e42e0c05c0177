// The fleet added up: zones, versions, services, and when it is not clear what is the matter.
import { expect, test } from 'vitest'
import { pictureOf, type Seen, UNCLEAR_MS } from '../../../src/core/fleet/picture.ts'
import { group, seen } from './seen.ts'

test('sums', () => {
  const picture = pictureOf([
    seen('shop', [
      group({ zone: 'a', sick: 2, recent: 1, newest_ms: 5_000 }),
      group({ zone: 'b' }),
    ]),
    seen('cart', [group({ zone: 'a', app_version: '2', in_hand: 1 }), group({})]),
  ])
  expect([picture.healthy, picture.known]).toEqual([6, 7])
  expect(picture.zones.get('a')).toEqual({
    instances: 10,
    sick: 2,
    recent: 1,
    recentUnheard: 0,
    sickUnheard: 0,
    services: new Set(['shop']),
  })
  expect([...picture.zones.keys(), ...picture.versions.keys()]).toEqual(['a', 'b', '2'])
  expect(picture.services.get('shop')?.instances).toBe(10)
  expect([...picture.inHand]).toEqual(['a'])
})

test('unclear: two services fell sick within the time it takes to look', () => {
  const at = (name: string, ms: number | null): Seen => seen(name, [group({ newest_ms: ms })])
  const until = (...all: Seen[]): number => pictureOf(all).unclearUntilMs
  expect(until()).toBe(0)
  expect(until(at('a', 5_000), at('b', null))).toBe(0)
  expect(until(at('a', 5_000), at('b', 5_000 + UNCLEAR_MS))).toBe(5_000 + 2 * UNCLEAR_MS)
  expect(until(at('a', 5_000), at('b', 5_001 + UNCLEAR_MS))).toBe(0)
  expect(until(seen('a', [group({ newest_ms: 1 }), group({ newest_ms: 2 })]))).toBe(0)
})
