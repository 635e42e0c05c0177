// Tokens of zones: never two zones at once, whoever answers late, twice or never. The monitor sees
// the tokens in hand, what was spent and what is being worked on, and nothing of the budget's
// books.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { taskId } from '../../../src/contracts/ids.ts'
import type { FleetRecord, LeaseUse } from '../../../src/contracts/records.ts'
import { Budget } from '../../../src/core/fleet/budget.ts'
import { Holder } from '../../../src/core/fleet/holder.ts'
import { pictureOf } from '../../../src/core/fleet/picture.ts'
import { mayGive, wantsOf, zoneBudget } from '../../../src/core/fleet/wants.ts'
import { group, seen, zoned } from './seen.ts'

test('what may be given', () => {
  const lease = (budget: string, askedMs: number | null = null) => ({ budget, askedMs })
  const picture = zoned(['a', 'b'])
  const nowMs = 10_000
  const may = (zone: string, ...leases: ReturnType<typeof lease>[]): boolean =>
    mayGive(zone, { leases, picture, nowMs })
  expect([may('a'), may('a', lease('zone:a')), may('a', lease('zone:'))]).toEqual([
    true,
    true,
    true,
  ])
  expect([may('a', lease('zone:b')), may('a', lease('fleet'))]).toEqual([false, false])
  expect([may(''), may('', lease('zone:b')), may('', lease('fleet'))]).toEqual([true, true, false])
  expect(may('', lease('fleet', 7_000))).toBe(true)
  expect(may('a', lease('fleet', 7_000))).toBe(false)
  const busy = { leases: [], picture: zoned(['a', 'b'], ['b']), nowMs }
  expect([mayGive('a', busy), mayGive('b', busy), mayGive('', busy)]).toEqual([false, true, true])
  // Work on instances without a zone stands in the way of none.
  const loose = { leases: [], picture: zoned(['a', 'b', ''], ['', 'a']), nowMs }
  expect([mayGive('a', loose), mayGive('b', loose)]).toEqual([true, false])
  expect(mayGive('a', { leases: [lease('fleet')], picture: pictureOf([]), nowMs })).toBe(true)
  expect(wantsOf({ wants: [], waiting: 2 })).toEqual([{ zone: '', waiting: 2 }])
})

const ZONES = ['a', 'b', 'c']
const TASKS = 3

/** A task: its holder, what it has not read yet, and what it works on by zone. */
class Member {
  readonly holder = new Holder()
  readonly unread: FleetRecord[] = []
  readonly working: string[] = []
  said: readonly LeaseUse[] = []

  read(nowMs: number, count: number, twice: boolean): void {
    for (const record of this.unread.splice(0, count)) {
      this.holder.evolve(record, nowMs)
      if (twice) this.holder.evolve(record, nowMs)
    }
  }
}

const move = fc.oneof(
  fc.record({
    what: fc.constant('wants' as const),
    who: fc.nat(TASKS - 1),
    zone: fc.constantFrom(...ZONES),
  }),
  fc.record({
    what: fc.constant('read' as const),
    who: fc.nat(TASKS - 1),
    count: fc.nat(3),
    twice: fc.boolean(),
  }),
  fc.record({ what: fc.constant('tell' as const), who: fc.nat(TASKS - 1) }),
  fc.record({ what: fc.constant('ends' as const), who: fc.nat(TASKS - 1) }),
  fc.record({ what: fc.constant('time' as const), ms: fc.constantFrom(10, 500, 3_000, 61_000) }),
)

test('work is never done in two zones at once', () => {
  let acts = 0
  let zones = 0
  fc.assert(
    fc.property(fc.array(move, { minLength: 20, maxLength: 120 }), (moves) => {
      const budget = new Budget(TASKS)
      const members = Array.from({ length: TASKS }, () => new Member())
      let nowMs = 1_000_000
      let seq = nowMs
      const told = members.map(() => new Set<string>())
      const nextSeq = (): number => (seq += 1)
      const tell = (i: number): void => {
        const member = members[i]
        if (member === undefined) return
        const { holder } = member
        holder.expire(nowMs)
        holder.giveBackZones()
        holder.giveBack(1 + holder.demand, nowMs)
        const wants = holder.wants()
        const word = {
          at_ms: nowMs,
          waiting: holder.demand,
          stock: 1,
          fleet_seq: holder.seq,
          wants,
        }
        budget.hear(i, { ...word, leases: holder.takeUses() }, nowMs)
        told[i] = new Set(member.working)
        const working = new Set(told.flatMap((one) => [...one]))
        const groups = ZONES.map((zone) => group({ zone, in_hand: working.has(zone) ? 1 : 0 }))
        const picture = pictureOf([seen('shop', groups)])
        for (const { kind, partition, seq: at, lease } of budget.orders({
          nowMs,
          limit: 6,
          held: false,
          nextSeq,
          picture,
        })) {
          const grant = {
            lease_id: lease.id,
            budget: lease.budget,
            tokens: lease.tokens,
            deadline_ms: lease.deadlineMs,
          }
          const record = {
            task: taskId(`s${partition}`),
            seq: at,
            gen: 1,
            at_ms: nowMs,
            kind,
            grant,
          }
          members[partition]?.unread.push({ ...record, pulse: null, verdict: null })
        }
      }
      budget.born(1)
      members.forEach((member) => (member.holder.seq = 1))
      members.forEach((_, i) => tell(i))
      for (const one of moves) {
        if (one.what === 'time') nowMs += one.ms
        else {
          const member = members[one.who]
          if (member === undefined) continue
          if (one.what === 'wants') member.holder.wait(`${one.zone}-${nowMs}`, true, one.zone)
          else if (one.what === 'ends') member.working.pop()
          else if (one.what === 'tell') tell(one.who)
          else member.read(nowMs, one.count, one.twice)
          // Whoever waits and may, acts: command, spend and the word of both are one commit.
          for (const zone of ZONES) {
            if (!member.holder.wants().some((want) => want.zone === zone)) continue
            if (member.holder.tokens(nowMs, zone) === 0) continue
            expect(member.holder.spend(nowMs, zone)).not.toBeNull()
            member.holder.keepWaiting((key) => !key.startsWith(zone))
            member.working.push(zone)
            acts += 1
            tell(one.who)
          }
        }
        const busy = new Set(members.flatMap(({ working }) => working))
        expect(busy.size, `in hand: ${[...busy].join(', ')}`).toBeLessThanOrEqual(1)
        zones += busy.size
      }
    }),
    { numRuns: Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 300 },
  )
  expect([acts > 20, zones > 20]).toEqual([true, true])
})

test('an answer without a zone is told by its budget', () => {
  expect([zoneBudget(''), zoneBudget('a')]).toEqual(['zone:', 'zone:a'])
})
