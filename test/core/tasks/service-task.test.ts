// The service task through its one door: real bytes in, records out.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { CoreDriver, START_MS, testSerde } from '../../support/core-driver.ts'
import {
  connection,
  delta,
  heartbeat,
  policy,
  probe,
  processEvent,
  result,
  serviceEvent,
} from '../../support/records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

const BOTH = ['shop-1', 'shop-2']
const RESTART = {
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'restart' },
  spec: {
    match: { services: ['shop'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy"',
    action: 'restart_instance',
  },
}

/** Registered instances of shop, all probed as up. */
function started(instances: readonly string[] = BOTH): CoreDriver {
  const driver = new CoreDriver(serde)
  for (const instance of instances) {
    driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs }))
    driver.signal(probe({ instance, atMs: driver.nowMs, verdict: 'up' }))
  }
  driver.step()
  return driver
}

/** Seconds of traffic and heartbeats of those named. */
function traffic(
  driver: CoreDriver,
  instances: readonly string[],
  { seconds = 1, ok = 10, failed = 0 }: { seconds?: number; ok?: number; failed?: number } = {},
): void {
  for (let i = 0; i < seconds; i++) {
    for (const instance of instances) {
      driver.telemetry(delta({ instance, atMs: driver.nowMs, ok, failed }))
      driver.signal(heartbeat({ instance, atMs: driver.nowMs }))
    }
    driver.step()
    driver.sleep(1_000)
  }
}

const healths = (driver: CoreDriver, instance: string): unknown[] => {
  const own = driver.bodies('health').filter((view) => view.instance === instance)
  return own.map(({ health }) => health).filter((health, i, all) => health !== all[i - 1])
}

describe('health', () => {
  test('an instance is unknown until a probe is up', () => {
    const driver = new CoreDriver(serde)
    driver.serviceEvent(serviceEvent({ atMs: driver.nowMs }))
    expect(driver.step().urgent).toBe(false)
    expect(driver.health('shop', 'shop-1')).toMatchObject({ health: 'unknown', version: 1 })
    driver.wait(50)
    driver.signal(probe({ atMs: driver.nowMs, verdict: 'up' }))
    expect(driver.step().urgent).toBe(true)
    expect(driver.health('shop', 'shop-1')).toMatchObject({ health: 'healthy', version: 2 })
    expect(driver.health('shop', null)).toMatchObject({ health: 'healthy' })
  })

  test('a process that exits is unhealthy in the same step, with its evidence', () => {
    const driver = started()
    driver.signal(processEvent({ atMs: driver.nowMs, event: 'exited', by: 'SIGKILL' }))
    expect(driver.step().urgent).toBe(true)
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      health: 'unhealthy',
      routable: false,
      weight_percent: 0,
      signals: ['process_exit'],
      reason: 'the process ended: SIGKILL',
    })
    expect(driver.health('shop', null)).toMatchObject({ health: 'unstable', routable: true })
  })

  test('a new incarnation starts with an empty window and no findings', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5, ok: 2, failed: 8 })
    expect(driver.health('shop', 'shop-1')).toMatchObject({ health: 'unhealthy' })
    driver.serviceEvent(serviceEvent({ incarnation: 2, atMs: driver.nowMs }))
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      health: 'unknown',
      incarnation: 2,
      signals: [],
      windows: [{ n: 0 }],
    })
    // What the old one still sends is its own: the users of the service saw it, the new one did not
    // do it.
    driver.telemetry(delta({ incarnation: 1, atMs: driver.nowMs, failed: 100 }))
    driver.signal(connection({ incarnation: 1, atMs: driver.nowMs, event: 'refused' }))
    driver.signal(probe({ incarnation: 2, atMs: driver.nowMs, verdict: 'up' }))
    driver.wait(1_000)
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      health: 'healthy',
      windows: [{ n: 0 }],
    })
    expect(driver.health('shop', null)?.windows[0]).toMatchObject({ n: 200, errors: 180 })
  })

  test('counts of a newer incarnation begin it, even before its registration is read', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5, ok: 2, failed: 8 })
    driver.telemetry(delta({ incarnation: 2, atMs: driver.nowMs, ok: 3 }))
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      health: 'unknown',
      incarnation: 2,
      signals: [],
      windows: [{ n: 3, errors: 0 }],
    })
  })

  test('failing requests are found, and recovery is stepwise', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 30 })
    traffic(driver, ['shop-1', 'shop-2'], { seconds: 5, ok: 0, failed: 10 })
    traffic(driver, BOTH, { seconds: 70 })
    expect(healths(driver, 'shop-1')).toEqual(['healthy', 'unhealthy', 'unstable', 'healthy'])
  })

  test('a blip below the limit changes nothing', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 30 })
    traffic(driver, ['shop-1'], { ok: 7, failed: 3 })
    traffic(driver, BOTH, { seconds: 30 })
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
  })
})

test('the effect of an act cuts the window and the failures in a row', () => {
  const driver = started()
  driver.policy(policy({ name: 'restart', document: RESTART }))
  traffic(driver, BOTH, { seconds: 30 })
  traffic(driver, ['shop-1'], { ok: 0, failed: 4 })
  driver.telemetry(delta({ atMs: driver.nowMs, failed: 40 }))
  driver.step()
  const [command] = driver.bodies('commands')
  expect(command?.target).toMatchObject({ instance: 'shop-1', incarnation: 1 })
  expect(driver.health('shop', 'shop-1')?.signals).toEqual(['consecutive_failures', 'success_rate'])
  driver.wait(1_000)
  driver.result(result({ commandId: command?.command_id ?? '' }))
  expect(driver.step().wakeAtMs).toBe(driver.nowMs + 1)
  driver.sleep(1)
  expect(driver.health('shop', 'shop-1')).toMatchObject({ signals: [], windows: [{ n: 0 }] })
  expect(driver.health('shop', null)?.windows[0]).toMatchObject({ errors: 44 })
  // A delta of the time before the act comes late.
  driver.telemetry(delta({ atMs: driver.nowMs - 900, failed: 40 }))
  driver.step()
  expect(driver.health('shop', 'shop-1')).toMatchObject({ signals: [], windows: [{ n: 0 }] })
})

// The reader of the control topics stood still while telemetry went on; a person's hold lay in
// hs.operator, unread, and the restart that it forbade was ordered.
test('nothing is ordered while the words of operators are not being read', () => {
  const driver = started()
  driver.policy(policy({ name: 'restart', document: RESTART }))
  traffic(driver, BOTH, { seconds: 30 })
  const readMs = driver.nowMs
  driver.wait(5_001)
  driver.signal(connection({ instance: 'shop-1', atMs: driver.nowMs, event: 'refused' }))
  const others = { telemetry: driver.nowMs, signals: driver.nowMs, policies: driver.nowMs }
  driver.step({ asOf: { ...others, operator: readMs } })
  expect(driver.bodies('commands')).toEqual([])
  const refusals = driver.bodies('incidents').filter(({ event }) => event === 'refused')
  expect(refusals.map(({ summary }) => summary)).toEqual([
    expect.stringContaining('refused by guard behind'),
  ])
  driver.step({ asOf: { ...others, operator: driver.nowMs } })
  expect(driver.bodies('commands')).toHaveLength(1)
})

describe('silence', () => {
  test('of one of two: unstable at its limit, unhealthy after the dwell, by time alone', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5 })
    traffic(driver, ['shop-2'], { seconds: 12 })
    expect(healths(driver, 'shop-1')).toEqual(['healthy', 'unstable', 'unhealthy'])
    const found = driver.bodies('health').find(({ signals }) => signals.includes('silence'))
    // Last heard at second 4, limit 5 s.
    expect((found?.at_ms ?? 0) - START_MS).toBe(9_000)
  })

  test('of all at once is nothing', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5 })
    driver.sleep(600_000)
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
    traffic(driver, ['shop-2'], { seconds: 3 })
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
    traffic(driver, ['shop-2'], { seconds: 10 })
    expect(healths(driver, 'shop-1')).toEqual(['healthy', 'unstable', 'unhealthy'])
  })

  test('of one is taken back when all fall silent: what was a sign is one no longer', () => {
    const driver = started(['shop-1', 'shop-2', 'shop-3'])
    traffic(driver, ['shop-1', 'shop-2', 'shop-3'], { seconds: 3 })
    traffic(driver, ['shop-2', 'shop-3'], { seconds: 8 })
    expect(driver.health('shop', 'shop-1')?.signals).toEqual(['silence'])
    driver.sleep(10_000)
    expect(driver.health('shop', 'shop-1')).toMatchObject({ signals: [], health: 'unhealthy' })
  })

  test('is not judged while reading lags, and not while behind', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5 })
    const asOf = { telemetry: driver.nowMs, signals: driver.nowMs - 1_000 }
    for (let i = 0; i < 30; i++) {
      driver.wait(1_000)
      driver.signal(heartbeat({ instance: 'shop-2', atMs: driver.nowMs }))
      driver.step({ asOf })
    }
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
    driver.wait(1_000)
    driver.step({ behind: true })
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
  })

  test('a worker that comes back after ten minutes does not see ten minutes of silence', () => {
    const driver = started()
    traffic(driver, BOTH, { seconds: 5 })
    driver.wait(600_000)
    driver.signal(heartbeat({ instance: 'shop-2', atMs: driver.nowMs }))
    driver.step({ behind: true })
    driver.wait(10)
    driver.step()
    driver.wait(10)
    driver.signal(heartbeat({ instance: 'shop-1', atMs: driver.nowMs }))
    driver.step()
    expect(healths(driver, 'shop-1')).toEqual(['healthy'])
  })
})

describe('views', () => {
  test('figures alone are told at most once a second, and the last ones are told', () => {
    const driver = started()
    const before = driver.bodies('health').length
    for (let i = 0; i < 20; i++) {
      driver.telemetry(delta({ atMs: driver.nowMs, ok: 1 }))
      driver.step()
      driver.wait(50)
    }
    driver.sleep(1_000)
    const views = driver
      .bodies('health')
      .slice(before)
      .filter(({ instance }) => instance !== null)
    expect(views.length).toBeLessThanOrEqual(3)
    expect(views.at(-1)?.windows[0]?.n).toBe(20)
  })

  test('outputs come in order of topic and key', () => {
    const driver = started(['b', 'a', 'a/b', 'ä'])
    const keys = driver.last.outputs.map(({ topic, key }) => `${topic} ${key}`)
    expect(keys).toEqual([
      'registry shop/a',
      'registry shop/a%2Fb',
      'registry shop/b',
      'registry shop/ä',
      'health shop',
      'health shop/a',
      'health shop/a%2Fb',
      'health shop/b',
      'health shop/ä',
    ])
  })

  test('who is gone is told, and forgotten with tombstones', () => {
    const driver = started(['shop-1'])
    driver.serviceEvent(serviceEvent({ action: 'deregister', version: 2, atMs: driver.nowMs }))
    driver.step()
    expect(driver.registry('shop', 'shop-1')).toMatchObject({ lifecycle: 'gone' })
    expect(driver.health('shop', 'shop-1')).toMatchObject({ routable: false, weight_percent: 0 })
    driver.sleep(700_000)
    const ends = driver.written.filter(({ body }) => body === null)
    expect(ends.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
      'registry shop/shop-1',
      'health shop',
      'health shop/shop-1',
    ])
    expect(driver.last.wakeAtMs).toBeNull()
  })
})

describe('waking', () => {
  test('a task without instances never asks to be woken', () => {
    expect(new CoreDriver(serde).step().wakeAtMs).toBeNull()
  })

  test('a quiet one asks for the next silence alone, not for every second', () => {
    const driver = started(['shop-1'])
    traffic(driver, ['shop-1'])
    driver.sleep(1_000)
    const { steps } = driver
    const heardMs = START_MS
    expect(driver.last.wakeAtMs).toBe(heardMs + 5_000)
    driver.sleep(100_000)
    // Silence, and the dwell after it.
    expect(driver.steps - steps).toBeLessThanOrEqual(3)
  })

  test('when reading lags behind what is due, it asks again soon but not at once', () => {
    const driver = started(['shop-1'])
    const asOf = { telemetry: driver.nowMs, signals: driver.nowMs }
    driver.wait(5_000)
    const { wakeAtMs } = driver.step({ asOf })
    expect(wakeAtMs).toBe(driver.nowMs + 250)
  })

  test('good requests that leave the window can make the rest too bad: it wakes for that', () => {
    const driver = started(['shop-1'])
    traffic(driver, ['shop-1'], { seconds: 30, ok: 40, failed: 0 })
    driver.telemetry(delta({ atMs: driver.nowMs, ok: 30, failed: 30 }))
    driver.step()
    expect(driver.health('shop', 'shop-1')?.health).toBe('healthy')
    for (let i = 0; i < 60; i++) {
      driver.signal(heartbeat({ atMs: driver.nowMs, periodMs: 60_000 }))
      driver.sleep(1_000)
    }
    expect(healths(driver, 'shop-1')).toContain('unhealthy')
  })
})

test('log time never goes back', () => {
  const driver = started()
  driver.wait(-1)
  expect(() => driver.step()).toThrow('log time goes forward')
})

test('the behaviour in force is part of the state', () => {
  const driver = started()
  const before = driver.digest()
  driver.core.setBehaviour(2)
  expect(driver.digest()).not.toBe(before)
})
