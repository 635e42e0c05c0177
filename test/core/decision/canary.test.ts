// The canary's choice: by name alone, near the share that was asked for, never nobody.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { policyName } from '../../../src/contracts/ids.ts'
import { isCanary, placeOf } from '../../../src/core/decision/canary.ts'
import { instance, World } from './world.ts'

const all = Array.from({ length: 1_000 }, (_, i) => instance(`shop-${i}`))
const chosen = (name: string, canaryShare: number | null, among = all): readonly string[] =>
  among
    .filter((one) => isCanary({ name: policyName(name), canaryShare }, among, one))
    .map(({ instance: id }) => id)

test('without a share it is the first in service', () => {
  expect(chosen('p', null)).toEqual(['shop-0'])
  const leaving = [instance('a', { lifecycle: 'draining' }), instance('b')]
  expect(chosen('p', null, leaving)).toEqual(['b'])
})

test.each([0.01, 0.1, 0.5])('a share of %d, within three standard deviations', (share) => {
  const n = chosen('p', share).length
  const deviation = Math.sqrt(1_000 * share * (1 - share))
  expect(Math.abs(n - 1_000 * share)).toBeLessThan(3 * deviation)
  expect(chosen('q', share)).not.toEqual(chosen('p', share))
})

test('a larger share keeps those of a smaller one; a share of 1 is everybody', () => {
  const small = chosen('p', 0.1)
  expect(chosen('p', 0.3)).toEqual(expect.arrayContaining([...small]))
  expect(chosen('p', 1)).toHaveLength(1_000)
})

test('at least one of any service, and the same one whatever the order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 }),
      (ids) => {
        const some = ids.map((id) =>
          instance(`i${id.length}${id.replaceAll(/[^a-z]/g, 'x')}${id.codePointAt(0)}`),
        )
        expect(chosen('p', 0, some).length).toBeGreaterThanOrEqual(1)
        expect(chosen('p', 0, some.toReversed()).toSorted()).toEqual(
          chosen('p', 0, some).toSorted(),
        )
      },
    ),
  )
})

test('places lie evenly between 0 and 1', () => {
  const tenths = new Set(all.map(({ key }) => Math.floor(placeOf(key) * 10)))
  expect(tenths.size).toBe(10)
})

test('a rung of its own at a service, and a canary by share, in the guard that asks', () => {
  const world = new World()
  world.state.behaviour = 3
  world.policy({ mode: 'observe', modes: { shop: 'canary' }, canaryShare: 1 })
  const sick = instance('b', { health: 'unhealthy' })
  world.step([instance('a'), sick, instance('c')])
  const refused = world.events.find(({ event }) => event === 'refused')
  const mode = refused?.guards.find(({ guard }) => guard === 'mode')
  expect(mode?.passed).toBe(true)
})

test('the place of a name is FNV-1a with the finisher of MurmurHash3, over 2^32', () => {
  // By the definitions, with whole numbers of any size.
  const byDefinition = (text: string): number => {
    const word = (n: bigint): bigint => n & 0xffffffffn
    let hash = 0x811c9dc5n
    for (const unit of Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)))
      hash = word((hash ^ BigInt(unit)) * 0x01000193n)
    hash = word((hash ^ (hash >> 16n)) * 0x85ebca6bn)
    hash = word((hash ^ (hash >> 13n)) * 0xc2b2ae35n)
    return Number(hash ^ (hash >> 16n)) / 2 ** 32
  }
  fc.assert(fc.property(fc.string(), (text) => placeOf(text) === byDefinition(text)))
  expect(placeOf('')).toBe(byDefinition(''))
})

test('of those who lie in no share it is the one whose hash is least, and only who serves', () => {
  const some = [instance('a'), instance('b'), instance('c')]
  const places = some.map(({ key }) => placeOf(`p ${key}`))
  const least = some[places.indexOf(Math.min(...places))]?.instance
  expect(chosen('p', 0, some)).toEqual([least])
  const without = some.map((one) =>
    one.instance === least ? instance(one.instance, { lifecycle: 'draining' as const }) : one,
  )
  expect(chosen('p', 0, without)).toHaveLength(2)
  // The place itself does not lie in the share that ends there.
  const own = Math.max(...places)
  expect(chosen('p', own, some)).toHaveLength(2)
})
