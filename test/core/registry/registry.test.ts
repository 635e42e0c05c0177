// The registry: who exists, told by events and by being seen; the newer one wins, whatever the
// order.
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  ENTRIES_MAX,
  GONE_KEEP_MS,
  Registry,
  UNREGISTERED_KEEP_MS,
} from '../../../src/core/registry/registry.ts'
import { type EventWords, serviceEvent } from '../../support/records.ts'

const T = 1_000_000
let registry: Registry
beforeEach(() => {
  registry = new Registry('cluster-a')
})

function apply(words: Partial<EventWords> = {}, atMs: number = T): string {
  const event = serviceEvent({ atMs, ...words })
  const applied = registry.apply(event, { atMs, eventMs: event.timestamp })
  return applied.ok ? (applied.renewed ? 'renewed' : 'ok') : applied.reason
}

function sight(incarnation: number, atMs: number = T, agent: string | null = 'agent-9'): string {
  const seen = { service: 'shop', instance: 'shop-1', incarnation, agent, agentEpoch: 1, atMs }
  const applied = registry.sight(seen)
  return applied.ok ? (applied.renewed ? 'renewed' : 'ok') : applied.reason
}

const views = (atMs: number = T): unknown[] =>
  registry.takeChanges(atMs).map(({ key, body }) => [key, body?.lifecycle, body?.link])

describe('events', () => {
  test('a registration makes an entry, ready and online, and is told once', () => {
    expect(apply({ zone: 'z1', leaseTtlMs: 30_000 })).toBe('ok')
    expect(registry.find('shop', 'shop-1')).toMatchObject({
      lifecycle: 'ready',
      link: 'online',
      zone: 'z1',
      agent: 'agent-of-shop-1',
      leaseUntilMs: T + 30_000,
      registeredAtMs: T,
    })
    expect(views()).toEqual([['shop/shop-1', 'ready', 'online']])
    expect(views()).toEqual([])
  })

  test('older ones are refused with a reason', () => {
    apply({ incarnation: 3, version: 5 })
    expect(apply({ incarnation: 2, version: 9 })).toBe('stale_incarnation')
    expect(apply({ incarnation: 3, version: 4, action: 'deregister' })).toBe('stale_version')
    expect(apply({ incarnation: 3, version: 5, atMs: T - 1 }, T)).toBe('stale_version')
    expect(apply({ action: 'unknown', incarnation: 9 })).toBe('unknown_action')
    expect(registry.find('shop', 'shop-1')?.lifecycle).toBe('ready')
  })

  test('a higher incarnation begins a new life', () => {
    apply({ incarnation: 1, version: 7 })
    expect(apply({ incarnation: 2, version: 1 }, T + 5)).toBe('renewed')
    expect(registry.find('shop', 'shop-1')).toMatchObject({ version: 1, registeredAtMs: T + 5 })
  })

  // An instance nobody registers moved to another host: its new agent spoke, but every command went
  // to the old one, which refused it as unknown, until a person was called.
  test('a new life belongs to the agent that tells of it, not to that of the one before', () => {
    sight(1, T, 'agent-1')
    sight(1, T + 1, 'agent-2')
    expect(registry.find('shop', 'shop-1')?.agent).toBe('agent-1')
    expect(sight(2, T + 2, null)).toBe('renewed')
    expect(registry.find('shop', 'shop-1')).toMatchObject({ agent: null, agentEpoch: 0 })
    sight(2, T + 3, 'agent-2')
    expect(registry.find('shop', 'shop-1')).toMatchObject({ agent: 'agent-2', agentEpoch: 1 })
  })

  test('a repeated event changes nothing and is no error', () => {
    apply()
    const before = structuredClone([...registry.all()])
    expect(apply()).toBe('ok')
    expect([...registry.all()]).toEqual(before)
  })

  test('drain and deregister end it; late words about it are refused until it is forgotten', () => {
    apply({ incarnation: 2, version: 1 })
    apply({ incarnation: 2, version: 2, action: 'drain' })
    expect(registry.find('shop', 'shop-1')?.lifecycle).toBe('draining')
    apply({ incarnation: 2, version: 3, action: 'deregister' })
    expect(registry.find('shop', 'shop-1')).toMatchObject({ lifecycle: 'gone', link: 'offline' })
    expect(apply({ incarnation: 2, version: 1 })).toBe('stale_version')
    views()
    expect(registry.nextMs()).toBe(T + GONE_KEEP_MS)
    expect(registry.expire(T + GONE_KEEP_MS - 1, null).forgotten).toEqual([])
    expect(registry.expire(T + GONE_KEEP_MS, null).forgotten).toHaveLength(1)
    expect(views()).toEqual([['shop/shop-1', undefined, undefined]])
    expect(registry.serviceNames()).toEqual([])
    expect(registry.nextMs()).toBeNull()
  })

  test('a bare event of a service makes an entry of the service; the later one wins', () => {
    expect(apply({ bare: true, action: 'unhealthy' })).toBe('ok')
    expect(apply({ bare: true, action: 'healthy', atMs: T + 1 }, T + 1)).toBe('ok')
    expect(apply({ bare: true, action: 'unhealthy', atMs: T }, T + 2)).toBe('stale_version')
    expect(registry.find('shop', null)).toMatchObject({ announced: 'healthy' })
    expect(registry.instancesOf('shop')).toEqual([])
    expect(views()).toEqual([['shop', 'unknown', 'unknown']])
  })
})

describe('leases', () => {
  test('end at the time that was read to, not at the time of the step', () => {
    apply({ leaseTtlMs: 1_000 })
    views()
    expect(registry.nextMs()).toBe(T + 1_000)
    expect(registry.expire(T + 5_000, null).lapsed).toEqual([])
    expect(registry.expire(T + 5_000, T + 999).lapsed).toEqual([])
    expect(registry.expire(T + 5_000, T + 1_000).lapsed).toHaveLength(1)
    expect(views()).toEqual([['shop/shop-1', 'ready', 'offline']])
    expect(registry.expire(T + 6_000, T + 6_000).lapsed).toEqual([])
    expect(registry.nextMs()).toBeNull()
  })

  test('a renewal is not told unless it brings the instance back', () => {
    apply({ leaseTtlMs: 1_000 })
    views()
    apply({ action: 'renew', version: 2, leaseTtlMs: 1_000 }, T + 500)
    expect(views()).toEqual([])
    registry.expire(T + 1_500, T + 1_500)
    views()
    apply({ action: 'renew', version: 3 }, T + 2_000)
    expect(views()).toEqual([['shop/shop-1', 'ready', 'online']])
  })

  test('a sign of life brings it back too', () => {
    apply({ leaseTtlMs: 1_000 })
    registry.expire(T + 1_500, T + 1_500)
    views()
    expect(sight(1, T + 2_000)).toBe('ok')
    expect(views()).toEqual([['shop/shop-1', 'ready', 'online']])
  })
})

describe('instances nobody registered', () => {
  test('are kept with an unknown lifecycle, and taken over by their registration', () => {
    expect(sight(4)).toBe('ok')
    expect(views()).toEqual([['shop/shop-1', 'unknown', 'online']])
    expect(registry.find('shop', 'shop-1')).toMatchObject({ agent: 'agent-9', incarnation: 4 })
    expect(apply({ incarnation: 3 })).toBe('stale_incarnation')
    expect(apply({ incarnation: 4 })).toBe('ok')
    expect(registry.find('shop', 'shop-1')?.lifecycle).toBe('ready')
  })

  test('are forgotten when they are not seen any more', () => {
    sight(1)
    sight(1, T + 10)
    expect(registry.expire(T + UNREGISTERED_KEEP_MS, null).forgotten).toEqual([])
    expect(registry.expire(T + 10 + UNREGISTERED_KEEP_MS, null).forgotten).toHaveLength(1)
  })

  test('seen from afar only, they have no agent and no link', () => {
    sight(1, T, null)
    expect(registry.find('shop', 'shop-1')).toMatchObject({ agent: null, link: 'unknown' })
  })

  test('are not taken without end', () => {
    for (let i = 0; i < ENTRIES_MAX; i++) {
      const seen = { service: 's', instance: `i${i}`, incarnation: 1, agentEpoch: 1, atMs: T }
      registry.sight({ ...seen, agent: 'a' })
    }
    expect(sight(1)).toBe('too_many')
    expect(apply()).toBe('too_many')
  })
})

test('a sighting of an older incarnation is refused, of a newer one begins it', () => {
  apply({ incarnation: 2 })
  expect(sight(1)).toBe('stale_incarnation')
  expect(sight(3)).toBe('renewed')
  expect(sight(3)).toBe('ok')
})

test('a new epoch of its agent is noted', () => {
  apply({ agent: 'agent-9', epoch: 1 })
  const seen = { service: 'shop', instance: 'shop-1', incarnation: 1, agent: 'agent-9', atMs: T }
  registry.sight({ ...seen, agentEpoch: 4 })
  registry.sight({ ...seen, agentEpoch: 2 })
  registry.sight({ ...seen, agent: 'somebody else', agentEpoch: 9 })
  expect(registry.find('shop', 'shop-1')).toMatchObject({ agent: 'agent-9', agentEpoch: 4 })
})

test('as long as its life is the same, a sighting as before changes nothing of an entry', () => {
  const act = fc.constantFrom('register', 'renew', 'drain', 'deregister', 'unhealthy')
  const deed = fc.oneof(
    fc.record({ kind: fc.constant('event'), action: act, incarnation: fc.nat(2) }),
    fc.record({ kind: fc.constant('sight'), agent: fc.constantFrom('a', 'b', null) }),
    fc.record({ kind: fc.constant('time') }),
  )
  const stateOf = (entry: object): string => JSON.stringify({ ...entry, queuedMs: 0 })
  let lives = 0
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 8 }), (deeds) => {
      registry = new Registry('cluster-a')
      expect(sight(1, T, 'a')).toBe('ok')
      const entry = registry.find('shop', 'shop-1')
      if (entry === undefined) throw new Error('it was seen')
      const life = registry.life(entry.slot)
      deeds.forEach((deed, i) => {
        const atMs = T + i
        if ('action' in deed) apply({ ...deed, instance: 'shop-1', leaseTtlMs: 1 }, atMs)
        else if ('agent' in deed) sight(1, atMs, deed.agent)
        else registry.expire(atMs, atMs)
      })
      if (registry.life(entry.slot) !== life) return
      lives += 1
      registry.takeChanges(T)
      const before = stateOf(entry)
      expect(sight(1, T + 9, 'a')).toBe('ok')
      expect(stateOf(entry)).toBe(before)
      expect(registry.takeChanges(T)).toEqual([])
      expect(registry.seenAtMs(entry)).toBe(T + 9)
    }),
  )
  expect(lives).toBeGreaterThan(5)
})

test('whatever the order of versioned events, the newest one stands', () => {
  const event = fc.record({
    incarnation: fc.integer({ min: 1, max: 3 }),
    version: fc.integer({ min: 1, max: 5 }),
  })
  const events = fc.uniqueArray(event, {
    minLength: 1,
    maxLength: 15,
    selector: ({ incarnation, version }) => `${incarnation}.${version}`,
  })
  fc.assert(
    fc.property(events, (all) => {
      registry = new Registry('cluster-a')
      for (const words of all) apply({ ...words, zone: `${words.incarnation}.${words.version}` })
      const newest = all.reduce((a, b) => (isNewer(a, b) ? a : b))
      expect(registry.find('shop', 'shop-1')?.zone).toBe(`${newest.incarnation}.${newest.version}`)
    }),
  )
})

interface Numbered {
  readonly incarnation: number
  readonly version: number
}

function isNewer(a: Numbered, b: Numbered): boolean {
  return a.incarnation === b.incarnation ? a.version > b.version : a.incarnation > b.incarnation
}
