// The registry by its laws (from behaviour 3 on): leases, who goes by them, admission, lives.
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { ALONE_MAX, LEASE_TTL_MS } from '../../../src/core/registry/laws.ts'
import { Registry } from '../../../src/core/registry/registry.ts'
import { Slots } from '../../../src/core/kernel/slots.ts'
import { type EventWords, serviceEvent } from '../../support/records.ts'

const T = 1_000_000
let registry: Registry
beforeEach(() => {
  registry = new Registry('cluster-a', new Slots(), () => ({ registrationsPerS: 10 }))
})

function apply(words: Partial<EventWords> = {}, atMs: number = T): string {
  const event = serviceEvent({ atMs, ...words })
  const applied = registry.apply(event, { atMs, eventMs: event.timestamp })
  return applied.ok ? (applied.renewed ? 'renewed' : 'ok') : applied.reason
}

function sight(atMs: number, words: { incarnation?: number; instance?: string } = {}): string {
  const { incarnation = 1, instance = 'shop-1' } = words
  const agent = `agent-of-${instance}`
  const seen = { service: 'shop', instance, incarnation, agent, agentEpoch: 1, atMs }
  const applied = registry.sight(seen)
  return applied.ok ? 'ok' : applied.reason
}

const found = (instance = 'shop-1') => registry.find('shop', instance)
const expire = (nowMs: number, floorMs = 0): number =>
  registry.expire(nowMs, nowMs, floorMs).lapsed.length

describe('leases', () => {
  test('S4-16: without a renewal gone in (ttl, ttl + 1 s]; one at ttl - 1 ms keeps it', () => {
    apply({ leaseTtlMs: 5_000 })
    expect(registry.nextMs()).toBe(T + 5_001)
    expect(expire(T + 5_000)).toBe(0)
    apply({ action: 'renew', version: 2 }, T + 4_999)
    expect(expire(T + 5_001)).toBe(0)
    expect(found()?.lifecycle).toBe('ready')
    expect(registry.nextMs()).toBe(T + 9_999 + 1)
    expect(expire(T + 10_000)).toBe(1)
    expect(found()).toMatchObject({ lifecycle: 'gone', link: 'offline', why: 'ttl_expired' })
    const [told] = registry.takeChanges(T + 10_000)
    expect(told?.body).toMatchObject({ lifecycle: 'gone', lifecycle_reason: 'ttl_expired' })
  })

  test('S0-08: with a registration that names none there is one of 30 s', () => {
    apply()
    expect(found()?.leaseTtlMs).toBe(LEASE_TTL_MS)
    expect(expire(T + LEASE_TTL_MS)).toBe(0)
    expect(expire(T + LEASE_TTL_MS + 1)).toBe(1)
  })

  test('S0-08: renewals at ttl / 3, one of three lost, never expire; all lost, once', () => {
    apply({ leaseTtlMs: 30_000 })
    let expired = 0
    for (let i = 1; i <= 300; i++) {
      const atMs = T + i * 10_000
      expired += expire(atMs)
      if (i % 3 !== 0) apply({ action: 'renew', version: 1 + i }, atMs)
    }
    expect(expired).toBe(0)
    for (let i = 301; i <= 400; i++) expired += expire(T + i * 10_000)
    expect(expired).toBe(1)
  })

  test('S0-08: every sign of life renews, and one brings back what it was', () => {
    apply({ leaseTtlMs: 5_000 })
    apply({ action: 'drain', version: 2 })
    sight(T + 4_000)
    expect(expire(T + 9_000)).toBe(0)
    expect(expire(T + 9_001)).toBe(1)
    registry.takeChanges(T)
    sight(T + 20_000)
    expect(found()).toMatchObject({ lifecycle: 'draining', link: 'online', why: null })
    expect(registry.takeChanges(T)).toHaveLength(1)
    expect(registry.nextMs()).toBe(T + 25_001)
  })

  test('S0-08: a worker that restarts in mid-lease ends nobody for what it did not hear', () => {
    for (const i of [1, 2, 3, 4]) apply({ instance: `shop-${i}`, leaseTtlMs: 30_000 })
    expect(registry.expire(T + 3_600_000, null).lapsed).toEqual([])
    // Reading has caught up at this time: leases count from it.
    expect(expire(T + 3_600_000, T + 3_600_000)).toBe(0)
    expect(expire(T + 3_630_000, T + 3_600_000)).toBe(0)
    expect(expire(T + 3_630_001, T + 3_600_000)).toBe(4)
  })

  test('law 7: when many are unheard at once their links are off, but they do not go', () => {
    for (let i = 0; i < 20; i++) apply({ instance: `shop-${i}`, leaseTtlMs: 5_000 })
    registry.expire(T + 2_000, T + 2_000)
    expect(expire(T + 5_001)).toBe(20)
    const states = registry.instancesOf('shop').map(({ lifecycle }) => lifecycle)
    expect(states.filter((lifecycle) => lifecycle === 'gone')).toHaveLength(3)
    expect(registry.instancesOf('shop').every(({ link }) => link === 'offline')).toBe(true)
    // Looked at again after another lease; told once.
    expect(expire(T + 10_001)).toBe(0)
    expect(registry.nextMs()).toBe(T + 15_001)
    sight(T + 11_000, { instance: 'shop-0' })
    expect(found('shop-0')).toMatchObject({ lifecycle: 'ready', link: 'online' })
    expect(expire(T + 15_001)).toBe(0)
    const gone = registry.instancesOf('shop').filter(({ lifecycle }) => lifecycle === 'gone')
    expect(gone).toHaveLength(3)
    // Somebody else takes its place.
    expect(gone.map(({ instance }) => instance)).not.toContain('shop-0')
  })
})

describe('words', () => {
  test('S4-17: what was deregistered takes no other word than a registration', () => {
    apply()
    apply({ action: 'deregister', version: 2 })
    expect(found()?.why).toBe('deregistered')
    for (const action of ['renew', 'drain', 'healthy'] as const) {
      expect(apply({ action, version: 3 })).toBe('not_registered')
    }
    expect(apply({ action: 'deregister', version: 3 })).toBe('ok')
    sight(T + 5)
    expect(found()).toMatchObject({ lifecycle: 'gone', link: 'offline' })
    expect(apply({ version: 4 })).toBe('ok')
    expect(found()).toMatchObject({ lifecycle: 'ready', why: null })
  })

  test('S0-47: a new life stands by until it registers', () => {
    apply()
    sight(T + 1_000, { incarnation: 2 })
    expect(found()).toMatchObject({ lifecycle: 'standby', incarnation: 2 })
    apply({ incarnation: 2 }, T + 20_000)
    expect(found()?.lifecycle).toBe('ready')
    apply({ incarnation: 2, version: 2, action: 'renew', lifecycle: 'standby' }, T + 21_000)
    expect(found()?.lifecycle).toBe('standby')
    apply({ incarnation: 2, version: 3, action: 'renew', lifecycle: 'ready' }, T + 22_000)
    expect(found()?.lifecycle).toBe('ready')
  })

  test('S1-42: whatever the order of deregister, restart and register, the new life stands', () => {
    const end = { action: 'deregister', incarnation: 1, version: 2 } as const
    const words = [end, { incarnation: 2, version: 1 }, { incarnation: 2, sight: true }] as const
    for (const order of orders(words)) {
      registry = new Registry('cluster-a', new Slots(), () => ({ registrationsPerS: 10 }))
      apply()
      for (const [i, one] of order.entries()) {
        if ('sight' in one) sight(T + i, one)
        else apply(one, T + i)
      }
      expect(found()).toMatchObject({ lifecycle: 'ready', incarnation: 2 })
    }
  })

  test('S1-11: a thousand registrations of five lives: one entry, one step each', () => {
    const order = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1_000, maxLength: 1_000 })
    fc.assert(
      fc.property(order, (lives) => {
        registry = new Registry('cluster-a', new Slots(), () => ({ registrationsPerS: 10_000 }))
        let told = 0
        for (const incarnation of lives) {
          apply({ incarnation })
          told += registry.takeChanges(T).length
        }
        const risen = new Set(lives.filter((life, i) => lives.slice(0, i).every((l) => l < life)))
        expect(registry.instancesOf('shop')).toHaveLength(1)
        expect(told).toBe(risen.size)
      }),
      { numRuns: 10 },
    )
  })
})

describe('admission (S1-43)', () => {
  test('those over the limit stand by, are told how long, and come in turn', () => {
    for (let i = 0; i < 25; i++) apply({ instance: `shop-${i}` })
    const ready = (): number =>
      registry.instancesOf('shop').filter(({ lifecycle }) => lifecycle === 'ready').length
    expect(ready()).toBe(10)
    const waiting = registry.takeChanges(T).find(({ key }) => key === 'shop/shop-24')
    expect(waiting?.body).toMatchObject({
      lifecycle: 'standby',
      lifecycle_reason: 'admission',
      retry_ms: 2_000,
    })
    // A repeat, or the renewal that every agent sends, jumps no queue.
    apply({ instance: 'shop-24' }, T + 1)
    apply({ instance: 'shop-23', action: 'renew', version: 2, lifecycle: 'ready' }, T + 2)
    expect(registry.nextMs()).toBe(T + 1_000)
    expect(registry.expire(T + 1_000, T + 1_000).admitted).toHaveLength(10)
    expect(ready()).toBe(20)
    apply({ instance: 'shop-24', action: 'deregister', version: 3 }, T + 1_500)
    expect(registry.expire(T + 2_000, T + 2_000).admitted).toHaveLength(4)
    expect(found('shop-24')).toMatchObject({ lifecycle: 'gone', admitAtMs: null })
  })

  test('who stands by of itself waits for nobody but itself', () => {
    for (let i = 0; i < 12; i++) apply({ instance: `shop-${i}` })
    apply({ instance: 'shop-11', version: 2, lifecycle: 'standby' })
    expect(found('shop-11')).toMatchObject({ lifecycle: 'standby', admitAtMs: null, why: null })
  })
})

test('S3-01: an island is an agent that reaches nobody by two beats in a row', () => {
  apply()
  const entry = found()
  if (entry === undefined) throw new Error('it registered')
  const told = [0, 0, 0, 3, 0].map((peers) => {
    registry.notePeers(entry, peers)
    return entry.alone
  })
  expect(told).toEqual([1, ALONE_MAX, ALONE_MAX, 0, 1])
})

function orders<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]]
  return all.flatMap((one, i) => orders(all.toSpliced(i, 1)).map((rest) => [one, ...rest]))
}
