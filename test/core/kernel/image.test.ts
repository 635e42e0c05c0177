// What a stage writes into an image it reads back; what is no image is refused, never misread.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ImageReader, type ImageValue, ImageWriter } from '../../../src/core/kernel/image.ts'

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces))
}

const values: fc.Arbitrary<ImageValue> = fc.letrec<{ value: ImageValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 600 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 5 }).map((e) => new Map(e)),
  ),
})).value

test('what was written is read back, whatever it was', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.maxSafeNat(), fc.string(), values)), (parts) => {
      const writer = new ImageWriter()
      for (const [int, text, value] of parts)
        writer
          .int(int)
          .text(text)
          .value(value)
          .flag(int % 2 === 0)
          .number(int / 7)
      const reader = new ImageReader(joined(writer.pieces()))
      for (const [int, text, value] of parts) {
        expect([reader.int(), reader.text(), reader.value()]).toEqual([int, text, value])
        expect([reader.flag(), reader.number()]).toEqual([int % 2 === 0, int / 7])
      }
      reader.end()
    }),
  )
})

test('a large blob is taken by reference, and pieces stand still', () => {
  const blob = new Uint8Array(100_000).fill(7)
  const writer = new ImageWriter()
  const pieces = writer.int(1).blob(blob).text('after').pieces()
  expect(pieces).toContain(blob)
  const reader = new ImageReader(joined(pieces))
  expect(reader.int()).toBe(1)
  expect(reader.blob()).toEqual(blob)
  expect(reader.text()).toBe('after')
})

test('a record is written in the order of its fields, a map in its own', () => {
  const bytes = (value: ImageValue): Uint8Array => joined(new ImageWriter().value(value).pieces())
  expect(bytes({ a: 1, b: 2 })).toEqual(bytes({ b: 2, a: 1 }))
  const one = new Map([['a', 1]]).set('b', 2)
  const other = new Map([['b', 2]]).set('a', 1)
  expect(bytes(one)).not.toEqual(bytes(other))
})

test.each([
  ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
  ['an unknown tag', (bytes: Uint8Array) => new Uint8Array([99, ...bytes])],
  ['a list longer than the image', () => new Uint8Array([6, 0xff, 0xff, 0xff, 0x7f])],
])('%s is refused', (_what, spoil) => {
  const bytes = joined(new ImageWriter().value(['text', 3]).pieces())
  expect(() => new ImageReader(spoil(bytes)).value()).toThrow(/image/)
})

test('bytes that are left are refused, and so is an int that never ends', () => {
  expect(() => new ImageReader(new Uint8Array(1)).end()).toThrow('1 bytes are left')
  expect(() => new ImageReader(new Uint8Array(12).fill(255)).int()).toThrow('no int')
  expect(() => new ImageWriter().int(-1)).toThrow('whole number')
  expect(() => new ImageWriter().value(undefined)).toThrow('undefined')
})

test('texts of any length come back, also those that come again', () => {
  const lengths = [0, 1, 127, 128, 129, 1_023, 1_024, 1_025, 5_000]
  const texts = ['a', 'é', 'ł'].flatMap((letter) => lengths.map((length) => letter.repeat(length)))
  const writer = new ImageWriter()
  writer.texts(texts).texts(texts)
  const reader = new ImageReader(joined(writer.pieces()))
  expect(reader.texts()).toEqual(texts)
  expect(reader.texts()).toEqual(texts)
})
