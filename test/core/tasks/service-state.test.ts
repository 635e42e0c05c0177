// The state of a task: subjects in order, limits asked once, what is forgotten leaves nothing
// behind.
import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { GONE_KEEP_MS } from '../../../src/core/registry/registry.ts'
import { DIRTY } from '../../../src/core/tasks/marks.ts'
import { ServiceState } from '../../../src/core/tasks/service-state.ts'
import type { Subject } from '../../../src/core/tasks/subject.ts'
import { START_MS, testContext, testSerde } from '../../support/core-driver.ts'
import { saved } from '../../support/image.ts'
import { serviceEvent } from '../../support/records.ts'

let serde: Serde
let state: ServiceState
beforeAll(async () => {
  serde = await testSerde()
})
beforeEach(() => {
  state = new ServiceState(testContext(serde))
  state.advance(START_MS)
})

function registered(service: string, instance: string, action?: 'deregister'): Subject {
  const event = serviceEvent({ service, instance, atMs: START_MS, action: action ?? 'register' })
  const applied = state.registry.apply(event, { atMs: START_MS, eventMs: START_MS })
  if (!applied.ok) throw new Error(applied.reason)
  return state.subjectOf(applied.entry)
}

test('services and subjects are walked in order of their ids', () => {
  for (const name of ['b', 'a', 'B']) registered(name, 'y')
  registered('b', 'x')
  const order = state
    .services()
    .map((group) => [group.service, ...group.ordered().map(({ vital }) => vital.instance)])
  expect(order).toEqual([
    ['B', 'y'],
    ['a', 'y'],
    ['b', 'x', 'y'],
  ])
})

test('a subject is made once, and found by its names', () => {
  const subject = registered('shop', 'shop-1')
  expect(state.subjectOf(subject.entry)).toBe(subject)
  expect(state.find('shop', 'shop-1')).toBe(subject)
  expect(state.find('shop', 'shop-2')).toBeUndefined()
})

test('limits are asked for once, until policies change', () => {
  const limits = state.limits('shop')
  expect(state.limits('shop')).toBe(limits)
  const subject = registered('shop', 'shop-1')
  subject.mark(DIRTY, false)
  state.policiesChanged()
  expect(subject.has(DIRTY)).toBe(true)
  expect(state.limits('shop')).not.toBe(limits)
})

test('the service goes with its last instance', () => {
  registered('shop', 'shop-1', 'deregister')
  registered('shop', 'shop-2', 'deregister')
  const [first, second] = state.registry.expire(START_MS + GONE_KEEP_MS, null).forgotten
  if (first === undefined || second === undefined) throw new Error('two are gone')
  expect(state.forget(first)).toBe(false)
  expect(state.forget(second)).toBe(true)
  expect(state.services()).toEqual([])
  state.registry.takeChanges(START_MS)
  const fresh = new ServiceState(testContext(serde))
  fresh.advance(START_MS)
  expect(saved((to) => state.save(to))).toEqual(saved((to) => fresh.save(to)))
})
