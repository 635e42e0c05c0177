// The log of panes: entries come out as they went in across the borders of chunks, and what an
// image refers to stands still whatever becomes of the panes.
import { describe, expect, test } from 'vitest'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { eachPair, Entry, latenciesOf } from '../../../src/core/window/entry.ts'
import { Panes } from '../../../src/core/window/panes.ts'

/** More than fit in one chunk. */
const ENTRIES = 16_000

/** Of different sizes, so that chunks do not end alike. */
function entryOf(row: number): Entry {
  const entry = new Entry()
  entry.clear(row)
  entry.n = row
  for (let slot = 0; slot < row % 40; slot++) entry.push(3 * slot, 1 + (row % 31))
  return entry
}

function fill(panes: Panes, key: number, from: number): void {
  for (let row = from; row < from + ENTRIES; row++) panes.append(key, entryOf(row))
}

function rows(panes: Panes, key: number): number[] {
  const found: number[] = []
  panes.visit(key, (entry) => {
    const { row, n } = entry
    const latencies = latenciesOf(entry)
    let pairs = 0
    eachPair(entry, () => {
      pairs += 1
    })
    const isWhole = pairs === n % 40 && latencies === (n % 40) * (1 + (n % 31))
    found.push(isWhole ? row : -1)
  })
  const seen: number[] = []
  panes.visitRows(key, (row) => seen.push(row))
  if (!found.includes(-1)) expect(seen).toEqual(found)
  return found
}

function image(panes: Panes): { readonly pieces: readonly Uint8Array[]; readonly bytes: Buffer } {
  const writer = new ImageWriter()
  panes.save(writer)
  const pieces = writer.pieces()
  return { pieces, bytes: Buffer.concat(pieces) }
}

const numbers = (from: number): number[] => Array.from({ length: ENTRIES }, (_, i) => from + i)

describe('panes', () => {
  test('keep the order of entries across chunks, and know their keys', () => {
    const panes = new Panes(4)
    fill(panes, 11, 0)
    fill(panes, 9, 10_000)
    panes.append(8, entryOf(5))
    expect(rows(panes, 11)).toEqual(numbers(0))
    expect(rows(panes, 9)).toEqual(numbers(10_000))
    expect(panes.keys()).toEqual([8, 9, 11])
    expect([7, 8, 9, 11].map((after) => panes.firstAfter(after))).toEqual([8, 9, 11, null])
    expect(rows(panes, 10)).toEqual([])
    expect(rows(panes, -1)).toEqual([])
  })

  test('a place is taken by one key at a time', () => {
    const panes = new Panes(4)
    fill(panes, 3, 0)
    expect(() => panes.append(7, entryOf(1))).toThrow('a place for the pane')
    panes.clear(3)
    panes.append(7, entryOf(1))
    expect(panes.keys()).toEqual([7])
  })

  test('give their memory back', () => {
    const panes = new Panes(4)
    for (const key of [0, 1, 2]) fill(panes, key, 0)
    expect(panes.bytes).toBeGreaterThan(300_000)
    for (const key of [0, 1, 2]) panes.clear(key)
    expect(panes.bytes).toBe(0)
    panes.append(5, entryOf(7))
    panes.trim(5)
    expect(panes.bytes).toBeLessThan(64)
    fill(panes, 5, 100)
    expect(rows(panes, 5)).toEqual([7, ...numbers(100)])
  })

  test('an image stands still while panes grow, change hands and are used again', () => {
    const panes = new Panes(4)
    fill(panes, 1, 0)
    fill(panes, 2, 0)
    const { pieces, bytes } = image(panes)
    fill(panes, 1, 150_000)
    panes.relabel(2, (entry) => {
      entry.row += 1
    })
    panes.clear(1)
    fill(panes, 3, 90_000)
    fill(panes, 4, 80_000)
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    expect(rows(panes, 2)).toEqual(numbers(1))
    const again = new Panes(4)
    again.load(new ImageReader(bytes))
    expect([1, 2].map((key) => rows(again, key))).toEqual([numbers(0), numbers(0)])
  })

  test('panes of an image go on to the same bytes', () => {
    const panes = new Panes(4)
    fill(panes, 1, 0)
    const again = new Panes(4)
    again.load(new ImageReader(image(panes).bytes))
    for (const each of [panes, again]) {
      fill(each, 1, 7)
      fill(each, 2, 9)
    }
    expect(image(again).bytes.equals(image(panes).bytes)).toBe(true)
  })

  test('an image of something else is refused', () => {
    const odd = new ImageWriter().int(1).int(3).int(1).blob(new Uint8Array(3)).pieces()
    expect(() => new Panes(4).load(new ImageReader(Buffer.concat(odd)))).toThrow('no chunk')
    const twice = new ImageWriter().int(2)
    for (const key of [1, 5]) twice.int(key).int(1).blob(new Uint8Array(8))
    const bytes = Buffer.concat(twice.pieces())
    expect(() => new Panes(4).load(new ImageReader(bytes))).toThrow('in one place')
  })
})

test('a pane expects what the one before had, and gives back what did not come', () => {
  const panes = new Panes(8)
  fill(panes, 1, 0)
  const before = panes.bytes
  panes.append(2, entryOf(1))
  expect(panes.bytes).toBeGreaterThan(before + 1_000)
  panes.trim(2)
  expect(panes.bytes).toBeLessThan(before + 100)
  expect(rows(panes, 2)).toEqual([1])
  // Behind a pane without content it begins small.
  panes.append(5, entryOf(1))
  expect(panes.bytes).toBeLessThan(before + 300)
})
