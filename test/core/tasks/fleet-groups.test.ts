// What a service task tells of a service by zone and version.
import { expect, test } from 'vitest'
import { ServiceState } from '../../../src/core/tasks/service-state.ts'
import { groupsOf } from '../../../src/core/tasks/fleet-groups.ts'
import { testContext, testSerde } from '../../support/core-driver.ts'
import { crashed, finding, instance, service } from '../decision/world.ts'
import { noteOnsets } from '../../../src/core/decision/crowd.ts'

test('by both; by zone alone where there are too many', async () => {
  const state = new ServiceState(testContext(await testSerde(), { behaviour: 3 }))
  state.nowMs = 40_000
  const findings = [finding({ sinceMs: 30_000 })]
  const all = [
    instance('a', { zone: 'x', appVersion: '1' }),
    crashed('b', { zone: 'x', appVersion: '1', findings }),
    instance('c', { zone: null }),
    instance('d', { zone: null, lifecycle: 'gone' }),
  ]
  const { crowds } = state.healing.care
  noteOnsets(crowds, all[0]?.service ?? service(all).service, {
    due: all,
    isInHand: () => false,
    nowMs: 40_000,
  })
  const rest = {
    recent: 0,
    newest_ms: null,
    in_hand: 0,
    sick: 0,
    unheard: 0,
    sick_unheard: 0,
    recent_unheard: 0,
  }
  expect(groupsOf(state, service(all))).toEqual([
    { ...rest, zone: '', app_version: '', instances: 1, healthy: 1 },
    {
      ...rest,
      zone: 'x',
      app_version: '1',
      instances: 2,
      healthy: 1,
      sick: 1,
      recent: 1,
      newest_ms: 40_000,
    },
  ])
  const many = Array.from({ length: 65 }, (_, i) => {
    return instance(`m${i}`, { zone: i < 5 ? 'x' : 'y', appVersion: `${i}` })
  })
  const told = groupsOf(state, service([...many, ...all.slice(1, 2)]))
  expect(told.map(({ zone, instances, recent }) => [zone, instances, recent])).toEqual([
    ['x', 6, 1],
    ['y', 60, 0],
  ])
})
