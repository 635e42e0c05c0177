// When what leaves which window, to the second; and a fleet large enough to fill chunks of panes,
// through its image.
import { describe, expect, test } from 'vitest'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { describeLedger } from '../../../src/core/window/describe.ts'
import { Entry } from '../../../src/core/window/entry.ts'
import { gridOf } from '../../../src/core/window/grid.ts'
import { IN_10, IN_300, IN_60, Ledger } from '../../../src/core/window/ledger.ts'

const START = 1_000

const entry = new Entry()

function entryOf(row: number, seed: number): Entry {
  entry.clear(row)
  entry.n = 6
  entry.errors = seed % 2
  for (let i = 0; i < 6; i++) entry.push(150 + 9 * i + (seed % 9), 1)
  return entry
}

function made(): { readonly ledger: Ledger; readonly row: number } {
  const ledger = new Ledger(gridOf(4))
  ledger.advance(START)
  const row = ledger.rows.make({ service: 'shop', instance: 'a', caller: null })
  ledger.reserve()
  return { ledger, row }
}

function image(ledger: Ledger): Buffer {
  const writer = new ImageWriter()
  ledger.save(writer)
  return Buffer.concat(writer.pieces())
}

function requests(ledger: Ledger, row: number): number[] {
  ledger.wantShort()
  return ([10_000, 60_000, 300_000] as const).map((span) => ledger.tallies.requests(row, span))
}

describe('what was counted', () => {
  test('leaves the windows after 10, 60, and with its decade after 291 to 300 seconds', () => {
    for (const sec of [START, START + 9]) {
      const { ledger, row } = made()
      ledger.record(sec, entryOf(row, 0))
      ledger.advance(sec)
      const service = ledger.rows.parent(row)
      const seen = [9, 10, 59, 60, 69, 70, 299 - (sec - START), 300 - (sec - START)].map(
        (after) => {
          ledger.advance(sec + after)
          return [after, ...requests(ledger, row), ...requests(ledger, service)]
        },
      )
      const last = 300 - (sec - START)
      expect(seen).toEqual([
        [9, 6, 6, 6, 6, 6, 6],
        [10, 0, 6, 6, 0, 6, 6],
        [59, 0, 6, 6, 0, 6, 6],
        [60, 0, 0, 6, 0, 0, 6],
        [69, 0, 0, 6, 0, 0, 6],
        [70, 0, 0, 6, 0, 0, 6],
        [last - 1, 0, 0, 6, 0, 0, 6],
        [last, 0, 0, 0, 0, 0, 0],
      ])
    }
  })

  test('is told to have changed in the windows it enters and leaves', () => {
    const { ledger, row } = made()
    const taken = (): Map<number, number> => {
      const all = new Map<number, number>()
      ledger.takeChanged((each, spans) => all.set(each, spans))
      return all
    }
    ledger.record(START, entryOf(row, 0))
    expect(taken().get(row)).toBe(IN_10 | IN_60 | IN_300)
    const spans = [9, 10, 11, 60, 61, 300].map((after) => {
      ledger.advance(START + after)
      return taken().get(row) ?? 0
    })
    expect(spans).toEqual([0, IN_10, 0, IN_60, 0, IN_300])
    ledger.advance(START + 301)
    expect(ledger.rows.held).toBe(0)
  })

  test('of an instance that starts anew stays with its service, in every window', () => {
    const { ledger, row } = made()
    ledger.record(START, entryOf(row, 0))
    const anew = ledger.forget(row, Number.POSITIVE_INFINITY)
    ledger.reserve()
    const service = ledger.rows.parent(anew)
    for (const after of [0, 15, 65, 299]) {
      ledger.advance(START + after)
      expect(ledger.tallies.requests(service, 300_000)).toBe(6)
    }
    expect(requests(ledger, anew)).toEqual([0, 0, 0])
    ledger.advance(START + 300)
    expect(ledger.tallies.requests(service, 300_000)).toBe(0)
  })

  test('late is the same before and after its decade was closed', () => {
    const [early, late] = [made(), made()]
    early.ledger.advance(START + 65)
    early.ledger.record(START + 1, entryOf(early.row, 3))
    for (const { ledger } of [early, late]) ledger.advance(START + 75)
    late.ledger.record(START + 1, entryOf(late.row, 3))
    expect(describeLedger(late.ledger)).toEqual(describeLedger(early.ledger))
    expect(requests(late.ledger, late.row)).toEqual([0, 0, 6])
  })
})

test('a fleet goes on from its image as it was, over chunks, decades and changes of rows', () => {
  const { ledger } = made()
  const rows = Array.from({ length: 1_500 }, (_, i) =>
    ledger.rows.make({ service: `s${i % 7}`, instance: `i${i}`, caller: null }),
  )
  ledger.reserve()
  const second = (one: Ledger, seed: number): void => {
    for (const row of rows) {
      if (one.rows.kind(row) === 2) one.record(one.nowSec - (seed % 3), entryOf(row, row + seed))
    }
    one.advance(one.nowSec + 1)
    one.takeChanged(() => undefined)
  }
  for (let i = 0; i < 95; i++) second(ledger, i)
  ledger.forget(rows[3] ?? 0, (ledger.nowSec - 5) * 1_000)
  ledger.forget(rows[4] ?? 0, Number.POSITIVE_INFINITY)
  const bytes = image(ledger)
  const again = new Ledger(gridOf(4))
  again.load(new ImageReader(bytes))
  expect(image(again).equals(bytes)).toBe(true)
  for (let i = 0; i < 25; i++) for (const each of [ledger, again]) second(each, i)
  expect(image(again).equals(image(ledger))).toBe(true)
  for (const one of [ledger, again]) one.wantShort()
  for (const span of [10_000, 60_000, 300_000] as const) {
    const wanted = rows.map((row) => ledger.tallies.figures(row, span))
    expect(rows.map((row) => again.tallies.figures(row, span))).toEqual(wanted)
  }
})

test('the 10-s window is the same whether somebody looked all the time or looks again now', () => {
  const watched = made().ledger
  const unwatched = made().ledger
  for (const ledger of [watched, unwatched]) {
    for (let i = 0; i < 5; i++)
      ledger.rows.make({ service: `s${i % 2}`, instance: `i${i}`, caller: null })
    ledger.reserve()
    ledger.wantShort()
  }
  const look = (): void => {
    for (const ledger of [watched, unwatched]) ledger.wantShort()
    for (let row = 1; row < watched.rows.end; row++) {
      const seen = [watched, unwatched].map(({ tallies }) => tallies.figures(row, 10_000))
      expect(seen[1]).toEqual(seen[0])
    }
  }
  for (let i = 0; i < 120; i++) {
    for (const ledger of [watched, unwatched]) {
      for (let row = 1; row < ledger.rows.end; row++) {
        const late = (i + row) % 4
        if (ledger.rows.kind(row) === 2) ledger.record(ledger.nowSec - late, entryOf(row, i + row))
      }
      if (i === 47) ledger.forget(4, (ledger.nowSec - 5) * 1_000)
      ledger.advance(ledger.nowSec + 1)
    }
    watched.wantShort()
    if (i === 49 || i === 50 || i === 119) look()
  }
  watched.advance(watched.nowSec + 30)
  unwatched.advance(unwatched.nowSec + 30)
  look()
  expect(image(unwatched).equals(image(watched))).toBe(true)
})
