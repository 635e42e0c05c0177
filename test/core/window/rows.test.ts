// Rows of keys: numbers that can be kept, found stale, and given out again.
import { describe, expect, test } from 'vitest'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { EDGE, FREE, INSTANCE, NAMELESS, Rows, SERVICE } from '../../../src/core/window/rows.ts'

const shop = { service: 'shop', instance: null, caller: null }
const shopA = { service: 'shop', instance: 'a', caller: null }
const edge = { service: 'shop', instance: 'a', caller: 'front\nf1' }

function sweep(rows: Rows): number[] {
  const freed: number[] = []
  rows.sweep(
    () => false,
    (row) => freed.push(row),
  )
  return freed
}

function imageOf(rows: Rows): Buffer {
  const writer = new ImageWriter()
  rows.save(writer)
  return Buffer.concat(writer.pieces())
}

describe('rows', () => {
  test('a key has one row, and its service has one before it', () => {
    const rows = new Rows()
    const row = rows.make(shopA)
    expect(rows.make(shopA)).toBe(row)
    expect(rows.find(shopA)).toBe(row)
    expect(rows.kind(row)).toBe(INSTANCE)
    expect(rows.kind(rows.parent(row))).toBe(SERVICE)
    expect(rows.find(shop)).toBe(rows.parent(row))
    expect(rows.find(edge)).toBe(0)
    const edgeRow = rows.make(edge)
    expect(rows.kind(edgeRow)).toBe(EDGE)
    expect(rows.edgesOf(rows.find(shop))).toEqual([edgeRow])
    expect([shop, shopA, edge].map((key) => rows.keyOfRow(rows.find(key)))).toEqual([
      shop,
      shopA,
      edge,
    ])
  })

  test('keys that begin alike, and in any script, are kept apart', () => {
    const rows = new Rows()
    const names = ['a', 'ab', 'ü', '日本', '😀', 'a'.repeat(300)]
    const made = names.map((instance) => rows.make({ ...shopA, instance }))
    expect(new Set(made).size).toBe(names.length)
    expect(made.map((row) => rows.keyOfRow(row).instance)).toEqual(names)
  })

  test('a row that nothing refers to goes, then its service; a kept number is found stale', () => {
    const rows = new Rows()
    const row = rows.make(shopA)
    const generation = rows.generation(row)
    rows.refer(row)
    expect(sweep(rows)).toEqual([])
    rows.release(row)
    expect(sweep(rows)).toEqual([row, rows.end - 2])
    expect(rows.kind(row)).toBe(FREE)
    expect(rows.generation(row)).not.toBe(generation)
    expect(rows.held).toBe(0)
    rows.make({ ...shopA, instance: 'b' })
    expect(rows.end).toBe(3)
  })

  test('a key that starts anew leaves a nameless row behind until nothing refers to it', () => {
    const rows = new Rows()
    const old = rows.make(shopA)
    const generation = rows.generation(old)
    rows.refer(old)
    rows.cut(old, 500)
    const made = rows.renew(old)
    expect([rows.kind(old), rows.kind(made)]).toEqual([NAMELESS, INSTANCE])
    expect(rows.find(shopA)).toBe(made)
    expect([rows.cutMs(old), rows.cutMs(made)]).toEqual([0, 500])
    expect(rows.generation(old)).not.toBe(generation)
    expect(() => rows.renew(old)).toThrow('the row of an instance')
    rows.refer(made)
    rows.release(old)
    expect(sweep(rows)).toEqual([old])
    expect(rows.find(shopA)).toBe(made)
  })

  test('released more often than referred to is a defect', () => {
    const rows = new Rows()
    const row = rows.make(shopA)
    expect(() => rows.release(row)).toThrow('as often')
  })

  test('rows of an image go on alike', () => {
    const rows = new Rows()
    for (let i = 0; i < 100; i++) rows.make({ ...shopA, instance: `i${i}` })
    rows.make(edge)
    rows.refer(rows.find({ ...shopA, instance: 'i7' }))
    sweep(rows)
    const bytes = imageOf(rows)
    const again = new Rows()
    again.load(new ImageReader(bytes))
    again.refer(again.find({ ...shopA, instance: 'i7' }))
    expect(imageOf(again).equals(bytes)).toBe(true)
    for (const each of [rows, again]) {
      for (let i = 90; i < 130; i++) each.make({ ...shopA, instance: `i${i}` })
      each.release(each.find({ ...shopA, instance: 'i7' }))
      sweep(each)
      each.make(edge)
    }
    expect(again.find(edge)).toBe(rows.find(edge))
    expect(imageOf(again).equals(imageOf(rows))).toBe(true)
  })

  test('an image of something else is refused', () => {
    const writer = new ImageWriter().int(0).int(0).int(0)
    for (let i = 0; i < 4; i++) writer.blob(new Uint8Array(0))
    const bytes = Buffer.concat(writer.int(1).blob(new Uint8Array(5_000)).pieces())
    expect(() => new Rows().load(new ImageReader(bytes))).toThrow('a table of an image')
  })
})
