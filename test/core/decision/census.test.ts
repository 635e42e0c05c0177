// Counts by what instances share.
import { expect, test } from 'vitest'
import { censusOf, countOf, wellnessOf } from '../../../src/core/decision/census.ts'
import { crashed, instance, service } from './world.ts'

const all = [
  crashed('a', { zone: 'x', appVersion: '1' }),
  instance('b', { zone: 'x', appVersion: '2', health: 'unstable' }),
  instance('c', { zone: null, appVersion: '1' }),
  crashed('d', { zone: 'y', lifecycle: 'draining' }),
  instance('e', { health: 'unknown', lifecycle: 'standby' }),
  crashed('f', { lifecycle: 'gone' }),
]

test('only those in service count; a name that nobody has counts nobody', () => {
  const census = censusOf(all)
  expect(countOf(census, { shared: 'service', value: '' })).toEqual({ n: 3, sick: 1 })
  expect(countOf(census, { shared: 'zone', value: 'x' })).toEqual({ n: 2, sick: 1 })
  expect(countOf(census, { shared: 'version', value: '1' })).toEqual({ n: 2, sick: 1 })
  expect(countOf(census, { shared: 'zone', value: 'y' })).toEqual({ n: 0, sick: 0 })
})

test('wellness is of all that are not gone and whose health is known', () => {
  expect(wellnessOf(service(all))).toEqual({ healthy: 1, known: 4 })
  const healths = { healthy: 1, unstable: 1, unhealthy: 2, unknown: 1 }
  expect(wellnessOf({ ...service([]), healths })).toEqual({ healthy: 1, known: 4 })
})
