// What is compared with what was told last: everything but words and figures, and the figures.
import { expect, test } from 'vitest'
import { incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import {
  figuresText,
  loadTelling,
  saveTelling,
  stateText,
  type Telling,
  weightIn,
  windowsOf,
} from '../../../src/core/tasks/telling.ts'
import { saved } from '../../support/image.ts'

const window = { spanMs: 60_000, n: 3, errors: 1, successRate: 2 / 3, p99Us: 9, maxUs: 10 }
const telling: Telling = {
  service: serviceId('shop'),
  instance: instanceId('shop-1'),
  incarnation: 2,
  health: 'unstable',
  sinceMs: 7,
  reason: 'slow',
  routable: true,
  weightPercent: 30,
  guard: 'storm',
  window,
  others: { short: { ...window, spanMs: 10_000 }, long: { ...window, spanMs: 300_000 } },
  signals: ['latency_p99', 'flapping'],
  incidentId: incidentId('inc-1'),
  climbing: null,
  score: null,
}

test('state: each of its parts makes it another, words and figures do not', () => {
  const state = stateText(telling, telling)
  expect(weightIn(state)).toBe(30)
  expect(weightIn('')).toBe(0)
  expect(stateText({ ...telling, reason: 'other', window: { ...window, n: 9 } }, telling)).toBe(
    state,
  )
  const others = [
    stateText({ ...telling, incarnation: 3 }, telling),
    stateText({ ...telling, health: 'healthy' }, telling),
    stateText({ ...telling, sinceMs: 8 }, telling),
    stateText({ ...telling, guard: null }, telling),
    stateText({ ...telling, incidentId: null }, telling),
    stateText({ ...telling, signals: ['latency_p99'] }, telling),
    stateText(telling, { routable: false, weightPercent: 30 }),
    stateText(telling, { routable: true, weightPercent: 60 }),
  ]
  expect(new Set([...others, state]).size).toBe(others.length + 1)
})

test('figures are those of all windows that are told, in order of their spans', () => {
  expect(windowsOf(telling).map(({ spanMs }) => spanMs)).toEqual([10_000, 60_000, 300_000])
  expect(figuresText(telling)).toBe('3|1|9|10|3|1|9|10|3|1|9|10')
  expect(figuresText({ ...telling, others: null })).toBe('3|1|9|10')
})

test('an image holds it', () => {
  const read = loadTelling(new ImageReader(saved((to) => saveTelling(telling, to))))
  expect(read).toEqual(telling)
})
