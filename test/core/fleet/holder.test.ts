// The holder alone: what a grant, a renewal, a deadline and being asked back do to its tokens.
import { expect, test } from 'vitest'
import type { FleetRecord } from '../../../src/contracts/records.ts'
import { leaseId } from '../../../src/core/fleet/budget.ts'
import { Holder, loadHolder } from '../../../src/core/fleet/holder.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import {
  FORM_FIRST,
  FORM_JUDGEMENT,
  ImageReader,
  ImageWriter,
} from '../../../src/core/kernel/image.ts'
import { joined } from '../../support/image.ts'

const NOW = 1_000_000

function record(seq: number, some: Partial<FleetRecord>): FleetRecord {
  const task = serviceTask(0)
  const empty = { pulse: null, grant: null, verdict: null }
  return { task, seq, gen: 1, at_ms: NOW, kind: 'grant', ...empty, ...some }
}

function grant(seq: number, tokens: number, deadlineMs: number, of: number = seq): FleetRecord {
  const lease = { lease_id: leaseId(of), budget: 'fleet', tokens, deadline_ms: deadlineMs }
  return record(seq, { grant: lease })
}

test('tokens are spent one by one, then the lease is settled, and told once', () => {
  const holder = new Holder()
  holder.evolve(grant(5, 2, NOW + 100), NOW)
  expect(holder.tokens(NOW)).toBe(2)
  expect(holder.spend(NOW)).toBe('lease-5')
  const spent = { lease_id: 'lease-5', tokens: 2, spent: 1, settled: false }
  expect(holder.takeUses()).toEqual([spent])
  expect(holder.spend(NOW)).toBe('lease-5')
  expect(holder.spend(NOW)).toBeNull()
  expect(holder.urgent).toBe(true)
  expect(holder.takeUses()).toEqual([{ ...spent, spent: 2, settled: true }])
  expect(holder.takeUses()).toEqual([])
})

test('nothing is spent from the deadline on', () => {
  const holder = new Holder()
  holder.evolve(grant(5, 1, NOW + 100), NOW)
  expect(holder.tokens(NOW + 99)).toBe(1)
  expect(holder.spend(NOW + 100)).toBeNull()
  holder.expire(NOW + 100)
  expect(holder.takeUses()).toMatchObject([{ spent: 0, settled: true }])
})

// A renewal that crosses a settlement on its way must not bring the lease back.
test('a renewal moves the deadline of a lease in hand, and never revives one', () => {
  const holder = new Holder()
  holder.evolve(grant(5, 1, NOW + 100), NOW)
  holder.evolve(grant(6, 1, NOW + 500, 5), NOW)
  expect(holder.tokens(NOW + 499)).toBe(1)
  holder.spend(NOW + 499)
  holder.evolve(grant(7, 1, NOW + 900, 5), NOW + 499)
  expect(holder.tokens(NOW + 499)).toBe(0)
})

test('older records change nothing; a new gen is answered at once', () => {
  const holder = new Holder()
  holder.evolve(grant(5, 1, NOW + 100), NOW)
  holder.takeUses()
  holder.evolve(grant(5, 1, NOW + 900), NOW)
  holder.evolve({ ...grant(9, 1, NOW + 900), gen: 0 }, NOW)
  expect([holder.tokens(NOW), holder.seq, holder.urgent]).toEqual([1, 5, false])
  holder.evolve({ ...grant(9, 1, NOW + 900), gen: 2 }, NOW)
  expect([holder.tokens(NOW), holder.seq, holder.urgent]).toEqual([2, 9, true])
})

test('what is asked back or not wanted is settled unspent', () => {
  const holder = new Holder()
  holder.evolve(grant(5, 1, NOW + 100), NOW)
  holder.evolve(grant(6, 1, NOW + 100), NOW)
  holder.giveBack(1, NOW)
  expect(holder.takeUses().map(({ lease_id: id, settled }) => [id, settled])).toEqual([
    ['lease-5', false],
    ['lease-6', true],
  ])
  holder.evolve({ ...grant(7, 0, 0, 5), kind: 'take_back' }, NOW)
  expect(holder.urgent).toBe(true)
  expect(holder.takeUses()).toMatchObject([{ lease_id: 'lease-5', spent: 0, settled: true }])
})

test('an image holds all of it', () => {
  const holder = new Holder()
  const pulse = { as_of_ms: NOW, reporters_expected: 3, reporters_seen: 2, blind: false }
  holder.evolve(record(4, { kind: 'pulse', pulse }), NOW)
  holder.evolve(grant(5, 3, NOW + 100), NOW)
  holder.evolve(grant(6, 1, NOW + 200), NOW)
  holder.spend(NOW)
  holder.giveBack(1, NOW)
  holder.wait('shop/shop-1', true)
  const to = new ImageWriter()
  holder.save(to)
  const again = loadHolder(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))
  expect(again).toEqual(holder)
})

/** One token of a zone. */
function ofZone(seq: number, zone: string): FleetRecord {
  const lease = { lease_id: leaseId(seq), budget: `zone:${zone}`, tokens: 1 }
  return record(seq, { grant: { ...lease, deadline_ms: NOW + 100 } })
}

test('a token of a zone is good there alone, one of the fleet anywhere', () => {
  const holder = new Holder()
  holder.evolve(ofZone(5, 'a'), NOW)
  expect(['a', 'b', undefined].map((zone) => holder.tokens(NOW, zone))).toEqual([1, 0, 1])
  expect(holder.spend(NOW, 'b')).toBeNull()
  holder.evolve(grant(6, 1, NOW + 100), NOW)
  expect(['a', 'b', undefined].map((zone) => holder.tokens(NOW, zone))).toEqual([2, 1, 2])
  expect(holder.spend(NOW, 'b')).toBe('lease-6')
  expect(holder.spend(NOW, 'a')).toBe('lease-5')
  // The word of it names the zone, and the fleet's own budget is not named.
  expect(holder.takeUses()).toEqual([
    { lease_id: 'lease-6', tokens: 1, spent: 1, settled: true },
    { lease_id: 'lease-5', tokens: 1, spent: 1, settled: true, budget: 'zone:a' },
  ])
})

test('tokens of zones in which nothing waits are given back, others are not', () => {
  const holder = new Holder()
  holder.wait('shop/a', true, 'a')
  for (const [i, zone] of ['a', 'b'].entries()) holder.evolve(ofZone(5 + i, zone), NOW)
  holder.evolve(grant(7, 1, NOW + 100), NOW)
  holder.giveBackZones()
  expect(holder.takeUses().map(({ lease_id: id, settled }) => [id, settled])).toEqual([
    ['lease-5', false],
    ['lease-7', false],
    ['lease-6', true],
  ])
})

test('what waits, by zone and in order; no more than 64 are told apart', () => {
  const holder = new Holder()
  holder.wait('shop/b', true, 'b')
  holder.wait('shop/a', true, 'a')
  holder.wait('shop/c', true, 'b')
  expect(holder.wants()).toEqual([
    { zone: 'a', waiting: 1 },
    { zone: 'b', waiting: 2 },
  ])
  holder.keepWaiting((incident) => incident !== 'shop/b')
  expect(holder.demand).toBe(2)
  for (let i = 0; i < 100; i++) holder.wait(`stock/${i}`, true)
  expect(holder.demand).toBe(64)
})

test('a lease that was lost on its way, an empty one and one asked back unknown are none', () => {
  const holder = new Holder()
  // A renewal of what is not held here.
  holder.evolve(grant(6, 1, NOW + 100, 5), NOW)
  holder.evolve(grant(7, 0, NOW + 100), NOW)
  holder.takeUses()
  holder.evolve({ ...grant(8, 0, 0, 5), kind: 'take_back' }, NOW)
  expect([holder.tokens(NOW), holder.takeUses(), holder.urgent]).toEqual([0, [], false])
})

test('the earliest deadline is what it waits for', () => {
  const holder = new Holder()
  expect(holder.nextMs()).toBeNull()
  holder.evolve(grant(5, 1, NOW + 300), NOW)
  holder.evolve(grant(6, 1, NOW + 100), NOW)
  holder.evolve(grant(7, 1, NOW + 200), NOW)
  expect(holder.nextMs()).toBe(NOW + 100)
})

test('an image has zones and verdicts from the form on that knows them', () => {
  const holder = new Holder()
  holder.evolve(ofZone(5, 'a'), NOW)
  holder.evolve(ofZone(6, 'b'), NOW)
  holder.spend(NOW, 'b')
  holder.wait('shop/a', true, 'a')
  const readBack = (form: number): Holder => {
    const to = new ImageWriter(form)
    holder.save(to)
    const from = new ImageReader(joined(to.pieces()))
    from.form = form
    const again = loadHolder(from)
    from.end()
    return again
  }
  expect(readBack(FORM_JUDGEMENT)).toEqual(holder)
  const old = readBack(FORM_FIRST)
  expect([old.tokens(NOW, 'z'), old.demand, old.pulse]).toEqual([1, 1, null])
  expect(old.wants()).toEqual([{ zone: '', waiting: 1 }])
})

test('a verdict of the fleet task is held, and one that is none is not', () => {
  const holder = new Holder()
  const storm = { verdict_id: 'storm', what: 'storm' as const, services: [], over: false }
  const verdict = { ...storm, cause_service: null, cause_instance: null, since_ms: NOW }
  holder.evolve(record(4, { kind: 'verdict' }), NOW)
  expect(holder.verdicts.storm(NOW)).toBeNull()
  holder.evolve(record(5, { kind: 'verdict', verdict }), NOW)
  expect(holder.verdicts.storm(NOW)).toEqual(verdict)
})
