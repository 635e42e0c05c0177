// Who counts as able to take traffic: doubt is resolved against acting.
import { expect, test } from 'vitest'
import { canBeCountedOn, groupOf, mayServe } from '../../../src/core/decision/group.ts'
import { crashed, erring, finding, instance } from './world.ts'

const silent = instance('s', {
  link: 'offline',
  findings: [finding({ detector: 'silence', class: 'inferred' })],
})
const remoteDown = instance('r', {
  findings: [finding({ detector: 'probe_down', class: 'inferred' })],
})

test.each([
  ['a well one', instance('a'), true, true],
  ['a crashed one', crashed('a'), false, false],
  ['an erring one', erring('a'), true, true],
  ['a silent one', silent, true, false],
  ['one a remote probe does not reach', remoteDown, true, false],
  ['a draining one', instance('a', { lifecycle: 'draining' }), false, false],
  ['one of unknown lifecycle', instance('a', { lifecycle: 'unknown' }), true, true],
])('%s', (_what, facts, serves, counts) => {
  expect(mayServe(facts)).toBe(serves)
  expect(canBeCountedOn(facts)).toBe(counts)
})

test('the group: the target is not among the others, what is in hand is not counted on', () => {
  const all = [instance('a'), instance('b'), crashed('c'), instance('d', { lifecycle: 'gone' })]
  const [a = instance('a')] = all
  expect(groupOf(all, a, ({ instance: name }) => name === 'b')).toEqual({
    n: 3,
    targetRoutable: true,
    routableOthers: 0,
    outByHand: 1,
  })
})

// One of two answered slowly, the other failed half of its requests: the slow one was restarted and
// for that time only the failing one was left.
test('a failing one does not stand in for one that answers, only for another failing one', () => {
  const slow = instance('a', {
    health: 'unhealthy',
    findings: [finding({ detector: 'latency_p99', class: 'inferred' })],
  })
  const others = (target: typeof slow): number =>
    groupOf([target, erring('b')], target, () => false).routableOthers
  expect(others(slow)).toBe(0)
  expect(others(erring('a'))).toBe(1)
})
