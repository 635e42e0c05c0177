// Lines and what they fold into.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyEntry,
  COMMANDS_KEPT,
  decodeLine,
  emptyState,
  encodeLine,
  entriesOf,
  instanceKey,
  type LedgerEntry,
  type LedgerState,
} from '../../../src/runtime/agent/ledger-entry.ts'
import { resultBody } from './ledger-fixture.ts'

const id = fc.constantFrom('c1', 'c2', 'c3', 'ü"\n')
const number = fc.integer({ min: 0, max: 1_000 })
const entry: fc.Arbitrary<LedgerEntry> = fc.oneof(
  fc.record({ t: fc.constant('seq' as const), upto: number }),
  fc.record({ t: fc.constant('position' as const), partition: number, offset: number }),
  fc.record({
    t: fc.constant('instance' as const),
    service: id,
    instance: id,
    incarnation: number,
    pid: fc.option(number),
    start: fc.option(id),
  }),
  fc.record({ t: fc.constant('seen' as const), task: id, gen: number, seq: number }),
  fc.record({
    t: fc.constant('started' as const),
    id,
    task: id,
    gen: number,
    seq: number,
    draft: fc.constant(resultBody('started')),
  }),
  fc.record({ t: fc.constant('done' as const), id, result: fc.constant(resultBody('succeeded')) }),
  fc.record({ t: fc.constant('reported' as const), id }),
)

const unline = (line: Buffer): Buffer => line.subarray(0, -1)

/** A command is begun once; the ledger refuses a second time, so the fold is not asked. */
function fold(entries: readonly LedgerEntry[]): LedgerState {
  const state = emptyState('c', 'a', 1)
  for (const one of entries) {
    if (one.t !== 'started' || !state.commands.has(one.id)) applyEntry(state, one)
  }
  return state
}

test('a line comes through', () => {
  fc.assert(
    fc.property(entry, (one) => {
      expect(decodeLine(unline(encodeLine(one)))).toEqual(one)
    }),
  )
})

test('a line with any bit changed is refused', () => {
  const line = unline(encodeLine({ t: 'seq', upto: 12 }))
  for (let bit = 0; bit < line.length * 8; bit++) {
    const bad = Buffer.from(line)
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(() => decodeLine(bad)).toThrow(RangeError)
  }
})

test('the shortened list of entries folds into the same state', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      const state = fold(entries)
      const again = emptyState('c', 'a', 1)
      for (const one of entriesOf(state).slice(1)) applyEntry(again, one)
      expect(again).toEqual(state)
    }),
  )
})

describe('what is forgotten', () => {
  const begin = (n: number, task: string): LedgerEntry => ({
    t: 'started',
    id: `${task}-${n}`,
    task,
    gen: 3,
    seq: n,
    draft: resultBody('started'),
  })

  test('ended commands beyond the limit, never open ones, never how far a task had come', () => {
    const entries: LedgerEntry[] = [begin(9, 'quiet'), begin(7, 'open')]
    entries.push({ t: 'done', id: 'quiet-9', result: resultBody('succeeded') })
    entries.push({ t: 'reported', id: 'quiet-9' })
    for (let n = 1; n <= COMMANDS_KEPT + 50; n++) {
      entries.push(begin(n, 'busy'))
      entries.push({ t: 'done', id: `busy-${n}`, result: resultBody('succeeded') })
      entries.push({ t: 'reported', id: `busy-${n}` })
    }
    const state = fold(entries)
    expect(state.commands.has('quiet-9')).toBe(false)
    expect(state.commands.has('open-7')).toBe(true)
    expect(state.commands.size).toBe(COMMANDS_KEPT + 1)
    const again = emptyState('c', 'a', 1)
    for (const one of entriesOf(state).slice(1)) applyEntry(again, one)
    expect(again.seen.get('quiet')).toEqual({ gen: 3, seq: 9 })
  })

  test('never the largest gen and seq, in whatever order they came', () => {
    const state = emptyState('c', 'a', 1)
    applyEntry(state, { ...begin(5, 't'), gen: 2 } as LedgerEntry)
    applyEntry(state, { ...begin(4, 't'), gen: 3 } as LedgerEntry)
    expect(state.seen.get('t')).toEqual({ gen: 3, seq: 5 })
  })
})

test('the newest life of an instance stands', () => {
  const state = emptyState('c', 'a', 1)
  for (const incarnation of [1, 2])
    applyEntry(state, {
      t: 'instance',
      service: 's',
      instance: 'i',
      incarnation,
      pid: incarnation,
      start: '9',
    })
  expect(state.instances.get(instanceKey('s', 'i'))).toMatchObject({ incarnation: 2, pid: 2 })
})
