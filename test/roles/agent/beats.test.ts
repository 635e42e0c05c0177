// Heartbeats and renewals on virtual time.
import { expect, test } from 'vitest'
import { createSerde } from '../../../src/adapters/serde/serde.ts'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { beats } from '../../../src/roles/agent/beats.ts'
import type { Clock } from '../../../src/runtime/ports.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { loneInstance } from './lone-instance.ts'

async function run(heartbeatMs: number, leaseTtlMs: number, forMs: number) {
  const clock = new VirtualClock()
  const lone = loneInstance(clock)
  void lone.instance.announce('register')
  lone.instance.release()
  const stop = new AbortController()
  const done = beats({ instances: [lone.instance], clock, heartbeatMs, leaseTtlMs }, stop.signal)
  await clock.advance(forMs)
  stop.abort()
  await clock.advance(heartbeatMs)
  await done
  return lone
}

test('ten minutes: 60 beats, every third of level 2 (S1-20, S1-21)', async () => {
  const { signals } = await run(10_000, 30_000, 599_999)
  expect(signals.length).toBe(60)
  const levels = signals.map(({ heartbeat }) => heartbeat?.level)
  expect(levels.filter((level) => level === 2).length).toBe(20)
  expect(signals.every(({ heartbeat }) => heartbeat?.period_ms === 10_000)).toBe(true)
  const first = signals[0]?.heartbeat
  const second = signals.find(({ heartbeat }) => heartbeat?.level === 2)?.heartbeat
  expect([first?.state, second?.state]).toEqual([null, 'unknown'])
})

test('S1-15: beats tell the configuration that the process says it runs with', async () => {
  const clock = new VirtualClock()
  const { instance, signals, begin } = loneInstance(clock)
  begin(7)
  instance.release()
  const stop = new AbortController()
  const options = { instances: [instance], clock, heartbeatMs: 1_000, leaseTtlMs: 30_000 }
  const done = beats(options, stop.signal)
  await clock.advance(500)
  instance.config = { version: 7, hash: 'abc' }
  await clock.advance(1_000)
  // Another process may run with another one, and has not said yet.
  begin(8)
  await clock.advance(1_000)
  stop.abort()
  await clock.advance(1_000)
  await done
  const told = signals.map(({ heartbeat }) => [heartbeat?.config_version, heartbeat?.config_hash])
  expect(told).toEqual([
    [null, null],
    [7, 'abc'],
    [null, null],
  ])
})

test('a lease is renewed three times within it (C-02)', async () => {
  const { events } = await run(1_000, 9_000, 90_000)
  const renewals = events.filter(({ action }) => action === 'renew')
  expect(renewals.length).toBe(30)
  expect(renewals.map(({ version }) => version)).toEqual(renewals.map((_, i) => i + 2))
})

test('after an hour of standing still a lease is renewed once, not for each third', async () => {
  const inner = new VirtualClock()
  let stoodMs = 0
  const clock: Clock = {
    nowMs: () => inner.nowMs() + stoodMs,
    monotonicMs: () => inner.monotonicMs() + stoodMs,
    sleep: (ms, signal) => inner.sleep(ms, signal),
  }
  const { instance, events } = loneInstance(clock)
  void instance.announce('register')
  instance.release()
  const stop = new AbortController()
  const options = { instances: [instance], clock, heartbeatMs: 1_000, leaseTtlMs: 30_000 }
  const done = beats(options, stop.signal)
  await inner.advance(5_500)
  stoodMs = 3_600_000
  await inner.advance(12_000)
  expect(events.map(({ action }) => action)).toEqual(['register', 'renew', 'renew'])
  stop.abort()
  await inner.advance(1_000)
  await done
})

test('a beat of level 1 is at most 200 bytes (S1-20)', async () => {
  const serde = await createSerde()
  const { signals } = await run(1_000, 9_000, 100)
  const [beat] = signals
  if (beat === undefined) throw new Error('no beat')
  const named = {
    ...beat,
    service: serviceId('s'.repeat(32)),
    instance: instanceId('i'.repeat(40)),
  }
  const datum = { ...named, agent: 'a'.repeat(40), epoch: Date.now(), lane: 'live', seq: 2 ** 40 }
  expect(serde.encode('signals', datum as typeof beat).length).toBeLessThanOrEqual(200)
})

// Detection must not rest on the driver seeing its own child exit. A beat said "down" as soon as
// the driver had no process, also where exit signals were switched off.
test('the state in a beat is what the prober found, not what the driver saw', async () => {
  const { instance, signals } = await run(1_000, 9_000, 2_999)
  expect(instance.driver.pid()).toBeNull()
  const states = signals.flatMap(({ heartbeat }) => heartbeat?.state ?? [])
  expect(states).toEqual(['unknown'])
})
