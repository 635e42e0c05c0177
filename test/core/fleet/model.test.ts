// The budget, whoever dies and whatever the clocks say: every order of steps, records read late,
// read twice, by a clock that lags, two terms of the fleet task, and time that jumps (model M2 of
// reliability.md); larger fleets with `--full`. A rule that is left out has to be found out.
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { Budget, type OrderAt } from '../../../src/core/fleet/budget.ts'
import { Holder } from '../../../src/core/fleet/holder.ts'
import { isFull } from '../../support/full.ts'
import { explore, type Explored } from './explore.ts'
import { bareFleet } from './fleet-steps.ts'
import { type Model, newModel, settleDown, wants } from './model.ts'
import { keyOf, type Left, moves, type World } from './moves.ts'

const NOTHING: Left = { ticks: 0, jumps: 0, needs: [], restarts: 0 }

function all(model: Model, left: Left, most: number = 1_000_000): Explored<World> {
  return explore({
    from: { model, left },
    moves,
    key: keyOf,
    wrong: (world) => world.model.wrong,
    most,
    sampleEvery: 500,
  })
}

interface Case {
  readonly tasks: number
  readonly limit: number
  readonly left: Left
}

const SMALL: readonly Case[] = [
  { tasks: 3, limit: 1, left: { ...NOTHING, ticks: 2, needs: [1, 1, 0] } },
  { tasks: 2, limit: 1, left: { ticks: 1, jumps: 1, needs: [1, 1], restarts: 1 } },
]
const LARGE: readonly Case[] = [
  { tasks: 2, limit: 1, left: { ticks: 2, jumps: 1, needs: [1, 1], restarts: 1 } },
  { tasks: 3, limit: 2, left: { ticks: 2, jumps: 1, needs: [1, 1, 1], restarts: 1 } },
]

describe.each(isFull ? LARGE : SMALL)(
  '$tasks tasks, limit $limit, $left',
  ({ tasks, limit, left }) => {
    let explored: Explored<World>
    beforeAll(() => {
      explored = all(newModel(tasks, limit, bareFleet), left)
    }, 300_000)

    test('no order of events gives more than the limit', () => {
      expect(explored.wrong).toBeNull()
      expect(explored.cut).toBe(false)
      expect(explored.states).toBeGreaterThan(2_000)
      console.log(`${tasks} tasks, limit ${limit}: ${explored.states} states`)
    })

    test('once everybody lives, every command is given, and no token is lost', () => {
      for (const { model } of explored.samples) {
        const wanted = model.holders.reduce((sum, { need }) => sum + need, 0)
        const settled = settleDown(model, 60, 4_000)
        expect(settled.wrong).toBeNull()
        expect(settled.commands - model.commands).toBe(wanted)
        // The whole budget can be spent again.
        const spent = settleDown(wants(settled, 0, limit), 6)
        expect(spent.commands - settled.commands).toBe(limit)
      }
    })
  },
)

interface Insides {
  leases: { deadlineMs: number }[]
  spent: unknown[]
}

/** The private parts of a budget: a rule is taken out of the real thing. */
function inside(budget: Budget): Insides {
  return budget as unknown as Insides
}

describe('a rule that is left out is found out', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })
  const wrongOf = (needs: readonly number[] = [1, 1]): string | null => {
    const left = { ...NOTHING, ticks: 2, needs }
    return all(newModel(2, 1, bareFleet), left, 20_000).wrong?.what ?? null
  }

  test('none is', () => {
    expect(wrongOf()).toBeNull()
  })

  // A holder that was slow spends what has been given to another one meanwhile.
  test('a lease is taken back on time alone', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { orders } = Budget.prototype
    vi.spyOn(Budget.prototype, 'orders').mockImplementation(function (this: Budget, at: OrderAt) {
      inside(this).leases = inside(this).leases.filter(({ deadlineMs }) => deadlineMs > at.nowMs)
      return orders.call(this, at)
    })
    expect(wrongOf()).toMatch(/tokens out/)
  })

  test('a spent token is free at once', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { taken } = Budget.prototype
    vi.spyOn(Budget.prototype, 'taken').mockImplementation(function (this: Budget, nowMs: number) {
      inside(this).spent = []
      return taken.call(this, nowMs)
    })
    expect(wrongOf()).toMatch(/commands in a minute/)
  })

  // An observation that was made before the grant was read says nothing about it.
  test('a grant on its way counts as lost', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { hear } = Budget.prototype
    vi.spyOn(Budget.prototype, 'hear').mockImplementation(function (
      this: Budget,
      ...[partition, word, nowMs]: Parameters<Budget['hear']>
    ) {
      const seq = word.fleet_seq === 0 ? 0 : Number.MAX_SAFE_INTEGER
      hear.call(this, partition, { ...word, fleet_seq: seq }, nowMs)
    })
    expect(wrongOf([2, 0])).not.toBeNull()
  })

  test('a lease is settled without a word of what was spent', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { takeUses } = Holder.prototype
    vi.spyOn(Holder.prototype, 'takeUses').mockImplementation(function (this: Holder) {
      return takeUses.call(this).map((use) => ({ ...use, spent: 0 }))
    })
    expect(wrongOf()).not.toBeNull()
  })

  // The same record read twice is no second lease.
  test('a holder takes a record that it has read', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with its object below
    const { evolve } = Holder.prototype
    vi.spyOn(Holder.prototype, 'evolve').mockImplementation(function (
      this: Holder,
      ...[record, nowMs]: Parameters<Holder['evolve']>
    ) {
      this.seq = 0
      evolve.call(this, record, nowMs)
    })
    expect(wrongOf([2, 0])).not.toBeNull()
  })
})
