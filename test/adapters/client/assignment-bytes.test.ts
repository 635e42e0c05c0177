// Assignments as bytes: what we wrote comes back, what others wrote is refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeShare, encodeAssignment } from '../../../src/adapters/client/assignment-bytes.ts'
import { owning, sharesOf } from '../../support/shares.ts'

const task = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const small = fc.nat({ max: 65_535 })

test('every member is told just its own share, in its order', () => {
  const tasks = fc.uniqueArray(task, { maxLength: 50 })
  fc.assert(
    fc.property(tasks, fc.integer({ min: 1, max: 5 }), small, small, (all, count, behaviour, n) => {
      const given = new Map(
        Array.from({ length: count }, (_, i) => {
          const own = all.filter((_t, at) => at % count === i)
          const standby = all.filter((_t, at) => (at + 1) % count === i && count > 1)
          const coming = standby.slice(0, n % 3)
          return [`m-${i}`, { tasks: own, standby, coming, behaviour, format: n }] as const
        }),
      )
      const encoded = encodeAssignment(given)
      const told = new Map([...encoded].map(([id, bytes]) => [id, decodeShare(bytes)]))
      expect(told).toEqual(given)
    }),
  )
})

test('a task owned twice is refused, by one member or by two', () => {
  const refused = { code: 'INVALID_REQUEST' }
  expect(() => encodeAssignment(sharesOf([['a', [1, 2, 1]]]))).toThrow(
    expect.objectContaining(refused),
  )
  const both = sharesOf([
    ['a', [1]],
    ['b', [2, 1]],
  ])
  expect(() => encodeAssignment(both)).toThrow(expect.objectContaining(refused))
})

test('no bytes are no tasks: the leader left the member out', () => {
  expect(decodeShare(new Uint8Array(0))).toEqual({ ...owning([]), behaviour: 0, format: 0 })
})

/** Version, behaviour 1, format 2, how many of each, the numbers. */
const share = (version: number, counts: readonly number[], tasks: readonly number[]): Uint8Array =>
  Uint8Array.from([
    version,
    0,
    1,
    0,
    2,
    ...counts.flatMap((count) => [0, count]),
    ...tasks.flatMap((one) => [one < 0 ? 255 : 0, one & 255, one & 255, one & 255]),
  ])

test('what is built here by hand is read as it is meant', () => {
  const numbers = [1, 2, 2].map((n) => n * 0x010101)
  expect(decodeShare(share(2, [1, 1, 1], [1, 2, 2]))).toEqual({
    tasks: numbers.slice(0, 1),
    standby: numbers.slice(1, 2),
    coming: numbers.slice(2),
    behaviour: 1,
    format: 2,
  })
})

test.each([
  ['cut off', share(2, [1, 0, 0], [1]).subarray(0, 13)],
  ['with more than it says', share(2, [1, 0, 0], [1, 2])],
  ['of another version', share(1, [1, 0, 0], [1])],
  ['with a task twice', share(2, [2, 0, 0], [1, 1])],
  ['with a task owned and followed', share(2, [1, 1, 0], [1, 1])],
  ['with a task coming that is not followed', share(2, [0, 1, 1], [1, 2])],
  ['with a negative task', share(2, [1, 0, 0], [-1])],
  ['of Kafka\u2019s own consumer', new TextEncoder().encode('range,roundrobin')],
])('an assignment %s is refused', (_, bytes) => {
  expect(() => decodeShare(bytes)).toThrow(
    expect.objectContaining({
      code: 'INVALID_REQUEST',
      message: expect.stringMatching(/that is not ours/),
    }),
  )
})

test('bytes from anywhere are a share of ours or refused, never half understood', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.nat({ max: 3 }), fc.nat({ max: 2 }), fc.array(fc.nat({ max: 9 }), { maxLength: 6 }))
      .map(([owned, followed, tasks]) => share(2, [owned, followed, 0], tasks)),
  )
  fc.assert(
    fc.property(anything, (bytes) => {
      let told: ReturnType<typeof decodeShare>
      try {
        told = decodeShare(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_REQUEST' })
        return
      }
      const again = encodeAssignment(new Map([['m', told]])).get('m')
      if (bytes.length > 0) expect(again).toEqual(bytes)
    }),
  )
})
