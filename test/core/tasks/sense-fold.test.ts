// What instances tell beside requests, from records to what the views say, in a whole task.
import { expect, test } from 'vitest'
import type { Signal } from '../../../src/contracts/records.ts'
import { breaker as breakerOf } from '../../../src/roles/scenario/records.ts'
import { heartbeat, policy, probe } from '../../support/records.ts'
import { detectors, seconds, sensing, signalsOf, stat, telling } from './sense-world.ts'

const WELL = { rtt: stat(2), loss: stat(0, 20), cpu: stat(0.2), run_queue_wait: stat(5) }

test('S0-38: each signal alone is told and changes no health', async () => {
  for (const [name, bad] of [
    ['rtt', { rtt: stat(9) }],
    ['loss', { loss: stat(0.3, 20) }],
    ['cpu_wait', { run_queue_wait: stat(250) }],
  ] as const) {
    const driver = await sensing(['shop-1'])
    driver.signal(probe({ atMs: driver.nowMs, verdict: 'up' }))
    seconds(driver, 40, (s) => {
      const gauges = s < 20 ? WELL : { ...WELL, ...bad }
      driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
    })
    expect(signalsOf(driver, 'shop-1')).toEqual([name])
    expect(driver.health('shop', 'shop-1')?.health).toBe('healthy')
  }
})

test('S0-38: two together are unstable, or what somebody says, and are named', async () => {
  for (const severity of ['unstable', 'unhealthy'] as const) {
    const driver = await sensing(['shop-1'])
    detectors(driver, { fusion: { severity } })
    driver.signal(probe({ atMs: driver.nowMs, verdict: 'up' }))
    seconds(driver, 40, (s) => {
      const gauges = s < 20 ? WELL : { ...WELL, rtt: stat(9), loss: stat(0.3, 20) }
      driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
    })
    expect(signalsOf(driver, 'shop-1')).toEqual(['fusion', 'rtt', 'loss'])
    expect(driver.health('shop', 'shop-1')).toMatchObject({ health: severity })
    expect(driver.health('shop', 'shop-1')?.reason).toContain('(rtt, loss)')
  }
})

test('gauges that are not told again end what they began', async () => {
  const driver = await sensing(['shop-1'])
  seconds(driver, 30, (s) => {
    const gauges = { rtt: stat(s < 20 ? 2 : 9) }
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
  })
  expect(signalsOf(driver, 'shop-1')).toEqual(['rtt'])
  seconds(driver, 40, () => driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, {})))
  expect(signalsOf(driver, 'shop-1')).toEqual([])
})

test('S3-12, S3-13: error lines and failing tasks', async () => {
  const driver = await sensing(['shop-1'])
  const logs = { debug: 0, info: 5, warn: 0, error: 60, fatal: 0 }
  const tasks = { succeeded: 1, failed: 2, timed_out: 2 }
  seconds(driver, 3, () => {
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { logs, tasks }))
  })
  expect(signalsOf(driver, 'shop-1')).toEqual(['fusion', 'error_logs', 'task_success'])
})

test('S0-55: a leak is told within five minutes', async () => {
  const driver = await sensing(['shop-1'])
  const MB = 1_048_576
  seconds(driver, 300, (s) => {
    const gauges = { rss: stat(200 * MB + (s * 10 * MB) / 60) }
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
  })
  expect(signalsOf(driver, 'shop-1')).toContain('memory_leak')
})

const beat = (version: number, atMs: number, level: number = 2): ReturnType<typeof heartbeat> => {
  const signal = heartbeat({ atMs, level, periodMs: 1_000 })
  const { heartbeat: told } = signal
  if (told === null) throw new Error('a heartbeat')
  return { ...signal, heartbeat: { ...told, config_version: version } }
}

test('S1-15: one that is frozen on an old version is found within 15 s', async () => {
  const driver = await sensing(['shop-1'])
  detectors(driver, { config_drift: { version: 7 } })
  seconds(driver, 16, () => driver.signal(beat(6, driver.nowMs)))
  expect(signalsOf(driver, 'shop-1')).toEqual(['config_drift'])
  const first = driver.written.findIndex(({ topic, body }) => {
    return topic === 'health' && JSON.stringify(body).includes('config_drift')
  })
  const atMs = driver.written[first]?.atMs ?? 0
  expect(atMs - 1_800_000_000_000).toBeGreaterThan(10_000)
  expect(atMs - 1_800_000_000_000).toBeLessThanOrEqual(15_000)
  seconds(driver, 2, () => driver.signal(beat(7, driver.nowMs)))
  expect(signalsOf(driver, 'shop-1')).toEqual([])
})

test('S1-24: 30, 90 and 240 s without a level, and not a second before', async () => {
  const driver = await sensing(['shop-1', 'shop-2'])
  const promised = [10_000, 30_000, 120_000]
  promised.forEach((periodMs, i) => {
    driver.signal(heartbeat({ atMs: driver.nowMs, level: i + 1, periodMs }))
  })
  const begunMs = driver.nowMs
  const told = new Map<number, number>()
  seconds(driver, 245, () => {
    for (const instance of ['shop-1', 'shop-2']) {
      driver.telemetry(telling({ instance, atMs: driver.nowMs, ok: 5 }, {}))
    }
    const levels = signalsOf(driver, 'shop-1').filter((name) => name.startsWith('heartbeat_level'))
    if (!told.has(levels.length)) told.set(levels.length, driver.nowMs - begunMs)
  })
  for (const [count, dueMs] of [
    [1, 30_000],
    [2, 90_000],
    [3, 240_000],
  ] as const) {
    expect(told.get(count), `${count} levels`).toBeGreaterThanOrEqual(dueMs)
    expect(told.get(count), `${count} levels`).toBeLessThanOrEqual(dueMs + 2_000)
  }
})

const asked = (driver: { bodies(topic: 'incidents'): readonly { summary: string }[] }): number =>
  driver.bodies('incidents').filter(({ summary }) => summary.startsWith('probe_request')).length

/** shop-1 beats for 10 s and falls silent; shop-2 goes on, and may see it from afar. */
async function silent(verdict: 'up' | 'down' | null): ReturnType<typeof sensing> {
  const driver = await sensing(['shop-1', 'shop-2'])
  seconds(driver, 25, (s) => {
    if (s < 10) driver.signal(heartbeat({ atMs: driver.nowMs }))
    driver.signal(heartbeat({ instance: 'shop-2', atMs: driver.nowMs }))
    if (verdict === null || asked(driver) === 0) return
    const at = { atMs: driver.nowMs, agent: 'agent-of-shop-2', local: false }
    driver.signal(probe({ ...at, verdict }))
  })
  return driver
}

test('S0-29: no probe is asked for in normal running, one for each silence', async () => {
  const well = await sensing(['shop-1', 'shop-2'])
  seconds(well, 600, () => {
    for (const instance of ['shop-1', 'shop-2'])
      well.signal(heartbeat({ instance, atMs: well.nowMs }))
  })
  expect(asked(well)).toBe(0)
  expect(asked(await silent(null))).toBe(1)
})

test('S0-30, S1-13: silent but reached by others is cut off, not dead', async () => {
  const driver = await silent('up')
  expect(signalsOf(driver, 'shop-1')).toEqual([
    'silence',
    'heartbeat_level_1',
    'evidence_conflict',
    'network_partition',
  ])
  expect(driver.health('shop', 'shop-1')?.health).toBe('unstable')
  expect(driver.bodies('incidents').some(({ event }) => event === 'detected')).toBe(false)
})

test('S0-30: silent and reached by nobody is dead', async () => {
  const driver = await silent('down')
  expect(driver.health('shop', 'shop-1')?.health).toBe('unhealthy')
  expect(driver.bodies('incidents').some(({ event }) => event === 'detected')).toBe(true)
})

test('S1-25: the four combinations of what it says and what a probe elsewhere sees', async () => {
  const combinations = [
    [true, 'up', 'healthy'],
    [true, 'down', 'unstable'],
    [false, 'up', 'unstable'],
    [false, 'down', 'unhealthy'],
  ] as const
  for (const [beats, verdict, health] of combinations) {
    const driver = await sensing(['shop-1', 'shop-2'])
    seconds(driver, 30, (s) => {
      if (beats || s < 5) driver.signal(heartbeat({ atMs: driver.nowMs }))
      driver.signal(heartbeat({ instance: 'shop-2', atMs: driver.nowMs }))
      const seen = s < 5 ? 'up' : verdict
      const at = { atMs: driver.nowMs, agent: 'agent-of-shop-2', local: false }
      driver.signal(probe({ ...at, verdict: seen }))
    })
    expect(driver.health('shop', 'shop-1')?.health, `${beats} ${verdict}`).toBe(health)
  }
})

test('S1-25: a zombie is declared in the time of its probe, not of its heartbeats', async () => {
  const driver = await sensing(['shop-1'])
  seconds(driver, 5, () => driver.signal(heartbeat({ atMs: driver.nowMs })))
  driver.signal(probe({ atMs: driver.nowMs, verdict: 'down', reason: 'timeout' }))
  driver.step()
  expect(driver.health('shop', 'shop-1')?.health).toBe('unhealthy')
})

test('S3-19, S1-35: series are sampled where they are on, and told', async () => {
  const driver = await sensing(['shop-1'])
  detectors(driver, {
    adaptive: { enabled: true },
    ewma3s: { enabled: true, severity: 'unstable' },
    median_mad: { enabled: true },
  })
  seconds(driver, 340, (s) => {
    const latencyUs = 20_000 + (s % 7) * 300 + (s < 300 ? 0 : 40_000)
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 10, latencyUs }, {}))
  })
  const found = signalsOf(driver, 'shop-1')
  expect(found).toEqual(['ewma3s_latency', 'adaptive_latency', 'median_mad_latency'])
  expect(driver.health('shop', 'shop-1')?.health).toBe('unstable')
})

test('other settings begin anew; switched off, nothing is told', async () => {
  const driver = await sensing(['shop-1'])
  const tick = (s: number): void => {
    const gauges = { rtt: stat(s < 20 ? 2 : 9) }
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
  }
  seconds(driver, 30, tick)
  expect(signalsOf(driver, 'shop-1')).toEqual(['rtt'])
  detectors(driver, { rtt: { enabled: false } })
  seconds(driver, 5, () => tick(30))
  expect(signalsOf(driver, 'shop-1')).toEqual([])
})

test('under behaviour 2 none of it is looked at', async () => {
  const { CoreDriver } = await import('../../support/core-driver.ts')
  const driver = await CoreDriver.create({ behaviour: 2 })
  seconds(driver, 40, (s) => {
    const gauges = s < 20 ? WELL : { ...WELL, rtt: stat(90), loss: stat(1, 20) }
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
  })
  expect(signalsOf(driver, 'shop-1')).toEqual([])
})

test('what stands names the record that began it, over a restore too', async () => {
  const driver = await sensing(['shop-1'])
  const [unstable, unhealthy] = [{ severity: 'unstable' }, { severity: 'unhealthy' }]
  detectors(driver, { rtt: unstable, loss: unstable, fusion: unhealthy })
  driver.signal(probe({ atMs: driver.nowMs, verdict: 'up' }))
  seconds(driver, 40, (s) => {
    if (s === 21) driver.reload()
    const gauges = s < 20 ? WELL : { ...WELL, rtt: stat(9), loss: stat(0.3, 20) }
    driver.telemetry(telling({ atMs: driver.nowMs, ok: 20 }, { gauges }))
  })
  const first = driver.bodies('incidents').find(({ event }) => event === 'detected')
  const told = first?.evidence.map(({ detector, topic, offset }) => {
    return [detector, topic, offset]
  })
  // One delta a second from offset 0; fusion is found by judging, not by a record.
  expect(told).toEqual([
    ['rtt', 'telemetry', 20],
    ['loss', 'telemetry', 22],
    ['fusion', null, null],
  ])
})

const breaker = (name: string, state: 'open' | 'closed' | 'half_open', atMs: number): Signal =>
  breakerOf({ service: 'shop', instance: 'shop-1', agent: 'agent-of-shop-1', name, state, atMs })

test('S0-54: the worst breaker of an instance is known', async () => {
  const driver = await sensing(['shop-1'])
  const alert = {
    apiVersion: 'healstream.io/v1',
    kind: 'AlertPolicy',
    metadata: { name: 'breakers' },
    spec: {
      match: { services: ['*'] },
      rules: [{ alert: 'BreakerOpen', expr: 'breaker_open > 0' }],
    },
  }
  driver.policy(policy({ name: 'breakers', kind: 'AlertPolicy', version: 1, document: alert }))
  driver.step()
  const states = (): readonly string[] => driver.bodies('alerts').map(({ state }) => state)
  const say = (name: string, state: 'open' | 'closed' | 'half_open'): void => {
    driver.signal(breaker(name, state, driver.nowMs))
    seconds(driver, 1, () => undefined)
  }
  say('payments', 'closed')
  say('search', 'half_open')
  expect(states()).toEqual([])
  say('payments', 'open')
  expect(states()).toEqual(['firing'])
  driver.reload()
  say('payments', 'half_open')
  expect(states()).toEqual(['firing', 'resolved'])
  // Only so many are told apart: those beyond are passed over, those that are known go on.
  for (let i = 0; i < 14; i++) say(`b${i}`, 'closed')
  say('one-more', 'open')
  expect(states()).toEqual(['firing', 'resolved'])
  say('b3', 'open')
  expect(states()).toHaveLength(3)
})
