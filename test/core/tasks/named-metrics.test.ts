// Metrics with names of the user's own, from records to alerts, policies and dead letters, in a
// whole task.
import { expect, test } from 'vitest'
import type { NamedMetric } from '../../../src/contracts/records.ts'
import { METRIC_STALE_MS } from '../../../src/core/health/own-metrics.ts'
import type { CoreDriver } from '../../support/core-driver.ts'
import { policy } from '../../support/records.ts'
import { readScript, run } from '../../scenario/scripts.ts'
import { testSerde } from '../../support/core-driver.ts'
import { seconds, sensing, telling } from './sense-world.ts'

const metric = (name: string, value: number): NamedMetric => ({ name, value })

function tell(driver: CoreDriver, metrics: readonly NamedMetric[]): void {
  driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { metrics }))
}

const rulesTold = (driver: CoreDriver): readonly string[] =>
  driver.bodies('alerts').map(({ rule, state }) => `${rule} ${state}`)

test('S0-52: six injected conditions are six alerts, each with its tier and route', async () => {
  const world = run(readScript('six-alerts'), await testSerde())
  const alerts = world.driver.bodies('alerts').filter(({ state }) => state === 'firing')
  expect(alerts.map(({ rule, tier, route }) => `${rule} ${tier} ${route}`).sort()).toEqual([
    'CacheHitRateLow medium ticket',
    'CoreApiLatencyJump high page',
    'DatabasePoolExhausted high page',
    'ErrorLogsFrequent low digest',
    'ProbeTimeouts low digest',
    'TaskBacklog medium ticket',
  ])
  expect(new Set(world.driver.bodies('alerts').map(({ fingerprint }) => fingerprint)).size).toBe(6)
})

test('S0-52: a thousand repeats are one alert; low alone never pages', async () => {
  const driver = await sensing(['shop-1'])
  seconds(driver, 2_000, (s) => tell(driver, [metric('probe_timeouts', s % 2)]))
  seconds(driver, 302, () => tell(driver, [metric('probe_timeouts', 0)]))
  const alerts = driver.bodies('alerts')
  expect(new Set(alerts.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  expect(alerts.at(-1)).toMatchObject({ state: 'resolved', count: 1_000 })
  expect(new Set(alerts.map(({ route }) => route))).toEqual(new Set(['digest']))
})

test('a policy acts by the name of a metric', async () => {
  const driver = await sensing(['shop-1'])
  const document = {
    apiVersion: 'healstream.io/v1',
    kind: 'HealPolicy',
    metadata: { name: 'full-queue' },
    spec: {
      match: { services: ['*'] },
      mode: 'enforce',
      trigger: 'metrics["queue_depth"] > 100.0',
      action: 'restart_instance',
    },
  }
  driver.policy(policy({ name: 'full-queue', kind: 'HealPolicy', version: 1, document }))
  driver.step()
  seconds(driver, 5, () => tell(driver, [metric('queue_depth', 100)]))
  expect(driver.bodies('incidents').filter(({ event }) => event === 'matched')).toEqual([])
  seconds(driver, 5, () => tell(driver, [metric('queue_depth', 101)]))
  const first = driver.bodies('incidents').find(({ event }) => event === 'matched')
  expect(first).toMatchObject({ service: 'shop', instance: 'shop-1' })
})

test('a metric that is not told again is not known after a while, and its alert ends', async () => {
  const driver = await sensing(['shop-1'])
  seconds(driver, 3, () => tell(driver, [metric('probe_timeouts', 1)]))
  expect(rulesTold(driver)).toEqual(['ProbeTimeouts firing'])
  seconds(driver, METRIC_STALE_MS / 1_000 + 290, () => tell(driver, []))
  expect(rulesTold(driver).filter((told) => told.endsWith('resolved'))).toEqual([])
  seconds(driver, 20, () => tell(driver, []))
  expect(rulesTold(driver).at(-1)).toBe('ProbeTimeouts resolved')
})

test('what a spool tells of long ago is no metric of now', async () => {
  const driver = await sensing(['shop-1'])
  const late = { atMs: driver.nowMs - METRIC_STALE_MS, ok: 20, lane: 'backlog' } as const
  driver.telemetry(telling(late, { metrics: [metric('probe_timeouts', 1)] }))
  driver.step()
  expect(rulesTold(driver)).toEqual([])
})

test('one that cannot be taken is refused, and takes nothing else with it', async () => {
  for (const [bad, why] of [
    [[metric('pool used', 1)], 'its name is not made of letters'],
    [[metric('', 1)], 'it has no name'],
    [[metric('x'.repeat(65), 1)], 'its name is longer than 64 letters'],
    [[metric('x'.repeat(9_000), 1)], 'its name is longer than 64 letters'],
    [[metric('ok', Number.NaN)], 'its value is no number'],
    [Array.from({ length: 40 }, (_, i) => metric(`m${i}`, i)), 'at most 32 are taken'],
  ] as const) {
    const driver = await sensing(['shop-1'])
    tell(driver, [metric('probe_timeouts', 1), ...bad])
    driver.step()
    const [letter, ...others] = driver.bodies('dlq')
    expect(others).toEqual([])
    expect(letter).toMatchObject({ origin_topic: 'telemetry', reason: 'bad_metric' })
    expect(letter?.detail).toContain(why)
    expect(letter?.detail).toContain('the rest of the record counts')
    expect(letter?.detail).not.toContain('pool used')
    expect(driver.health('shop', 'shop-1')?.windows[1]?.n).toBe(20)
    expect(rulesTold(driver)).toEqual(['ProbeTimeouts firing'])
  }
})

test('further names than are told apart are refused while the known ones go on', async () => {
  const driver = await sensing(['shop-1'])
  const many = Array.from({ length: 31 }, (_, i) => metric(`m${i}`, i))
  tell(driver, [...many, metric('probe_timeouts', 0)])
  driver.step()
  expect(driver.bodies('dlq')).toEqual([])
  tell(driver, [metric('one_more', 1), metric('probe_timeouts', 1)])
  driver.step()
  expect(driver.bodies('dlq')[0]?.detail).toContain('at most 32 are told apart')
  expect(rulesTold(driver)).toEqual(['ProbeTimeouts firing'])
})

test('a source that tells nothing but bad ones is refused within its budget', async () => {
  const driver = await sensing(['shop-1'])
  seconds(driver, 50, () => tell(driver, [metric('a-b', 1)]))
  expect(driver.bodies('dlq').length).toBeLessThanOrEqual(11)
  expect(driver.health('shop', 'shop-1')?.windows[1]?.n).toBeGreaterThanOrEqual(900)
})
