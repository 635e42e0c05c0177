// The registry in random lives: words of agents and people, signs of life, restarts, late records
// and silence, against an account of our own, written down from docs/registry.md and not from the
// tables of the code. Who exists, in which lifecycle, heard or not, and why a word was refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slots } from '../../../src/core/kernel/slots.ts'
import { Registry } from '../../../src/core/registry/registry.ts'
import { serviceEvent } from '../../support/records.ts'

const WORDS = ['register', 'register', 'renew', 'healthy', 'drain', 'deregister'] as const
type Word = (typeof WORDS)[number]

interface One {
  life: number
  version: number
  lifecycle: 'unknown' | 'standby' | 'ready' | 'draining' | 'gone'
  /** What it was before its lease ran out. */
  was: One['lifecycle'] | null
  link: 'unknown' | 'online' | 'offline'
  /** Registered or renewed at some time: it has a lease. */
  leased: boolean
  heardMs: number
  /** Its lease ran out and nothing of its own was heard since. */
  isSilent: boolean
  /** When it is looked at again, one that was too many to go. */
  againMs: number
  /** The agent beside this life is known. */
  hasAgent: boolean
}

const LEASE_MS = 5_000
const KEPT_MS = 600_000

class Account {
  readonly all = new Map<string, One>()

  private held(name: string, life: number, nowMs: number): One {
    const fresh: One = {
      life,
      version: 0,
      lifecycle: 'unknown',
      was: null,
      link: 'unknown',
      leased: false,
      heardMs: nowMs,
      isSilent: false,
      againMs: 0,
      hasAgent: false,
    }
    const one = this.all.get(name) ?? fresh
    this.all.set(name, one)
    if (life > one.life) this.restarts(one, life, nowMs)
    return one
  }

  /** A restarted instance stands by until it registers; one that was gone is merely known. */
  private restarts(one: One, life: number, nowMs: number): void {
    const wasGone = one.lifecycle === 'gone'
    this.isHeardAgain(one)
    if (wasGone) one.lifecycle = 'unknown'
    else if (one.hasAgent && one.lifecycle !== 'unknown') one.lifecycle = 'standby'
    Object.assign(one, { life, version: 0, hasAgent: false, heardMs: nowMs })
  }

  private isHeardAgain(one: One): void {
    if (one.was !== null) one.lifecycle = one.was
    Object.assign(one, { was: null, isSilent: false })
  }

  say(word: Word, name: string, at: { life: number; version: number; nowMs: number }): string {
    const { life, version, nowMs } = at
    const before = this.all.get(name)
    if (before !== undefined && life < before.life) return 'stale_incarnation'
    if (before !== undefined && life === before.life) {
      if (version < before.version) return 'stale_version'
      const needsOne = word === 'healthy' || word === 'drain'
      const isOver = before.lifecycle === 'gone'
      if (isOver && (needsOne || (word === 'renew' && before.was === null))) return 'not_registered'
    }
    const one = this.held(name, life, nowMs)
    Object.assign(one, { version, heardMs: nowMs })
    if (word === 'drain') one.lifecycle = 'draining'
    if (word === 'healthy' || word === 'drain') return 'ok'
    this.isHeardAgain(one)
    if (word === 'deregister') Object.assign(one, { lifecycle: 'gone', link: 'offline' })
    else Object.assign(one, { link: 'online', leased: true })
    if (word === 'register') Object.assign(one, { lifecycle: 'ready', hasAgent: true })
    return 'ok'
  }

  /** Its own agent is heard. */
  sees(name: string, { life, nowMs }: { life: number; nowMs: number }): string {
    const before = this.all.get(name)
    if (before !== undefined && life < before.life) return 'stale_incarnation'
    const one = this.held(name, life, nowMs)
    Object.assign(one, { heardMs: nowMs, hasAgent: true })
    if (one.isSilent) this.isHeardAgain(one)
    if (one.lifecycle !== 'gone') one.link = 'online'
    return 'ok'
  }

  /** Time passes: at most 15 % of them, or one, are gone by their leases at a time. */
  passes(nowMs: number): string[] {
    const told: string[] = []
    const most = Math.max(1, Math.floor(0.15 * this.all.size))
    for (const name of [...this.all.keys()].toSorted()) {
      const one = this.all.get(name)
      if (one === undefined || !one.leased || one.lifecycle === 'gone') continue
      if (one.isSilent ? one.againMs > nowMs : one.heardMs + LEASE_MS >= nowMs) continue
      if (!one.isSilent) told.push(name)
      Object.assign(one, { isSilent: true, link: 'offline', againMs: nowMs + LEASE_MS })
      const gone = [...this.all.values()].filter(({ was }) => was !== null).length
      if (gone < most) Object.assign(one, { was: one.lifecycle, lifecycle: 'gone' })
    }
    for (const [name, { lifecycle, heardMs }] of this.all) {
      const isKept = lifecycle !== 'gone' && lifecycle !== 'unknown'
      if (!isKept && heardMs + KEPT_MS <= nowMs) this.all.delete(name)
    }
    return told
  }
}

const moment = fc.record({
  afterMs: fc.constantFrom(0, 1_000, 1_000, 2_500, LEASE_MS, LEASE_MS + 1, 20_000, KEPT_MS),
  word: fc.constantFrom<Word | 'sight'>(...WORDS, 'sight', 'sight'),
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  life: fc.constantFrom(0, 0, 0, 0, 0, -1, 1),
  version: fc.constantFrom(1, 1, 1, 0, -1),
})

test('the registry says what the account says, of any lives', () => {
  const outcomes = new Set<string>()
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 60 }), (moments) => {
      const registry = new Registry('cluster-a', new Slots(), () => ({ registrationsPerS: 1_000 }))
      const account = new Account()
      let nowMs = 1_000_000
      for (const { afterMs, word, name, ...by } of moments) {
        nowMs += afterMs
        const lapsed = registry.expire(nowMs, nowMs).lapsed.map(({ instance }) => String(instance))
        expect(lapsed).toEqual(account.passes(nowMs))
        const held = account.all.get(name)
        const life = Math.max(1, (held?.life ?? 1) + by.life)
        const version = Math.max(1, (held?.version ?? 0) + by.version)
        const said = { service: 'shop', instance: name, incarnation: life }
        const about = `agent-of-${name}`
        const event = { ...said, action: word === 'sight' ? ('renew' as const) : word, version }
        const answer =
          word === 'sight'
            ? registry.sight({ ...said, agent: about, agentEpoch: 1, atMs: nowMs })
            : registry.apply(serviceEvent({ ...event, atMs: nowMs, leaseTtlMs: LEASE_MS }), {
                atMs: nowMs,
                eventMs: nowMs,
              })
        const wanted =
          word === 'sight'
            ? account.sees(name, { life, nowMs })
            : account.say(word, name, { life, version, nowMs })
        expect(answer.ok ? 'ok' : answer.reason).toBe(wanted)
        const found = registry.instancesOf('shop').map((one) => {
          return [one.instance, one.lifecycle, one.link, one.incarnation]
        })
        const all = [...account.all].toSorted(([a], [b]) => (a < b ? -1 : 1))
        expect(found).toEqual(all.map(([id, one]) => [id, one.lifecycle, one.link, one.life]))
        outcomes.add(wanted)
        for (const one of account.all.values()) {
          outcomes.add(one.was === null ? one.lifecycle : 'lapsed')
          if (one.isSilent && one.was === null) outcomes.add('too_many_to_go')
        }
      }
    }),
    { numRuns: Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 300 },
  )
  // Nothing of it was left untried.
  const lifecycles = 'draining gone lapsed ready standby unknown'
  const answers = 'not_registered ok stale_incarnation stale_version too_many_to_go'
  expect([...outcomes].toSorted().join(' ')).toBe(
    `${lifecycles} ${answers}`.split(' ').toSorted().join(' '),
  )
})
