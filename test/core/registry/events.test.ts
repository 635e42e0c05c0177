// Which events are late, which find nobody, and that the text of a registration tells all apart.
import { expect, test } from 'vitest'
import { newEntry } from '../../../src/core/registry/entry.ts'
import {
  isTaken,
  notRegistered,
  register,
  registrationText,
  staleness,
} from '../../../src/core/registry/events.ts'
import { LIFE_WORDS } from '../../../src/core/registry/lifecycle.ts'
import { serviceEvent } from '../../support/records.ts'

const at = { service: 'shop', instance: 'shop-1' }
const held = (): ReturnType<typeof newEntry> => {
  const entry = newEntry(at, { clusterId: 'cluster-a', incarnation: 2, nowMs: 1 })
  return Object.assign(entry, { version: 5, eventMs: 100, lifecycle: 'ready' })
}

test.each([
  [1, 9, 900, 'stale_incarnation'],
  [2, 4, 900, 'stale_version'],
  [2, 5, 99, 'stale_version'],
  [2, 5, 100, null],
  [2, 6, 1, null],
  [3, 0, 1, null],
])('incarnation %i, version %i at %i: %s', (incarnation, version, atMs, reason) => {
  const event = serviceEvent({ atMs, incarnation, version })
  expect(staleness(held(), event, atMs)?.reason ?? null).toBe(reason)
})

test('one whose lease ran out is found by a renewal, one that was deregistered is not', () => {
  const lapsed = Object.assign(held(), { lifecycle: 'gone', was: 'ready' })
  const left = Object.assign(held(), { lifecycle: 'gone' })
  expect([isTaken(lapsed, 'renew', false), isTaken(left, 'renew', false)]).toEqual([true, false])
  expect(LIFE_WORDS.filter((word) => !isTaken(left, word, true))).toEqual([])
  expect(LIFE_WORDS.filter((word) => !isTaken(held(), word, false))).toEqual([])
  const event = serviceEvent({ atMs: 1, action: 'drain' })
  expect(notRegistered(left, event)).toEqual({
    ok: false,
    reason: 'not_registered',
    detail: 'shop/shop-1 was deregistered, drain finds nobody; register it first',
  })
})

test('the same registration twice is the same text, every other field another', () => {
  const event = serviceEvent({ atMs: 1, zone: 'z1' })
  const textOf = (one: typeof event): string => {
    const entry = held()
    register(entry, one)
    return registrationText(entry)
  }
  expect(textOf({ ...event })).toBe(textOf(event))
  const others = [
    { host: 'h' },
    { port: 1 },
    { health_path: '/' },
    { zone: 'z2' },
    { app_version: '2' },
    { epoch: 9 },
    { path: ['b'] },
    { vector: { b: 1 } },
    { metadata: { a: 'b' } },
  ]
  const texts = others.map((other) => textOf({ ...event, ...other }))
  expect(new Set([...texts, textOf(event)]).size).toBe(others.length + 1)
})
