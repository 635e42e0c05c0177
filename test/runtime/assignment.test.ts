// The assigner: complete, even, sticky, deterministic; and metadata that anybody may have written.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  assignTasks,
  decodeMetadata,
  encodeMetadata,
  type MemberFacts,
} from '../../src/runtime/assignment.ts'
import type { GroupMember } from '../../src/runtime/ports.ts'

const facts = (tasks: MemberFacts['tasks']): MemberFacts => ({
  round: 3,
  behaviourFrom: 1,
  behaviourTo: 2,
  format: 1,
  tasks,
})

const member = (memberId: string, tasks: MemberFacts['tasks']): GroupMember => ({
  memberId,
  metadata: encodeMetadata(facts(tasks)),
})

const owned = (tasks: readonly number[], position = 1): MemberFacts['tasks'] =>
  tasks.map((task) => ({ task, owned: true, position }))

const asObject = (map: ReadonlyMap<string, readonly number[]>): Record<string, readonly number[]> =>
  Object.fromEntries(map)

describe('metadata', () => {
  test('what is written is what is read', () => {
    const warm = fc.record({
      task: fc.nat({ max: 4_095 }),
      owned: fc.boolean(),
      position: fc.nat({ max: 2 ** 47 }),
    })
    const all = fc.record({
      round: fc.nat({ max: 65_535 }),
      behaviourFrom: fc.nat({ max: 65_535 }),
      behaviourTo: fc.nat({ max: 65_535 }),
      format: fc.nat({ max: 65_535 }),
      tasks: fc.array(warm, { maxLength: 40 }),
    })
    fc.assert(
      fc.property(all, (value) => {
        expect(decodeMetadata(encodeMetadata(value))).toEqual(value)
      }),
    )
  })

  test('bytes of a stranger say nothing and break nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (metadata) => {
        const shares = assignTasks([{ memberId: 'x', metadata }], 3)
        expect(asObject(shares)).toEqual({ x: [0, 1, 2] })
      }),
    )
  })
})

describe('assignment', () => {
  test('nobody there: nothing is assigned', () => expect(assignTasks([], 12).size).toBe(0))

  test('more members than tasks: some have none, each task has one owner', () => {
    const shares = assignTasks([member('a', []), member('b', []), member('c', [])], 2)
    expect(asObject(shares)).toEqual({ a: [0], b: [1], c: [] })
  })

  test('a new member takes as few tasks as evenness asks for', () => {
    const shares = assignTasks([member('a', owned([0, 1, 2, 3, 4, 5])), member('b', [])], 6)
    expect(asObject(shares)).toEqual({ a: [0, 1, 2], b: [3, 4, 5] })
  })

  test('a task without an owner goes where it is known furthest', () => {
    const warm = (task: number, position: number): MemberFacts['tasks'] => [
      { task, owned: false, position },
    ]
    const shares = assignTasks([member('a', warm(1, 50)), member('b', warm(1, 90))], 2)
    expect(asObject(shares)).toEqual({ a: [0], b: [1] })
  })

  test('of two that claim a task the one further on keeps it', () => {
    const shares = assignTasks([member('a', owned([0], 10)), member('b', owned([0], 11))], 2)
    expect(asObject(shares)).toEqual({ a: [1], b: [0] })
  })

  const member2 = fc.record({
    memberId: fc.stringMatching(/^[a-z]{1,6}$/),
    tasks: fc.array(
      fc.record({ task: fc.nat({ max: 30 }), owned: fc.boolean(), position: fc.nat({ max: 99 }) }),
      { maxLength: 12 },
    ),
  })
  const members = fc.uniqueArray(member2, {
    minLength: 1,
    maxLength: 7,
    selector: ({ memberId }) => memberId,
  })

  test('every task exactly once, shares differ by one at most, in any order of members', () => {
    fc.assert(
      fc.property(members, fc.nat({ max: 24 }), (list, count) => {
        const group = list.map(({ memberId, tasks }) => member(memberId, tasks))
        const shares = assignTasks(group, count)
        const all = [...shares.values()].flat().sort((a, b) => a - b)
        expect(all).toEqual(Array.from({ length: count }, (_, i) => i))
        const sizes = [...shares.values()].map((tasks) => tasks.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        expect(asObject(assignTasks(group.toReversed(), count))).toEqual(asObject(shares))
      }),
    )
  })

  test('sticky: when nothing changes nothing moves', () => {
    fc.assert(
      fc.property(members, fc.nat({ max: 24 }), (list, count) => {
        const first = assignTasks(
          list.map(({ memberId }) => member(memberId, [])),
          count,
        )
        const again = assignTasks(
          [...first].map(([memberId, tasks]) => member(memberId, owned(tasks))),
          count,
        )
        expect(asObject(again)).toEqual(asObject(first))
      }),
    )
  })
})
