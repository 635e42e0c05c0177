// S0-47 with a balancer that does what hs.health says and an instance that needs 20 s to start and
// is slow to warm up: no request before it is ready, no errors while its share grows, and taken out
// but not restarted when its readiness fails later. The same without the ramp is the proof that the
// instance would have failed.
import { expect, test } from 'vitest'
import { BEHAVIOUR_JUDGEMENT } from '../../../src/core/kernel/behaviour.ts'
import { CoreDriver, testSerde } from '../../support/core-driver.ts'
import { delta, heartbeat, policy, probe, serviceEvent } from '../../support/records.ts'

const serde = await testSerde()
const NEW = 'shop-3'
const ALL = ['shop-1', 'shop-2', NEW]
/** Requests of the whole service in a second. */
const RATE = 200
const START_S = 20
const SETTLED_S = 60

/** What the new one can serve in a second, so long after it was ready. */
const capacity = (readyS: number): number => 40 + 4 * Math.max(0, readyS)

class Balancer {
  readonly driver: CoreDriver = new CoreDriver(serde, { behaviour: BEHAVIOUR_JUDGEMENT })
  readonly hasRamp: boolean
  there: readonly string[] = ALL.slice(0, 2)
  /** Requests to the new one, and those that failed, second by second. */
  readonly sent: number[] = []
  readonly failed: number[] = []

  constructor(hasRamp: boolean) {
    this.hasRamp = hasRamp
    const { driver } = this
    const spec = { match: { services: ['*'] }, mode: 'enforce', trigger: 'health == "unhealthy"' }
    const document = {
      apiVersion: 'healstream.io/v1',
      kind: 'HealPolicy',
      metadata: { name: 'restart' },
      spec: { ...spec, action: 'restart_instance' },
    }
    driver.policy(policy({ kind: 'HealPolicy', name: 'restart', document }))
    for (const instance of ALL.slice(0, 2)) {
      driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs }))
      driver.signal(probe({ instance, atMs: driver.nowMs, verdict: 'up' }))
    }
    driver.step()
    // Until the others have their whole share.
    this.serve(SETTLED_S, -SETTLED_S)
    this.there = ALL
    driver.serviceEvent(serviceEvent({ instance: NEW, atMs: driver.nowMs, lifecycle: 'standby' }))
    driver.step()
  }

  ready(version: number, lifecycle: 'ready' | 'standby'): void {
    const words = { instance: NEW, action: 'renew', version, lifecycle } as const
    this.driver.serviceEvent(serviceEvent({ ...words, atMs: this.driver.nowMs }))
    this.driver.step()
  }

  /** Seconds of traffic, shared out by the weights that were told last. */
  serve(seconds: number, readyS: number): void {
    const { driver } = this
    for (let s = 0; s < seconds; s++) {
      const weights = this.there.map((instance) => {
        const view = driver.health('shop', instance)
        const weight = view?.routable === true ? view.weight_percent : 0
        return !this.hasRamp && weight > 0 ? 100 : weight
      })
      const whole = weights.reduce((sum, weight) => sum + weight, 0)
      this.there.forEach((instance, i) => {
        const n = Math.round((RATE * (weights[i] ?? 0)) / whole)
        const failed = instance === NEW ? Math.max(0, n - capacity(readyS + s)) : 0
        if (instance === NEW) {
          this.sent.push(n)
          this.failed.push(failed)
        }
        driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: n - failed, failed }))
        driver.signal(heartbeat({ instance, atMs: driver.nowMs }))
      })
      driver.step()
      driver.sleep(1_000)
    }
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0)

test('S0-47: nothing before it is ready, a ramp without errors, then out, not restarted', () => {
  const balancer = new Balancer(true)
  const { driver, sent, failed } = balancer
  balancer.serve(START_S, -START_S)
  expect(sum(sent)).toBe(0)
  balancer.ready(2, 'ready')
  balancer.serve(60, 0)
  expect(sent.slice(START_S, START_S + 3)).toEqual([26, 26, 26])
  expect(sent.at(-1)).toBe(67)
  expect(sum(failed)).toBe(0)
  balancer.ready(3, 'standby')
  const before = sent.length
  balancer.serve(30, 60)
  expect(sum(sent.slice(before))).toBe(0)
  const told = driver.bodies('incidents').filter(({ state }) => state !== 'unknown')
  expect(told).toEqual([])
  expect(driver.bodies('commands')).toEqual([])
})

test('S0-47: with its whole share at once it would have failed', () => {
  const balancer = new Balancer(false)
  balancer.serve(START_S, -START_S)
  balancer.ready(2, 'ready')
  balancer.serve(5, 0)
  expect(sum(balancer.sent.slice(0, START_S))).toBe(0)
  expect(sum(balancer.failed) / sum(balancer.sent)).toBeGreaterThan(0.1)
})
