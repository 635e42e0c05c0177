// Rows of the requirements about who exists and who gets traffic, played on a whole service task:
// each names its row. What takes long runs in full where HEALSTREAM_TEST_FULL is set.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { BEHAVIOUR_JUDGEMENT } from '../../../src/core/kernel/behaviour.ts'
import { CoreDriver, START_MS, testSerde } from '../../support/core-driver.ts'
import { delta, heartbeat, probe, serviceEvent } from '../../support/records.ts'

const IS_FULL = process.env['HEALSTREAM_TEST_FULL'] !== undefined

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

const driverOf = (): CoreDriver => new CoreDriver(serde, { behaviour: BEHAVIOUR_JUDGEMENT })

/** Lets a second pass in which the instances are heard, and steps as asked. */
function second(driver: CoreDriver, instances: readonly string[], failed = 0): void {
  for (const instance of instances) {
    const counts = { ok: 100 - failed, failed }
    driver.telemetry(delta({ instance, atMs: driver.nowMs, ...counts }))
    driver.signal(heartbeat({ instance, atMs: driver.nowMs }))
  }
  driver.step()
  driver.sleep(1_000)
}

function register(driver: CoreDriver, instance: string, words: object = {}): void {
  driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs, ...words }))
}

/** Weights of an instance as they were told, with the time since `fromMs`. */
function weights(driver: CoreDriver, instance: string, fromMs: number): string[] {
  const told: string[] = []
  let last = -1
  for (const { atMs, topic, body } of driver.written) {
    if (topic !== 'health' || body?.instance !== instance || atMs < fromMs) continue
    if (body.weight_percent !== last) told.push(`${(atMs - fromMs) / 1_000} ${body.weight_percent}`)
    last = body.weight_percent
  }
  return told
}

test('S4-25: failed, out, well, in again in steps: ten cycles, each like the first', () => {
  const driver = driverOf()
  const both = ['shop-1', 'shop-2']
  for (const instance of both) register(driver, instance)
  for (const instance of both) driver.signal(probe({ instance, atMs: driver.nowMs, verdict: 'up' }))
  for (let i = 0; i < 60; i++) second(driver, both)
  const cycles: string[][] = []
  for (let cycle = 0; cycle < (IS_FULL ? 10 : 2); cycle++) {
    const fromMs = driver.nowMs
    driver.signal(probe({ instance: 'shop-2', atMs: fromMs, verdict: 'down' }))
    for (let i = 0; i < 20; i++) second(driver, both)
    driver.signal(probe({ instance: 'shop-2', atMs: driver.nowMs, verdict: 'up' }))
    for (let i = 0; i < 60; i++) second(driver, both)
    cycles.push(weights(driver, 'shop-2', fromMs).slice(-4))
    for (let i = 0; i < 11; i++) {
      driver.sleep(50_000)
      second(driver, both)
    }
  }
  expect(cycles[0]).toEqual(['0 0', '22 30', '37 60', '52 100'])
  for (const cycle of cycles) expect(cycle).toEqual(cycles[0])
  expect(driver.bodies('commands')).toEqual([])
})

describe('S0-24: around its limit for ten minutes, at most two transitions', () => {
  test.each(IS_FULL ? [1, 2, 5, 10, 20, 30] : [5, 20])(
    'errors that alternate every %i s',
    (half) => {
      const driver = driverOf()
      register(driver, 'shop-1')
      for (let i = 0; i < 600; i++)
        second(driver, ['shop-1'], Math.floor(i / half) % 2 === 0 ? 8 : 2)
      expect(transitions(driver)).toBeLessThanOrEqual(2)
    },
  )

  test.each([50, 100, 200, 900])('beats that come %i ms late and in time, by turns', (late) => {
    const driver = driverOf()
    register(driver, 'shop-1')
    driver.signal(probe({ instance: 'shop-1', atMs: driver.nowMs, verdict: 'up' }))
    driver.step()
    for (let i = 0; i < 120; i++) {
      driver.sleep(5_000 + (i % 2 === 0 ? late : -late))
      driver.signal(heartbeat({ instance: 'shop-1', atMs: driver.nowMs }))
      driver.step()
    }
    expect(transitions(driver)).toBeLessThanOrEqual(2)
  })

  test('whatever its period, something that comes and goes soon stands still', () => {
    for (const half of IS_FULL ? [3, 7, 15, 40] : [15]) {
      const driver = driverOf()
      register(driver, 'shop-1')
      for (let i = 0; i < 600; i++) {
        const atMs = driver.nowMs
        const verdict = Math.floor(i / half) % 2 === 0 ? 'up' : 'down'
        if (i % half === 0) driver.signal(probe({ instance: 'shop-1', atMs, verdict }))
        second(driver, ['shop-1'])
      }
      const shares = weights(driver, 'shop-1', START_MS + 300_000)
      // In the second half of it, at the most what it has after an unhealthy stay.
      expect(shares.every((share) => Number(share.split(' ')[1]) <= 60)).toBe(true)
    }
  })
})

/** Changes of a health that was known. */
function transitions(driver: CoreDriver): number {
  const told = driver.bodies('health').filter(({ instance }) => instance === 'shop-1')
  const healths = told.map(({ health }) => health).filter((health) => health !== 'unknown')
  return healths.filter((health, i) => i > 0 && health !== healths[i - 1]).length
}

test('S0-47: no request before it is ready, then a ramp; failing readiness takes it out', () => {
  const driver = driverOf()
  register(driver, 'shop-1', { lifecycle: 'standby' })
  const fromMs = driver.nowMs
  for (let i = 0; i < 20; i++) second(driver, ['shop-1'])
  register(driver, 'shop-1', { action: 'renew', version: 2, lifecycle: 'ready' })
  for (let i = 0; i < 60; i++) second(driver, ['shop-1'])
  register(driver, 'shop-1', { action: 'renew', version: 3, lifecycle: 'standby' })
  for (let i = 0; i < 5; i++) second(driver, ['shop-1'])
  expect(weights(driver, 'shop-1', fromMs)).toEqual(['0 0', '20 30', '35 60', '50 100', '80 0'])
  expect(driver.bodies('commands')).toEqual([])
})

test('S1-43: a thousand instances at once: all within a minute, 100 in a second at most', () => {
  const driver = driverOf()
  for (let i = 0; i < 1_000; i++) register(driver, `shop-${i}`)
  driver.step()
  driver.sleep(60_000)
  const ready = driver.written.flatMap(({ atMs, topic, body }) => {
    return topic === 'registry' && body?.lifecycle === 'ready' ? [atMs] : []
  })
  expect(ready).toHaveLength(1_000)
  for (const atMs of ready) {
    const within = ready.filter((other) => other > atMs - 1_000 && other <= atMs)
    expect(within.length).toBeLessThanOrEqual(100)
  }
  expect((ready.at(-1) ?? 0) - START_MS).toBeLessThanOrEqual(60_000)
  const hints = driver.bodies('registry').flatMap(({ retry_ms: ms = 0 }) => (ms > 0 ? [ms] : []))
  expect(hints).toHaveLength(900)
  expect(hints.reduce((a, b) => Math.max(a, b))).toBe(9_000)
})

describe('S3-01', () => {
  test('churn of 100 instances a second: at the end the view is the truth', () => {
    const driver = driverOf()
    const truth = new Map<string, string>()
    const lives = new Map<string, number>()
    let seed = 7
    const draw = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const seconds = IS_FULL ? 300 : 10
    for (let i = 0; i < seconds; i++) {
      for (let k = 0; k < 100; k++) {
        const instance = `shop-${draw(2_000)}`
        const key = `s${draw(1)}-${instance}`
        const life = lives.get(key) ?? 0
        if (truth.get(instance) === 'ready') {
          register(driver, instance, { action: 'deregister', incarnation: life, version: 2 })
          truth.set(instance, 'gone')
          // Words about the life that has ended, from another producer, late.
          register(driver, instance, { action: 'renew', incarnation: life, version: 1 })
        } else {
          lives.set(key, life + 1)
          register(driver, instance, { incarnation: life + 1 })
          truth.set(instance, 'ready')
        }
      }
      driver.step()
      driver.sleep(1_000)
      // Whoever lives is heard.
      if (i % 10 === 8) for (const [one, is] of truth) if (is === 'ready') beat(driver, one, lives)
    }
    driver.step()
    driver.sleep(5_000)
    const view = new Map<string, string>()
    for (const { topic, key, body } of driver.written) {
      if (topic !== 'registry') continue
      if (body === null) view.delete(key.slice('shop/'.length))
      else view.set(String(body.instance), body.lifecycle)
    }
    const wanted = [...truth].filter(([one, is]) => is === 'ready' || view.has(one))
    expect(new Map([...view].sort())).toEqual(new Map(wanted.sort()))
    expect(driver.bodies('dlq').length).toBeGreaterThan(0)
  })

  test('one that comes and goes is told to be flapping, as a signal and as a field', () => {
    const driver = driverOf()
    for (let life = 1; life <= 3; life++) {
      register(driver, 'shop-1', { incarnation: life })
      driver.signal(probe({ atMs: driver.nowMs, verdict: 'up', incarnation: life }))
      driver.step()
      driver.sleep(5_000)
      register(driver, 'shop-1', { incarnation: life, version: 2, action: 'deregister' })
      driver.step()
      driver.sleep(5_000)
    }
    const told = driver.health('shop', 'shop-1')
    expect(told).toMatchObject({ flapping: true, signals: ['flapping'], health: 'unknown' })
    driver.sleep(600_000)
    expect(driver.bodies('health').findLast(({ instance }) => instance === 'shop-1')).toMatchObject(
      { flapping: false },
    )
  })

  test('one that is drained each time is not', () => {
    const driver = driverOf()
    for (let life = 1; life <= 3; life++) {
      register(driver, 'shop-1', { incarnation: life })
      driver.signal(probe({ atMs: driver.nowMs, verdict: 'up', incarnation: life }))
      driver.step()
      register(driver, 'shop-1', { incarnation: life, version: 2, action: 'drain' })
      driver.sleep(5_000)
      register(driver, 'shop-1', { incarnation: life, version: 3, action: 'deregister' })
      driver.step()
    }
    expect(driver.health('shop', 'shop-1')?.signals).toEqual([])
  })

  test('an agent that reaches nobody is an island, while others are heard', () => {
    const driver = driverOf()
    const lonely = (peers: number): void => {
      const beat = heartbeat({ instance: 'shop-1', atMs: driver.nowMs })
      const part = beat.heartbeat === null ? null : { ...beat.heartbeat, peers }
      driver.signal({ ...beat, heartbeat: part })
      driver.signal(heartbeat({ instance: 'shop-2', atMs: driver.nowMs }))
      driver.step()
      driver.sleep(1_000)
    }
    lonely(0)
    expect(driver.health('shop', 'shop-1')?.signals).toEqual([])
    lonely(0)
    expect(driver.health('shop', 'shop-1')?.signals).toEqual(['island'])
    lonely(1)
    expect(driver.health('shop', 'shop-1')?.signals).toEqual([])
  })
})

test('C-02: a lease shorter than three beats is told', () => {
  const driver = driverOf()
  register(driver, 'shop-1', { leaseTtlMs: 2_900 })
  driver.signal(heartbeat({ instance: 'shop-1', atMs: driver.nowMs, periodMs: 1_000 }))
  driver.step()
  expect(driver.health('shop', 'shop-1')?.signals).toEqual(['lease_short'])
  register(driver, 'shop-1', { action: 'renew', version: 2, leaseTtlMs: 3_000 })
  driver.step()
  expect(driver.health('shop', 'shop-1')?.signals).toEqual([])
})

function beat(driver: CoreDriver, instance: string, lives: ReadonlyMap<string, number>): void {
  const incarnation = lives.get(`s0-${instance}`) ?? 1
  driver.signal(heartbeat({ instance, incarnation, atMs: driver.nowMs }))
}
