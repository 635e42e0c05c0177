// What the checker says of the fleet's budget, by records that somebody else may have written: told
// are tokens that are given twice, and nothing else.
import { describe, expect, test } from 'vitest'
import type { LeaseUse } from '../../src/contracts/records.ts'
import { LeaseOrder } from '../../src/roles/simulate/leases.ts'

type Granted = Parameters<LeaseOrder['granted']>[1]
type Heard = Parameters<LeaseOrder['heard']>[1]

const grant = (seq: number, tokens: number, lease: number = seq): Granted => ({
  kind: 'grant',
  seq,
  grant: { lease_id: `lease-${lease}`, budget: 'fleet', tokens, deadline_ms: 0 },
})

const word = (read: number, ...leases: LeaseUse[]): Heard => ({ leases, fleet_seq: read })

const use = (lease: number, tokens: number, spent: number, settled: boolean): LeaseUse => {
  return { lease_id: `lease-${lease}`, tokens, spent, settled }
}

describe('the budget of the fleet', () => {
  test('is kept where each lease waits for the word about the one before', () => {
    const order = new LeaseOrder()
    order.granted(0, grant(1, 2), 0)
    order.heard(0, word(1, use(1, 2, 0, true)), 10)
    order.granted(1, grant(2, 1), 20)
    // A renewal is no second lease.
    order.granted(1, grant(3, 1, 2), 30)
    order.granted(0, grant(4, 1), 40)
    expect(order.problems(Infinity)).toEqual([])
  })

  test('is not kept by who gives the tokens of a lease away at its deadline', () => {
    const order = new LeaseOrder()
    order.granted(0, grant(1, 2), 0)
    order.granted(1, grant(2, 1), 60_000)
    order.heard(0, word(1, use(1, 2, 0, true)), 60_100)
    const told = 'lease-2 is granted with 3 tokens out and 0 spent in a minute, 2 are the limit'
    expect(order.problems(Infinity)).toEqual([told])
  })

  test.each([
    [60_009, 1],
    [60_010, 0],
  ])('a spent token that is given again at %i ms: %i problems', (atMs, problems) => {
    const order = new LeaseOrder()
    order.granted(0, grant(1, 2), 0)
    order.heard(0, word(1, use(1, 2, 2, true)), 10)
    order.granted(1, grant(2, 1), atMs)
    expect(order.problems(Infinity)).toHaveLength(problems)
  })

  test('a grant that its holder never took is over with the first word of who has read it', () => {
    const order = new LeaseOrder()
    order.granted(0, grant(1, 2), 0)
    // Said before it was read.
    order.heard(0, word(0), 10)
    order.granted(1, grant(2, 1), 20)
    expect(order.problems(21)).toHaveLength(1)
    order.heard(0, word(1), 30)
    order.heard(1, word(2), 30)
    order.granted(1, grant(3, 2), 40)
    expect(order.problems(Infinity)).toEqual([])
  })

  test('what is told after its time is told of', () => {
    const order = new LeaseOrder()
    expect(order.problems(100)).toEqual([])
    order.granted(0, grant(1, 1), 50)
    expect(order.problems(200)).toEqual(['an event of the budget was told too late'])
  })
})
