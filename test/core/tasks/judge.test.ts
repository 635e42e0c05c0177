// Judgement of a step: who is judged, what the service as a whole is, and what hangs on the window
// alone.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import type { ServiceAction } from '../../../src/contracts/records.ts'
import { judgeStep } from '../../../src/core/tasks/judge.ts'
import { ServiceState } from '../../../src/core/tasks/service-state.ts'
import { hangsOnEviction, type Subject } from '../../../src/core/tasks/subject.ts'
import { CoreDriver, START_MS, testContext, testSerde } from '../../support/core-driver.ts'
import { connection, probe, serviceEvent } from '../../support/records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

const LOOKING = { horizonMs: START_MS, floorMs: 0, blind: false }
const STEP = { seq: 1, nowMs: START_MS, behind: false, asOf: {}, slices: [] }

function withSubject(): { state: ServiceState; subject: Subject } {
  const state = new ServiceState(testContext(serde))
  state.advance(START_MS)
  const at = { atMs: START_MS, eventMs: START_MS }
  const applied = state.registry.apply(serviceEvent({ atMs: START_MS }), at)
  if (!applied.ok) throw new Error(applied.reason)
  return { state, subject: state.subjectOf(applied.entry) }
}

test('only who is due is judged; the facts of others are kept', () => {
  const { state, subject } = withSubject()
  const first = judgeStep(state, STEP, LOOKING)
  expect(first.judged).toBe(1)
  expect(subject.nextMs).toBe(START_MS + 5_000)
  const second = judgeStep(state, STEP, LOOKING)
  expect(second.judged).toBe(0)
  expect(second.facts.services[0]).toBe(first.facts.services[0])
  state.advance(START_MS + 5_000)
  expect(judgeStep(state, STEP, { ...LOOKING, horizonMs: START_MS + 5_000 }).judged).toBe(1)
  expect(subject.facts?.findings).toMatchObject([{ detector: 'silence' }])
})

test('facts carry the step', () => {
  const { state } = withSubject()
  const step = { ...STEP, seq: 9, behind: true }
  expect(judgeStep(state, step, { ...LOOKING, blind: true }).facts).toMatchObject({
    stepSeq: 9,
    behind: true,
    blind: true,
    nowMs: START_MS,
    services: [{ service: 'shop', window: { n: 0 }, instances: [{ instance: 'shop-1' }] }],
  })
})

test('what hangs on the window', () => {
  const { state, subject } = withSubject()
  judgeStep(state, STEP, LOOKING)
  const facts = subject.facts
  if (facts === null) throw new Error('judged')
  const hangs = (n: number, errors: number, maxUs: number): boolean => {
    const window = { ...facts.window, n, errors, maxUs }
    return hangsOnEviction({ vital: subject.vital, facts: { window } }, 1_000, 20)
  }
  expect(hangs(100, 0, 999)).toBe(false)
  expect(hangs(100, 1, 0)).toBe(true)
  expect(hangs(100, 0, 1_000)).toBe(true)
  expect(hangs(19, 19, 5_000)).toBe(false)
})

describe('the service as a whole', () => {
  const health = (...instances: readonly ('up' | 'refused' | 'new')[]): unknown => {
    const driver = new CoreDriver(serde)
    instances.forEach((state, i) => {
      const instance = `shop-${i}`
      driver.serviceEvent(serviceEvent({ instance, atMs: START_MS }))
      if (state === 'up') driver.signal(probe({ instance, atMs: START_MS, verdict: 'up' }))
      else if (state === 'refused') {
        driver.signal(connection({ instance, atMs: START_MS, event: 'refused' }))
      }
    })
    driver.step()
    const view = driver.health('shop', null)
    return [view?.health, view?.routable, view?.reason]
  }

  test('is what its instances are together', () => {
    expect(health('up', 'up', 'new')).toEqual(['healthy', true, '2 of 3 healthy'])
    expect(health('up', 'refused')).toEqual(['unstable', true, '1 of 2 healthy'])
    expect(health('refused', 'refused')).toEqual(['unhealthy', false, '0 of 2 healthy'])
    expect(health('new')).toEqual(['unknown', true, '0 of 1 healthy'])
  })

  test.each([
    ['healthy', 'healthy'],
    ['unstable', 'unstable'],
    ['register', 'unknown'],
  ] as [ServiceAction, string][])(
    'without instances it is what was announced: %s',
    (action, is) => {
      const driver = new CoreDriver(serde)
      driver.serviceEvent(serviceEvent({ bare: true, action, atMs: START_MS }))
      driver.step()
      expect(driver.health('shop', null)).toMatchObject({
        health: is,
        reason: 'no instances known',
      })
    },
  )
})
