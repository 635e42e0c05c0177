// The queue against a look through all slots, also where a slot is another's after a while.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SlotQueue } from '../../../src/core/kernel/slot-queue.ts'
import { NEXT_MS, Slots } from '../../../src/core/kernel/slots.ts'

const MANY = 70
const NEVER = Number.POSITIVE_INFINITY

/** Of what is due, in half seconds and a little, so that many seconds have something. */
const time = (most: number): fc.Arbitrary<number> => fc.nat(most).map((n) => 470 * n)
const slot = fc.integer({ min: 1, max: MANY })
const command = fc.oneof(
  fc.record({ does: fc.constant('move'), slot, atMs: fc.option(time(300)) }),
  fc.record({ does: fc.constant('later'), slot, atMs: time(30) }),
  fc.record({ does: fc.constant('turn over'), slot, atMs: fc.option(time(300)) }),
  fc.record({ does: fc.constant('take'), slot, atMs: time(300) }),
  fc.record({ does: fc.constant('earliest'), slot, atMs: time(300) }),
)

test('finds what a look through everything finds', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const slots = new Slots()
      const queue = new SlotQueue(slots)
      const times = new Map<number, number>()
      const begin = (): void => {
        const made = slots.take()
        queue.forget(made)
        times.set(made, NEVER)
      }
      const set = (one: number, atMs: number): void => {
        times.set(one, atMs)
        slots.setDouble(one, NEXT_MS, atMs)
      }
      for (let i = 0; i < MANY; i++) begin()
      for (const { does, slot: one, atMs } of commands) {
        if (does === 'later') {
          // Without a word to the queue.
          set(one, (times.get(one) ?? 0) + (atMs ?? 0))
        } else if (does === 'take') {
          const due: number[] = []
          queue.take(atMs ?? 0, due)
          const wanted = [...times].filter(([, dueMs]) => dueMs <= (atMs ?? 0))
          expect(due.toSorted((a, b) => a - b)).toEqual(wanted.map(([held]) => held))
          for (const held of due) {
            if (held % 2 === 0) set(held, NEVER)
            queue.note(held)
          }
        } else if (does === 'earliest') {
          const least = Math.min(...times.values())
          expect(queue.earliest(atMs ?? 0)).toBe(least < (atMs ?? 0) ? least : null)
        } else {
          if (does === 'turn over') {
            queue.forget(one)
            slots.give(one)
            begin()
          }
          set(one, atMs ?? NEVER)
          queue.note(one)
        }
      }
    }),
    { numRuns: 300 },
  )
})
