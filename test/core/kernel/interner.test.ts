// The interner against a Map: same keys held, ids dense and given out again, and what was saved
// goes on as if it had never been.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { Interner } from '../../../src/core/kernel/interner.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function intern(interner: Interner, text: string): number {
  const padded = bytesOf(`<${text}>`)
  return interner.intern(padded, 1, padded.length - 1)
}

function find(interner: Interner, text: string): number {
  const bytes = bytesOf(text)
  return interner.find(bytes, 0, bytes.length)
}

function image(interner: Interner): Uint8Array {
  const writer = new ImageWriter()
  interner.save(writer)
  return Buffer.concat(writer.pieces())
}

type Act = readonly ['in' | 'out', number]

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.tuple(fc.constantFrom('in', 'in', 'out'), fc.nat({ max: 120 })),
  { maxLength: 600, size: 'max' },
)

/** Long keys, so that dead bytes add up; some the beginning of others, one empty. */
const keyText = (n: number): string => (n === 0 ? '' : 'key-'.repeat(n) + String(n % 7))

function play(interner: Interner, held: Map<string, number>, [act, n]: Act): void {
  const text = keyText(n)
  if (act === 'in') {
    const id = intern(interner, text)
    if ((held.get(text) ?? id) !== id) throw new Error(`${text} got a second id`)
    held.set(text, id)
  } else if (held.has(text)) {
    interner.remove(held.get(text) ?? -1)
    held.delete(text)
  }
}

describe('interner', () => {
  test('knows what a Map knows, with dense ids', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const interner = new Interner()
        const held = new Map<string, number>()
        let most = 0
        for (const act of all) {
          play(interner, held, act)
          most = Math.max(most, held.size)
        }
        expect(interner.size).toBe(held.size)
        expect(interner.idEnd).toBe(most)
        expect(new Set(held.values()).size).toBe(held.size)
        const found = Array.from({ length: 121 }, (_, n) => find(interner, keyText(n)))
        expect(found).toEqual(found.map((_, n) => held.get(keyText(n)) ?? -1))
        const texts = [...held.values()].map((id) => Buffer.from(interner.bytesOf(id)).toString())
        expect(texts).toEqual([...held.keys()])
      }),
      { numRuns: 30 },
    )
  })

  test('goes on from its image as if it had never stopped, and the image stands still', () => {
    fc.assert(
      fc.property(acts, acts, (before, after) => {
        const interner = new Interner()
        const held = new Map<string, number>()
        for (const act of before) play(interner, held, act)
        const writer = new ImageWriter()
        interner.save(writer)
        const pieces = writer.pieces()
        const taken = Buffer.concat(pieces)
        const again = Interner.load(new ImageReader(taken))
        const heldAgain = new Map(held)
        for (const act of after) {
          play(interner, held, act)
          play(again, heldAgain, act)
        }
        expect(heldAgain).toEqual(held)
        expect(image(again)).toEqual(image(interner))
        expect(Buffer.concat(pieces)).toEqual(taken)
      }),
      { numRuns: 20 },
    )
  })

  test('forgets all at once', () => {
    const interner = new Interner()
    for (let n = 0; n < 100; n++) intern(interner, keyText(n))
    interner.clear()
    expect([interner.size, interner.idEnd, find(interner, keyText(5))]).toEqual([0, 0, -1])
    expect(intern(interner, 'a')).toBe(0)
  })

  test('an id that is not held cannot be given back', () => {
    const interner = new Interner()
    const id = intern(interner, 'a')
    interner.remove(id)
    expect(() => interner.remove(id)).toThrow('held')
    expect(() => interner.remove(7)).toThrow('held')
  })

  test('an image of something else is refused', () => {
    const bytes = Buffer.concat(
      new ImageWriter()
        .int(3)
        .int(0)
        .int(0)
        .blob(new Uint8Array(4))
        .blob(new Uint8Array(4))
        .pieces(),
    )
    expect(() => Interner.load(new ImageReader(bytes))).toThrow('words')
  })
})
