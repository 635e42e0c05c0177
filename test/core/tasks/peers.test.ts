// Gray failure: one of many is far worse than the others, and better than every absolute limit.
import { expect, test } from 'vitest'
import { delta } from '../../support/records.ts'
import { seconds, sensing, signalsOf } from './sense-world.ts'

const NAMES = Array.from({ length: 10 }, (_, i) => `shop-${i + 1}`)
/** 90 s of ten instances; those of `bad` are slower, below the absolute limits. */
async function fleet(bad: readonly string[]): ReturnType<typeof sensing> {
  const driver = await sensing(NAMES)
  seconds(driver, 90, (s) => {
    for (const instance of NAMES) {
      const isBad = s >= 20 && bad.includes(instance)
      const latencyUs = isBad ? 300_000 : 20_000 + (s % 5) * 1_000
      driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: 10, latencyUs }))
    }
  })
  return driver
}

test('one slow one of ten is told, and keeps its health', async () => {
  const driver = await fleet(['shop-3'])
  expect(signalsOf(driver, 'shop-3')).toEqual(['peers_latency'])
  expect(driver.health('shop', 'shop-3')?.health).not.toBe('unhealthy')
  for (const name of NAMES) if (name !== 'shop-3') expect(signalsOf(driver, name)).toEqual([])
})

test('above 21.7 % of equally bad peers it is blind, as its model says', async () => {
  const driver = await fleet(['shop-1', 'shop-2', 'shop-3'])
  for (const name of NAMES) expect(signalsOf(driver, name)).toEqual([])
})

test('it ends when it is as the others again', async () => {
  const driver = await fleet(['shop-3'])
  seconds(driver, 90, () => {
    for (const instance of NAMES) driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: 10 }))
  })
  expect(signalsOf(driver, 'shop-3')).toEqual([])
})

test('nothing is compared with too few requests', async () => {
  const driver = await sensing(NAMES)
  seconds(driver, 60, () => {
    for (const instance of NAMES) {
      const latencyUs = instance === 'shop-3' ? 300_000 : 20_000
      driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: 1, latencyUs }))
    }
  })
  expect(signalsOf(driver, 'shop-3')).toEqual([])
})
