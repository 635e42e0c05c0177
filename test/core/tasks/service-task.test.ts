// The service task through its one door: real bytes in, records out.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { CoreDriver, START_MS, testSerde } from '../../support/core-driver.ts'
import {
  connection,
  delta,
  heartbeat,
  probe,
  processEvent,
  serviceEvent,
} from '../../support/records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

/** Two registered instances of shop, both probed as up. */
function twoInstances(): CoreDriver {
  const driver = new CoreDriver(serde)
  for (const instance of ['shop-1', 'shop-2']) {
    driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs }))
    driver.signal(probe({ instance, atMs: driver.nowMs, verdict: 'up' }))
  }
  driver.step()
  return driver
}

/** A second of good traffic and a heartbeat for those named. */
function second(driver: CoreDriver, instances: readonly string[]): void {
  for (const instance of instances) {
    driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: 10 }))
    driver.signal(heartbeat({ instance, atMs: driver.nowMs }))
  }
  driver.step()
  driver.wait(1_000)
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
    const driver = twoInstances()
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
})
