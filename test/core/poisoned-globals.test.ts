// The core asks no clock, no chance, no locale and no inexact mathematics: it runs with all of them
// throwing.
import { afterEach, expect, test } from 'vitest'
import { CoreDriver, testSerde } from '../support/core-driver.ts'
import { delta, heartbeat, policy, processEvent, probe, serviceEvent } from '../support/records.ts'

const INEXACT =
  'random exp expm1 log log1p log2 log10 pow sin cos tan asin acos atan atan2 sinh cosh tanh ' +
  'cbrt hypot'
const undo: (() => void)[] = []
afterEach(() => {
  for (const restore of undo.splice(0)) restore()
})

function poison(owner: object, names: readonly string[]): void {
  for (const name of names) {
    const original = Object.getOwnPropertyDescriptor(owner, name)
    if (original === undefined) throw new Error(`nothing named ${name} to poison`)
    const value = function poisoned(): never {
      throw new Error(`${name} was asked`)
    }
    Object.defineProperty(owner, name, { ...plain(original), value })
    undo.push(() => void Object.defineProperty(owner, name, original))
  }
}

function plain({ enumerable = false }: PropertyDescriptor): PropertyDescriptor {
  return { enumerable, configurable: true, writable: true }
}

function poisonAll(): void {
  poison(Math, INEXACT.split(' '))
  poison(Date, ['now', 'UTC', 'parse'])
  poison(Date.prototype, ['getTime', 'toISOString'])
  poison(String.prototype, ['localeCompare', 'toLocaleLowerCase', 'normalize'])
  poison(Number.prototype, ['toLocaleString'])
  poison(Array.prototype, ['toLocaleString'])
  poison(globalThis, [
    'Date',
    'Intl',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
  ])
  poison(globalThis, ['fetch', 'performance', 'crypto', 'structuredClone'])
}

const RESTART = {
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'restart' },
  spec: {
    match: { services: ['shop'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy" && instance.matches("^shop-[0-9]$")',
    action: 'restart_instance',
  },
}

function run(driver: CoreDriver): string {
  driver.policy(policy({ name: 'restart', document: RESTART }))
  for (const instance of ['shop-1', 'shop-2']) {
    driver.serviceEvent(serviceEvent({ instance, atMs: driver.nowMs, leaseTtlMs: 30_000 }))
    driver.signal(probe({ instance, atMs: driver.nowMs, verdict: 'up' }))
  }
  for (let second = 0; second < 70; second++) {
    for (const instance of ['shop-1', 'shop-2']) {
      const failed = second > 30 && instance === 'shop-1' ? 5 : 0
      driver.telemetry(delta({ instance, atMs: driver.nowMs, ok: 20, failed }))
      driver.signal(heartbeat({ instance, atMs: driver.nowMs }))
    }
    driver.appendBytes('telemetry', null, new Uint8Array([1]))
    driver.step()
    driver.sleep(1_000)
  }
  driver.signal(processEvent({ instance: 'shop-2', atMs: driver.nowMs, event: 'exited' }))
  driver.step()
  driver.sleep(100_000)
  return driver.digest()
}

test('with all of them poisoned the core gives the same state', async () => {
  await testSerde()
  const clean = run(await CoreDriver.create())
  const driver = await CoreDriver.create()
  poisonAll()
  expect(() => Math.pow(2, 2)).toThrow('pow was asked')
  const poisoned = run(driver)
  for (const restore of undo.splice(0)) restore()
  expect(poisoned).toBe(clean)
  expect(driver.bodies('commands').length).toBeGreaterThan(0)
  expect(driver.health('shop', 'shop-2')?.signals).toContain('process_exit')
  expect(driver.bodies('health').some(({ signals }) => signals.includes('success_rate'))).toBe(true)
})
