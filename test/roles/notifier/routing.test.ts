// Who is told: by the route of the alert, else by its tier, so that a route that nobody serves is
// not silence (S0-52).
import { expect, test } from 'vitest'
import { sinksOf, unserved } from '../../../src/roles/notifier/routing.ts'

const routes = { page: ['pager'], digest: [], dba: ['dba'] }

test.each([
  ['high', 'page', ['pager']],
  ['low', 'page', ['pager']],
  ['high', 'dba', ['dba']],
  ['high', 'nobody', ['pager']],
  ['high', 'constructor', ['pager']],
  ['medium', 'nobody', []],
  ['low', 'digest', []],
] as const)('%s on route %s: %j', (tier, route, names) => {
  expect(sinksOf({ tier, route }, routes)).toEqual(names)
})

test('tiers that nobody would hear of are named', () => {
  expect(unserved(routes)).toEqual(['medium', 'low'])
  expect(unserved({ page: ['a'], ticket: ['a'], digest: ['a'] })).toEqual([])
})
