// What signals and deltas make known of an instance, and what makes it forgotten again.
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import {
  begin,
  cutFailures,
  foldCalmly,
  foldCounts,
  foldSignal,
  newVital,
  promisedPeriodMs,
  type Vital,
} from '../../../src/core/health/vital.ts'
import { saveVital } from '../../../src/core/health/vital-image.ts'
import { Slots } from '../../../src/core/kernel/slots.ts'
import { saved } from '../../support/image.ts'
import { connection, heartbeat, probe, processEvent } from '../../support/records.ts'

const place = { topic: 'signals', partition: 0, offset: 1 }
let vital: Vital
beforeEach(() => {
  vital = newVital({ service: serviceId('shop'), instance: instanceId('shop-1') }, 1, 0)
})

type Words = Parameters<typeof foldSignal>[1]
const fold = (signal: Words): boolean => foldSignal(vital, signal, { sinceMs: signal.at_ms, place })
const count = (n: number, errors: number, eventMs: number): void =>
  foldCounts(vital, { n, errors, eventMs, place })

describe('failures in a row', () => {
  test('add up over deltas without any success, and one success ends them', () => {
    count(2, 2, 1_000)
    count(3, 3, 2_000)
    expect(vital.failures).toMatchObject({ count: 5, sinceMs: 1_000 })
    count(0, 0, 3_000)
    expect(vital.failures?.count).toBe(5)
    count(10, 9, 3_000)
    expect(vital.failures).toBeNull()
  })

  test('a late delta neither lengthens nor ends them', () => {
    count(5, 5, 5_000)
    count(7, 7, 4_000)
    count(7, 0, 4_999)
    expect(vital.failures?.count).toBe(5)
  })

  test('from before an act are forgotten, and late ones from before it do not count', () => {
    count(5, 5, 5_000)
    cutFailures(vital, 5_500)
    expect(vital.failures).toBeNull()
    count(5, 5, 5_400)
    expect(vital.failures).toBeNull()
    count(5, 5, 6_000)
    expect(vital.failures?.count).toBe(5)
  })
})

describe('a refused connection', () => {
  test('stands until a connection is opened, a probe is up or a request succeeds', () => {
    const ends: (() => void)[] = [
      () => void fold(connection({ atMs: 300, event: 'opened' })),
      () => void fold(probe({ atMs: 300, verdict: 'up' })),
      () => count(1, 0, 300),
    ]
    for (const end of ends) {
      begin(vital, 1)
      fold(connection({ atMs: 100, event: 'refused' }))
      fold(connection({ atMs: 200, event: 'refused' }))
      expect(vital.refused?.sinceMs).toBe(100)
      end()
      expect(vital.refused).toBeNull()
    }
  })

  test('does not end by what happened before it', () => {
    fold(connection({ atMs: 1_400, event: 'refused' }))
    count(10, 0, 1_000)
    fold(probe({ atMs: 1_399, verdict: 'up' }))
    fold(connection({ atMs: 1_399, event: 'opened' }))
    expect(vital.refused).not.toBeNull()
  })

  // A worker that had caught up read ten seconds at once, telemetry before signals: a refusal and
  // an exit stood against an instance whose later successes had been read already, and it was
  // restarted. A refusal out of a spool, an hour old, did the same.
  test.each([
    ['request that succeeded', () => count(1, 0, 300)],
    ['probe that was up', () => void fold(probe({ atMs: 300, verdict: 'up' }))],
  ])('or an exit is nothing any more when a later %s has been read before it', (_what, answer) => {
    answer()
    fold(connection({ atMs: 299, event: 'refused' }))
    fold(processEvent({ atMs: 299, event: 'exited' }))
    expect(vital).toMatchObject({ refused: null, exited: null })
    fold(connection({ atMs: 301, event: 'refused' }))
    fold(processEvent({ atMs: 301, event: 'exited' }))
    expect(vital.refused?.sinceMs).toBe(301)
    expect(vital.exited?.sinceMs).toBe(301)
  })

  test('seen from another host says nothing', () => {
    fold(connection({ atMs: 100, event: 'refused', local: false }))
    expect(vital.refused).toBeNull()
  })
})

describe('probes', () => {
  test('the newest verdict stands; its onset is when it began', () => {
    fold(probe({ atMs: 100, verdict: 'down' }))
    fold(probe({ atMs: 200, verdict: 'down' }))
    expect(vital.probe).toMatchObject({ verdict: 'down', sinceMs: 100, atMs: 200 })
    fold(probe({ atMs: 150, verdict: 'up' }))
    expect(vital.probe?.verdict).toBe('down')
    fold(probe({ atMs: 300, verdict: 'up' }))
    expect(vital.probe).toMatchObject({ verdict: 'up', sinceMs: 300 })
  })
})

// An instance crashed while its agent could not reach the log. The verdict, told once, was lost;
// when the agent was heard again the instance counted as healthy for ever by an old probe.
describe('the state in a beat', () => {
  const beat = (atMs: number, state: string): void =>
    void fold(heartbeat({ atMs, level: 2, state }))

  test('stands for a verdict that was lost, in both directions', () => {
    fold(probe({ atMs: 100, verdict: 'up' }))
    beat(200, 'down')
    expect(vital.probe).toMatchObject({ verdict: 'down', sinceMs: 200, local: true })
    fold(connection({ atMs: 250, event: 'refused' }))
    beat(300, 'up')
    expect(vital.probe).toMatchObject({ verdict: 'up', sinceMs: 300 })
    expect(vital.refused).toBeNull()
  })

  test('says nothing while restarting or unknown, when it agrees, or when it is older', () => {
    fold(probe({ atMs: 100, verdict: 'down' }))
    beat(200, 'restarting')
    beat(200, 'unknown')
    beat(200, 'down')
    beat(100, 'up')
    expect(vital.probe).toMatchObject({ verdict: 'down', atMs: 100, failures: 3 })
  })
})

describe('processes', () => {
  test('an exit stands with how it ended; a start after it begins anew', () => {
    fold(processEvent({ atMs: 100, event: 'exited', code: 3 }))
    expect(vital.exited?.how).toBe('code 3')
    expect(fold(processEvent({ atMs: 99, event: 'started' }))).toBe(false)
    expect(fold(processEvent({ atMs: 101, event: 'started' }))).toBe(true)
  })

  test('a start with nothing against the instance is no news', () => {
    fold(probe({ atMs: 50, verdict: 'up' }))
    expect(fold(processEvent({ atMs: 101, event: 'started' }))).toBe(false)
  })

  test('how it ended, when nobody knows', () => {
    fold(processEvent({ atMs: 100, event: 'exited' }))
    expect(vital.exited?.how).toBe('in an unknown way')
  })
})

test('the calm way of counting is the other one, wherever it says yes', () => {
  const delta = fc.record({
    n: fc.nat(3),
    errors: fc.nat(3),
    eventMs: fc.nat(9),
    place: fc.record({
      topic: fc.constant('telemetry'),
      partition: fc.constant(0),
      offset: fc.nat(99),
    }),
  })
  let calmly = 0
  fc.assert(
    fc.property(fc.array(delta), (deltas) => {
      const at = { service: serviceId('shop'), instance: instanceId('shop-1') }
      const slots = new Slots()
      const slot = slots.take()
      const one = newVital(at, 1, 0, { slots, slot })
      const other = newVital(at, 1, 0)
      for (const counted of deltas) {
        const isDone = one.failures === null && foldCalmly(slots, slot, counted)
        if (isDone) calmly += 1
        else foldCounts(one, counted)
        foldCounts(other, counted)
        expect(saved((to) => saveVital(one, to))).toEqual(saved((to) => saveVital(other, to)))
      }
    }),
  )
  expect(calmly).toBeGreaterThan(50)
})

test('the shortest period promised at any level counts', () => {
  expect(promisedPeriodMs(vital)).toBe(0)
  fold(heartbeat({ atMs: 1, level: 3, periodMs: 60_000 }))
  expect(promisedPeriodMs(vital)).toBe(60_000)
  fold(heartbeat({ atMs: 2, level: 1, periodMs: 2_000 }))
  fold(heartbeat({ atMs: 3, level: 9, periodMs: 1 }))
  expect(promisedPeriodMs(vital)).toBe(2_000)
})
