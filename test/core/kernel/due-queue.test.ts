// The queue against a list that is looked through from end to end.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueQueue, type Queued } from '../../../src/core/kernel/due-queue.ts'

interface Item extends Queued {
  readonly id: number
  dueMs: number | null
}

const command = fc.oneof(
  fc.record({ kind: fc.constant('move'), id: fc.nat(7), dueMs: fc.option(fc.nat(60)) }),
  fc.record({ kind: fc.constant('later'), id: fc.nat(7), byMs: fc.nat(30) }),
  fc.record({ kind: fc.constant('take'), nowMs: fc.nat(60) }),
  fc.record({ kind: fc.constant('earliest'), belowMs: fc.nat(90) }),
)

test('finds what a look through everything finds', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const items: Item[] = Array.from({ length: 8 }, (_, id) => {
        return { id, dueMs: null, queuedMs: Number.POSITIVE_INFINITY }
      })
      const queue = new DueQueue<Item>(({ dueMs }) => dueMs)
      for (const one of commands) {
        if ('dueMs' in one) {
          const item = items[one.id]
          if (item === undefined) continue
          item.dueMs = one.dueMs
          queue.note(item)
        } else if ('byMs' in one) {
          // Moves later without a word to the queue.
          const item = items[one.id]
          if (item?.dueMs !== null && item !== undefined) item.dueMs += one.byMs
        } else if ('nowMs' in one) {
          const due: Item[] = []
          queue.take(one.nowMs, due)
          const expected = items.filter(({ dueMs }) => dueMs !== null && dueMs <= one.nowMs)
          expect(due.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id))
          for (const item of due) {
            if (item.id % 2 === 0) item.dueMs = null
            queue.note(item)
          }
        } else {
          const times = items.flatMap(({ dueMs }) => dueMs ?? [])
          const least = Math.min(...times)
          expect(queue.earliest(one.belowMs)).toBe(least < one.belowMs ? least : null)
        }
      }
    }),
    { numRuns: 400 },
  )
})
