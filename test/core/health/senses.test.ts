// What is sensed is part of the image: a task that goes on from one says what the other says, and
// has the same image at the end.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CoreDriver } from '../../support/core-driver.ts'
import { heartbeat, probe } from '../../support/records.ts'
import { Lcg } from '../../support/lcg.ts'
import { detectors, seconds, sensing, stat, telling } from '../tasks/sense-world.ts'

const NAMES = Array.from({ length: 6 }, (_, i) => `shop-${i + 1}`)
const ALL_ON = {
  adaptive: { enabled: true, everyMs: 2_000 },
  ewma3s: { enabled: true, everyMs: 2_000, severity: 'unstable' },
  median_mad: { enabled: true },
  seasonal: { enabled: true, periodMs: 60_000, bucketMs: 10_000 },
  joint: { enabled: true },
  burn_rate: { enabled: true },
  overload: { cpuCores: 1, memoryBytes: 1_000_000, forMs: 5_000 },
  memory_leak: { everyMs: 1_000, spanMs: 20_000, perMinuteBytes: 1_000 },
}

/** Two minutes of six instances that tell, fall silent, drift and deviate at random. */
function live(driver: CoreDriver, seed: number, cutAt: number): string {
  const lcg = new Lcg(seed)
  seconds(driver, 120, (s) => {
    if (s === cutAt) driver.reload()
    for (const instance of NAMES) {
      const at = { instance, atMs: driver.nowMs }
      const chance = lcg.below(100)
      const bad = (s + seed) % 40 > 25 && instance === 'shop-2'
      if (chance < 6) continue
      const gauges = {
        rtt: stat(bad ? 40 : 2 + lcg.below(3)),
        loss: stat(bad ? 0.5 : 0, 20),
        cpu: stat(lcg.below(120) / 100),
        rss: stat(500_000 + s * 400),
        run_queue_wait: stat(bad ? 400 : 3),
      }
      const logs = { debug: 0, info: 1, warn: 0, error: bad ? 50 : 0, fatal: 0 }
      const tasks = { succeeded: 2, failed: bad ? 3 : 0, timed_out: 0 }
      const told = chance < 60 ? { gauges, logs, tasks } : {}
      const latencyUs = bad ? 400_000 : 15_000 + lcg.below(9_000)
      driver.telemetry(telling({ ...at, ok: 20, failed: bad ? 2 : 0, latencyUs }, told))
      if (chance < 90) driver.signal(heartbeat({ ...at, level: 1 + (s % 3), periodMs: 2_000 }))
      if (chance === 50) driver.signal(probe({ ...at, verdict: 'down', local: false }))
      if (chance === 51) driver.signal(probe({ ...at, verdict: 'up', local: false }))
    }
  })
  const said = driver.written.map(({ atMs, topic, body }) => {
    return `${atMs} ${topic} ${JSON.stringify(body, (_, value: unknown) => {
      return typeof value === 'bigint' ? String(value) : value
    })}`
  })
  return `${said.join('\n')}\n${driver.digest()}`
}

test('goes on from an image as if nothing had happened', { timeout: 60_000 }, async () => {
  const begin = async (): Promise<CoreDriver> => {
    const driver = await sensing(NAMES)
    detectors(driver, ALL_ON)
    return driver
  }
  const whole = live(await begin(), 7, -1)
  expect(whole).toContain('fusion')
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 119 }), async (cutAt) => {
      expect(live(await begin(), 7, cutAt)).toBe(whole)
    }),
    { numRuns: 4 },
  )
})
