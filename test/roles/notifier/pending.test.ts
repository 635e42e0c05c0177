// Whatever comes and is delivered in whatever order: a position never passes what was not
// delivered, nothing is handed out twice or in another order, and in the end nothing is left.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Item, Pending } from '../../../src/roles/notifier/pending.ts'

const topic = 't'
const act = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), partition: fc.nat(2), group: fc.nat(3) }),
  fc.record({ kind: fc.constant('skip' as const), partition: fc.nat(2) }),
  fc.record({ kind: fc.constant('deliver' as const), waitMs: fc.nat(50) }),
)

test('against a list of what is not delivered', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (acts, max) => {
      const pending = new Pending<number>({ waitMs: 20, itemsMax: max, waitingMax: 12 })
      const next = [0, 0, 0]
      let undelivered: Item<number>[] = []
      let nowMs = 0
      for (const one of acts) {
        if (one.kind === 'deliver') {
          nowMs += one.waitMs
          const batch = pending.due(nowMs)
          if (batch === null) continue
          const same = undelivered.filter(({ group }) => group === batch.group)
          expect(batch.items).toEqual(same.slice(0, max))
          undelivered = undelivered.filter((item) => !batch.items.includes(item))
          pending.done(batch)
        } else {
          const { partition } = one
          const offset = next[partition] ?? 0
          next[partition] = offset + 1
          if (one.kind === 'read') {
            const item = { topic, partition, offset, group: `g${one.group}`, value: offset }
            undelivered.push(item)
            pending.add(item, nowMs)
          }
          pending.reached({ topic, partition, offset: offset + 1 })
        }
        for (const { partition, offset } of pending.positions()) {
          const oldest = undelivered.find((item) => item.partition === partition)
          expect(offset).toBe(oldest?.offset ?? next[partition])
        }
      }
      for (let batch = pending.due(Infinity); batch !== null; batch = pending.due(Infinity)) {
        const items = new Set(batch.items)
        undelivered = undelivered.filter((item) => !items.has(item))
        pending.done(batch)
      }
      expect(undelivered).toEqual([])
      expect([pending.nextMs(), pending.oldestMs(), pending.isFull]).toEqual([null, null, false])
    }),
  )
})

test('the first of a group waits; a full house waits no longer', () => {
  const pending = new Pending<string>({ waitMs: 100, itemsMax: 10, waitingMax: 3 })
  const add = (offset: number, nowMs: number): void =>
    pending.add({ topic, partition: 0, offset, group: 'g', value: `${offset}` }, nowMs)
  add(0, 50)
  add(1, 120)
  expect([pending.due(149), pending.nextMs()]).toEqual([null, 150])
  expect(pending.due(150)?.items.length).toBe(2)
  add(2, 120)
  expect(pending.isFull).toBe(true)
  expect(pending.due(121)?.items.length).toBe(3)
})
