// Assignments as bytes: what we wrote comes back, what others wrote is refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeTasks, encodeAssignment } from '../../../src/adapters/client/assignment-bytes.ts'

const task = fc.integer({ min: 0, max: 2 ** 31 - 1 })

test('every member is told just its own tasks, in their order', () => {
  const tasks = fc.uniqueArray(task, { maxLength: 50 })
  fc.assert(
    fc.property(tasks, fc.integer({ min: 1, max: 5 }), (all, count) => {
      const ids = Array.from({ length: count }, (_, i) => `m-${i}`)
      const given = new Map(ids.map((id, i) => [id, all.filter((_t, at) => at % count === i)]))
      const encoded = encodeAssignment(given)
      const told = new Map([...encoded].map(([id, bytes]) => [id, decodeTasks(bytes)]))
      expect(told).toEqual(given)
    }),
  )
})

test('a task given twice is refused, to one member or to two', () => {
  const refused = { code: 'INVALID_REQUEST' }
  expect(() => encodeAssignment(new Map([['a', [1, 2, 1]]]))).toThrow(
    expect.objectContaining(refused),
  )
  const both = new Map([
    ['a', [1]],
    ['b', [2, 1]],
  ])
  expect(() => encodeAssignment(both)).toThrow(expect.objectContaining(refused))
})

test('no bytes are no tasks: the leader left the member out', () => {
  expect(decodeTasks(new Uint8Array(0))).toEqual([])
})

test.each([
  ['cut off', Uint8Array.of(1, 0, 0, 0)],
  ['of another version', Uint8Array.of(2, 0, 0, 0, 1)],
  ['with a task twice', Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)],
  ['with a negative task', Uint8Array.of(1, 255, 255, 255, 255)],
  ['of Kafka\u2019s own consumer', new TextEncoder().encode('range,roundrobin')],
])('an assignment %s is refused', (_, bytes) => {
  expect(() => decodeTasks(bytes)).toThrow(
    expect.objectContaining({
      code: 'INVALID_REQUEST',
      message: expect.stringMatching(/that is not ours/),
    }),
  )
})

test('bytes from anywhere are tasks of ours or refused, never half understood', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let tasks: readonly number[]
      try {
        tasks = decodeTasks(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_REQUEST' })
        return
      }
      const again = encodeAssignment(new Map([['m', tasks]])).get('m')
      expect(bytes.length === 0 ? again : bytes).toEqual(again)
    }),
  )
})
