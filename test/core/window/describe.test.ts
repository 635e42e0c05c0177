// The canonical value of what is counted: names instead of numbers of rows, and everything in it.
import { expect, test } from 'vitest'
import { describeLedger } from '../../../src/core/window/describe.ts'
import { Entry } from '../../../src/core/window/entry.ts'
import { gridOf } from '../../../src/core/window/grid.ts'
import { Ledger } from '../../../src/core/window/ledger.ts'

function counted(names: readonly string[]): Ledger {
  const ledger = new Ledger(gridOf(4))
  ledger.advance(1_000)
  const entry = new Entry()
  for (const instance of names) {
    entry.clear(ledger.rows.make({ service: 'shop', instance, caller: null }))
    ledger.reserve()
    entry.ms = 250
    entry.n = 2
    entry.errors = 1
    entry.push(7, 2)
    ledger.record(1_000, entry)
  }
  return ledger
}

test('rows by name with their windows, entries by the ranks of their owners', () => {
  const window = [2, 1, [7, 2]]
  const both = [4, 2, [7, 4]]
  expect(describeLedger(counted(['b', 'a']))).toEqual({
    sec: 1_000,
    rows: [
      ['shop\n\n', 0, [both, both, both]],
      ['shop\na\n', 0, [window, window, window]],
      ['shop\nb\n', 0, [window, window, window]],
    ],
    entries: [
      [1_000_250, 1, 0, 2, 1, 7, 2],
      [1_000_250, 2, 0, 2, 1, 7, 2],
    ],
    decades: [],
  })
  expect(describeLedger(counted(['a', 'b']))).toEqual(describeLedger(counted(['b', 'a'])))
})

test('what has left the 60-s window is summed by row and decade', () => {
  const ledger = counted(['a'])
  ledger.advance(1_065)
  const open = describeLedger(ledger)
  expect(open).toMatchObject({
    entries: [],
    decades: [
      [100, 0, 2, 1, 7, 2],
      [100, 1, 2, 1, 7, 2],
    ],
  })
  ledger.advance(1_080)
  expect(describeLedger(ledger)).toEqual({ ...open, sec: 1_080 })
})
