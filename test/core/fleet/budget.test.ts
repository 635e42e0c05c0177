// The granter alone: what is given, renewed and asked back, what a spent token costs, and when the
// next word is due; with zones from behaviour 3 on.
import { describe, expect, test } from 'vitest'
import type { LeaseUse } from '../../../src/contracts/records.ts'
import { Budget, LEASE_MS, type OrderAt, type Word } from '../../../src/core/fleet/budget.ts'
import { pictureOf } from '../../../src/core/fleet/picture.ts'
import { FORM_FIRST, ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { joined } from '../../support/image.ts'
import { zoned } from './seen.ts'

const NOW = 1_000_000
const MINUTE = 60_000

class Fleet {
  budget: Budget
  seq = 1
  nowMs = NOW

  constructor(tasks: number = 2) {
    this.budget = new Budget(tasks)
    this.budget.born(1)
    for (let i = 0; i < tasks; i++) this.hears(i)
  }

  hears(task: number, some: Partial<Word> = {}): void {
    const word = { at_ms: this.nowMs, waiting: 0, stock: 0, fleet_seq: this.seq, leases: [] }
    this.budget.hear(task, { ...word, ...some }, this.nowMs)
  }

  /** What is said now: `grant lease-2 2 of zone:a to 0`. */
  orders(some: Partial<OrderAt> = {}): readonly string[] {
    const at = { nowMs: this.nowMs, limit: 6, held: false, picture: null }
    const nextSeq = (): number => (this.seq += 1)
    return this.budget.orders({ ...at, nextSeq, ...some }).map(({ kind, partition, lease }) => {
      return `${kind} ${lease.id} ${lease.tokens} of ${lease.budget} to ${partition}`
    })
  }
}

const use = (id: string, tokens: number, spent: number, settled = false): LeaseUse => {
  return { lease_id: id, tokens, spent, settled }
}

describe('before the first grant', () => {
  test('every task has to have answered this life', () => {
    const fleet = new Fleet(2)
    fleet.budget = new Budget(2)
    fleet.hears(0, { waiting: 1 })
    fleet.hears(1)
    expect([fleet.budget.isReady(), fleet.orders()]).toEqual([false, []])
    fleet.nowMs += MINUTE
    fleet.budget.born(1)
    fleet.budget.born(99)
    expect(fleet.budget.isReady()).toBe(true)
    fleet.hears(1, { fleet_seq: 0 })
    expect(fleet.budget.isReady()).toBe(false)
  })

  test('what an earlier life gave has its minute, and counts as taken', () => {
    const fleet = new Fleet(1)
    fleet.budget = new Budget(1)
    fleet.hears(0, { waiting: 1, fleet_seq: 5, leases: [use('lease-4', 3, 1)] })
    fleet.budget.born(5)
    expect(fleet.budget.taken(NOW)).toBe(3)
    expect(fleet.orders()).toEqual([])
    expect(fleet.budget.nextMs(NOW)).toBe(NOW + MINUTE)
    fleet.nowMs += MINUTE
    fleet.hears(0, { waiting: 4, fleet_seq: 6, leases: [use('lease-4', 3, 1)] })
    expect(fleet.orders()[0]).toBe('grant lease-2 2 of fleet to 0')
  })
})

describe('grants', () => {
  test('who waits longest first, as far as the limit goes', () => {
    const fleet = new Fleet()
    fleet.hears(1, { waiting: 4 })
    fleet.nowMs += 1
    fleet.hears(0, { waiting: 4 })
    expect(fleet.orders()).toEqual([
      'grant lease-2 4 of fleet to 1',
      'grant lease-3 2 of fleet to 0',
    ])
    expect(fleet.orders()).toEqual([])
    expect(fleet.budget.taken(fleet.nowMs)).toBe(6)
  })

  test('stock only while more than half is free; nothing while a person holds', () => {
    const fleet = new Fleet()
    fleet.hears(0, { stock: 1 })
    fleet.hears(1, { stock: 1 })
    expect(fleet.orders({ held: true })).toEqual([])
    expect(fleet.orders({ limit: 3 })).toEqual(['grant lease-2 1 of fleet to 0'])
    expect(fleet.orders({ limit: 4 })).toEqual(['grant lease-3 1 of fleet to 1'])
  })

  test('a spent token is free a minute after it was read; what nobody wants goes back', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { waiting: 2 })
    fleet.orders()
    fleet.nowMs += 10
    fleet.hears(0, { leases: [use('lease-2', 2, 1, true)] })
    expect(fleet.budget.taken(fleet.nowMs)).toBe(1)
    expect(fleet.budget.nextMs(fleet.nowMs)).toBe(fleet.nowMs + MINUTE)
    expect(fleet.budget.taken(fleet.nowMs + MINUTE - 1)).toBe(1)
    expect(fleet.budget.taken(fleet.nowMs + MINUTE)).toBe(0)
    expect(fleet.budget.nextMs(fleet.nowMs + MINUTE)).toBeNull()
  })

  test('spent can only rise, and never above what was granted', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { waiting: 3 })
    fleet.orders()
    for (const [spent, left] of [
      [2, 3],
      [1, 3],
      [-5, 3],
      [99, 3],
    ] as const) {
      fleet.hears(0, { leases: [use('lease-2', 3, spent)] })
      expect(fleet.budget.taken(fleet.nowMs)).toBe(left)
    }
    expect(fleet.budget.taken(fleet.nowMs + MINUTE)).toBe(0)
  })

  test('a lease its holder does not know any more counts as spent', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { waiting: 2 })
    fleet.orders()
    // It has not read the grant yet: nothing is lost.
    fleet.hears(0, { fleet_seq: 1 })
    expect(fleet.budget.taken(NOW + MINUTE)).toBe(2)
    fleet.hears(0)
    expect(fleet.budget.taken(NOW + MINUTE - 1)).toBe(2)
    expect(fleet.budget.taken(NOW + MINUTE)).toBe(0)
  })
})

describe('renewals', () => {
  test('40 s before the deadline, of who was heard within 15 s and still wants it', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { stock: 1 })
    fleet.orders()
    const held = { stock: 1, leases: [use('lease-2', 1, 0)] }
    expect(fleet.budget.nextMs(NOW)).toBe(NOW + LEASE_MS - 40_000)
    fleet.nowMs = NOW + 19_999
    fleet.hears(0, held)
    expect(fleet.orders()).toEqual([])
    fleet.nowMs += 1
    expect(fleet.orders()).toEqual(['grant lease-2 1 of fleet to 0'])
    // Unheard for longer than 15 s.
    fleet.nowMs = NOW + 19_999 + 15_001
    expect(fleet.orders()).toEqual([])
    fleet.nowMs = NOW + 40_000
    expect(fleet.orders()).toEqual([])
    fleet.hears(0, { ...held, stock: 0 })
    expect([fleet.orders(), fleet.budget.nextMs(fleet.nowMs)]).toEqual([[], null])
    fleet.hears(0, held)
    expect(fleet.orders()).toEqual(['grant lease-2 1 of fleet to 0'])
  })
})

test('idle stock is asked back for who waits, once, and again by nobody else', () => {
  const fleet = new Fleet()
  fleet.hears(0, { stock: 1 })
  fleet.orders({ limit: 2 })
  fleet.hears(0, { stock: 1, leases: [use('lease-2', 1, 0)] })
  fleet.hears(1, { waiting: 2 })
  expect(fleet.orders({ limit: 2 })).toEqual([
    'grant lease-3 1 of fleet to 1',
    'take_back lease-2 1 of fleet to 0',
  ])
  expect(fleet.budget.nextMs(fleet.nowMs)).toBe(fleet.nowMs + 3_000)
  fleet.hears(1, { waiting: 2, leases: [use('lease-3', 1, 0)] })
  expect(fleet.orders({ limit: 2 })).toEqual([])
  fleet.nowMs += 3_000
  expect(fleet.orders({ limit: 2 })).toEqual([])
  fleet.hears(0, { leases: [use('lease-2', 1, 0, true)] })
  expect(fleet.orders({ limit: 2 })).toEqual(['grant lease-5 1 of fleet to 1'])
})

describe('zones', () => {
  const picture = zoned(['a', 'b'])

  test('a token is of the zone that waits, and no other zone gets one meanwhile', () => {
    const fleet = new Fleet()
    fleet.hears(0, { waiting: 2, wants: [{ zone: 'a', waiting: 2 }] })
    fleet.hears(1, { waiting: 1, wants: [{ zone: 'b', waiting: 1 }] })
    expect(fleet.orders({ picture })).toEqual(['grant lease-2 2 of zone:a to 0'])
    fleet.hears(0, { leases: [use('lease-2', 2, 0, true)] })
    expect(fleet.orders({ picture })).toEqual(['grant lease-3 1 of zone:b to 1'])
  })

  test('one token lies ready for any zone, and is asked back before another is given', () => {
    const fleet = new Fleet()
    fleet.hears(0, { stock: 1 })
    fleet.hears(1, { stock: 1 })
    expect(fleet.orders({ picture })).toEqual(['grant lease-2 1 of fleet to 0'])
    const held = { stock: 1, leases: [use('lease-2', 1, 0)] }
    fleet.hears(0, held)
    fleet.hears(1, { waiting: 1, wants: [{ zone: 'b', waiting: 1 }] })
    expect(fleet.orders({ picture })).toEqual(['take_back lease-2 1 of fleet to 0'])
    fleet.hears(0, { stock: 1, leases: [use('lease-2', 1, 0, true)] })
    expect(fleet.orders({ picture })).toEqual(['grant lease-4 1 of zone:b to 1'])
  })

  test('none lies ready while somebody is at work in a zone', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { stock: 1 })
    expect(fleet.orders({ picture: zoned(['a', 'b'], ['a']) })).toEqual([])
    expect(fleet.orders({ picture: zoned(['a', 'b']) })).toHaveLength(1)
  })

  test('where no zones are told apart every task has one ready', () => {
    const fleet = new Fleet()
    fleet.hears(0, { stock: 1 })
    fleet.hears(1, { stock: 1 })
    expect(fleet.orders({ picture: pictureOf([]) })).toHaveLength(2)
  })

  test('while it is not clear what is common, only who has waited long enough', () => {
    const fleet = new Fleet(1)
    const unclear = { ...picture, unclearUntilMs: NOW + 10_000, unclearForMs: 2_000 }
    fleet.hears(0, { waiting: 1, stock: 1, wants: [{ zone: 'a', waiting: 1 }] })
    expect(fleet.orders({ picture: unclear })).toEqual([])
    const next = fleet.budget.nextMs(NOW) ?? 0
    fleet.nowMs = next - 1
    expect(fleet.orders({ picture: unclear })).toEqual([])
    fleet.nowMs = next
    expect(fleet.orders({ picture: unclear })).toEqual(['grant lease-2 1 of zone:a to 0'])
  })

  test('half of the budget stays for those who wait, also where no zones are told apart', () => {
    const fleet = new Fleet()
    fleet.hears(0, { stock: 2, waiting: 0 })
    fleet.hears(1, { stock: 1 })
    const plain = { picture: pictureOf([]), limit: 4 }
    expect(fleet.orders(plain)).toHaveLength(2)
    fleet.hears(0, { stock: 2, leases: [use('lease-2', 1, 0)] })
    fleet.hears(1, { stock: 1, leases: [use('lease-3', 1, 0)] })
    expect(fleet.orders(plain)).toEqual([])
  })

  test('a task that has its token waits for no other, and two of others share one', () => {
    const fleet = new Fleet(3)
    for (const task of [0, 1, 2])
      fleet.hears(task, { waiting: 1, wants: [{ zone: 'a', waiting: 1 }] })
    expect(fleet.orders({ picture, limit: 2 })).toHaveLength(2)
    fleet.hears(0, {
      waiting: 1,
      wants: [{ zone: 'a', waiting: 1 }],
      leases: [{ ...use('lease-2', 1, 0), budget: 'zone:a' }],
    })
    expect(fleet.orders({ picture })).toEqual(['grant lease-4 1 of zone:a to 2'])
  })

  test('what was taken over keeps its zone', () => {
    const fleet = new Fleet(1)
    fleet.hears(0, { leases: [{ ...use('lease-9', 1, 0), budget: 'zone:b' }] })
    fleet.hears(0, {
      waiting: 1,
      wants: [{ zone: 'a', waiting: 1 }],
      leases: [{ ...use('lease-9', 1, 0), budget: 'zone:b' }],
    })
    // It is renewed, and nothing of another zone is given beside it.
    expect(fleet.orders({ picture })).toEqual(['grant lease-9 1 of zone:b to 0'])
  })
})

test('an image holds the books, in each form', () => {
  for (const form of [FORM_FIRST, 3]) {
    const fleet = new Fleet()
    const wants = form === FORM_FIRST ? {} : { wants: [{ zone: 'a', waiting: 2 }] }
    fleet.hears(0, { waiting: 2, ...wants })
    fleet.orders(form === FORM_FIRST ? {} : { picture: zoned(['a', 'b']) })
    fleet.hears(0, { waiting: 2, ...wants, leases: [use('lease-2', 2, 1)] })
    const to = new ImageWriter(form)
    fleet.budget.save(to)
    const from = new ImageReader(joined(to.pieces()))
    from.form = form
    const again = new Budget(2)
    again.load(from)
    from.end()
    expect(again).toEqual(fleet.budget)
  }
})
