// Slices: every offset in exactly one of them, in a fixed order, whatever the fetches looked like.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CheckedSlice,
  firstRecord,
  foldCrc,
  sliceOf,
  Stepper,
} from '../../src/runtime/stepper.ts'
import { packedBatch } from '../support/packing.ts'
import { toyBatch, toyFetched } from '../support/toy-batch.ts'

const INPUTS = [
  { topic: 'signals', partition: 4 },
  { topic: 'telemetry', partition: 4 },
] as const
const at = (topic: string, offset: number) => ({ topic, partition: 4, offset })

function values(slice: CheckedSlice): string[] {
  const found: string[] = []
  slice.visit(({ buffer, offset, valueStart, valueEnd }) => {
    found.push(`${offset} ${Buffer.from(buffer.subarray(valueStart, valueEnd)).toString()}`)
  })
  return found
}

describe('a stepper', () => {
  test('makes one slice per input that has records, in the order of inputs', () => {
    const stepper = new Stepper(INPUTS, [0, 10])
    stepper.take(1, toyFetched([toyBatch(at('t', 10), ['c'])], { ...at('t', 10), to: 11 }))
    stepper.take(0, toyFetched([toyBatch(at('s', 0), ['a', 'b'])], { ...at('s', 0), to: 2 }))
    const slices = stepper.slices()
    expect(slices.map(({ topic, from, to }) => [topic, from, to])).toEqual([
      ['signals', 0, 2],
      ['telemetry', 10, 11],
    ])
    expect(slices.map(values)).toEqual([['0 a', '1 b'], ['10 c']])
    expect(stepper.positions()).toEqual([2, 11])
    expect(stepper.hasRecords).toBe(false)
  })

  test('tells how far the visible end of an input is ahead of what was stepped', () => {
    const stepper = new Stepper(INPUTS, [0, 10])
    const offsets = (): readonly number[] => stepper.lags().map((lag) => lag.offsets)
    expect(offsets()).toEqual([0, 0])
    const read = toyFetched([toyBatch(at('s', 0), ['a', 'b'])], { ...at('s', 0), to: 2 })
    stepper.take(0, { ...read, endOffset: 7 })
    stepper.take(1, { ...toyFetched([], { ...at('t', 10), to: 12 }), endOffset: 12 })
    expect(offsets()).toEqual([7, 0])
    stepper.slices()
    expect(offsets()).toEqual([5, 0])
  })

  test('offsets without records wait and belong to the next slice', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    stepper.take(0, toyFetched([], { ...at('s', 0), to: 3 }))
    expect(stepper.slices()).toEqual([])
    expect(stepper.positions()).toEqual([0, 0])
    stepper.take(0, toyFetched([toyBatch(at('s', 3), ['a'])], { ...at('s', 3), to: 5 }))
    expect(stepper.slices().map(({ from, to }) => [from, to])).toEqual([[0, 5]])
  })

  // One batch that could not be walked stopped its task, and with it everybody of that partition.
  test('what cannot be read is passed over when everything before it is stepped', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    const batches = [
      toyBatch(at('s', 0), ['a']),
      packedBatch(at('s', 1), ['x', 'y']),
      packedBatch(at('s', 4), ['z']),
      toyBatch(at('s', 5), ['b']),
    ]
    stepper.take(0, toyFetched(batches, { ...at('s', 0), to: 7 }))
    stepper.take(1, toyFetched([toyBatch(at('t', 0), ['c'])], { ...at('t', 0), to: 1 }))
    expect([stepper.isBlocked, stepper.passOver()]).toEqual([false, []])
    expect(stepper.slices().map(values)).toEqual([['0 a'], ['0 c']])
    expect([stepper.isBlocked, stepper.hasRecords]).toEqual([true, true])
    expect(stepper.slices()).toEqual([])
    expect(stepper.single()).toBe(null)
    expect(stepper.positions()).toEqual([1, 1])
    const range = { topic: 'signals', partition: 4, from: 1, to: 5, records: 3 }
    const reason = expect.stringMatching('offset 1 is compressed with zstd')
    expect(stepper.passOver()).toMatchObject([{ ...range, reason, first: { baseOffset: 1 } }])
    expect([stepper.isBlocked, stepper.positions()]).toEqual([false, [5, 1]])
    expect(stepper.slices().map(({ from, to }) => [from, to])).toEqual([[5, 7]])
    expect(stepper.hasRecords).toBe(false)
  })

  test('a batch that cannot be read is passed over in the search for poison, too', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    const batches = [packedBatch(at('s', 2), ['x']), toyBatch(at('s', 3), ['a', 'b'])]
    stepper.take(0, toyFetched(batches, { ...at('s', 0), to: 5 }))
    expect([stepper.single(), stepper.isBlocked]).toEqual([null, true])
    expect(stepper.passOver()).toMatchObject([{ from: 0, to: 3, records: 1 }])
    expect(stepper.single()).toMatchObject({ from: 3, to: 4 })
  })

  test('what does not go on where the last one ended is not taken', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    const late = toyFetched([toyBatch(at('s', 7), ['x'])], { ...at('s', 7), to: 8 })
    expect(stepper.take(0, late)).toBe(false)
    expect(stepper.hasRecords).toBe(false)
  })

  test('singly: each record is a slice of its own, the checksum stays that of the batch', () => {
    const batch = toyBatch(at('s', 0), ['a', 'b', 'c'])
    const stepper = new Stepper(INPUTS, [1, 0])
    stepper.take(0, toyFetched([batch], { ...at('s', 1), to: 3 }))
    const first = stepper.single()
    const second = stepper.single()
    expect([first, second].map((s) => (s === null ? null : [s.from, s.to, values(s)]))).toEqual([
      [1, 2, ['1 b']],
      [2, 3, ['2 c']],
    ])
    expect(first?.crc).toBe(foldCrc(0, batch))
    expect(stepper.single()).toBe(null)
  })

  test('singly, one input only', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    stepper.take(0, toyFetched([toyBatch(at('s', 0), ['a'])], { ...at('s', 0), to: 1 }))
    expect(stepper.single(1)).toBe(null)
    expect(stepper.single(0)?.topic).toBe('signals')
  })

  test('the rest of a batch after single records is an ordinary slice', () => {
    const stepper = new Stepper(INPUTS, [0, 0])
    stepper.take(0, toyFetched([toyBatch(at('s', 0), ['a', 'b', 'c'])], { ...at('s', 0), to: 3 }))
    stepper.single()
    expect(stepper.slices().map((s) => [s.from, s.to, values(s)])).toEqual([[1, 3, ['1 b', '2 c']]])
  })

  test('any cut of the same batches into fetches and single records shows each record once', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 })
    const cuts = fc.array(fc.constantFrom('take', 'step', 'single'), { maxLength: 40 })
    fc.assert(
      fc.property(sizes, cuts, (batchSizes, acts) => {
        const stepper = new Stepper(INPUTS, [0, 0])
        const seen: string[] = []
        let offset = 0
        const queue = batchSizes.map((size, i) => {
          const batch = toyBatch(
            at('s', offset),
            Array.from({ length: size }, (_, n) => `${i}.${n}`),
          )
          const fetched = toyFetched([batch], { ...at('s', offset), to: offset + size })
          offset += size
          return fetched
        })
        const step = (slices: readonly CheckedSlice[]): void => {
          for (const slice of slices) seen.push(...values(slice))
        }
        for (const act of [...acts, ...queue.map(() => 'take'), 'step']) {
          const next = act === 'take' ? queue.shift() : undefined
          if (next !== undefined) stepper.take(0, next)
          if (act === 'step') step(stepper.slices())
          const one = act === 'single' ? stepper.single() : null
          if (one !== null) step([one])
        }
        expect(seen.map((line) => Number(line.split(' ')[0]))).toEqual(
          Array.from({ length: offset }, (_, i) => i),
        )
      }),
    )
  })
})

describe('slices', () => {
  const a = toyBatch(at('s', 0), ['a', 'b'])
  const b = toyBatch(at('s', 2), ['c'])
  const range = { topic: 'signals', partition: 4, input: 0, from: 0, to: 3 } as const

  test('the checksum depends on content and order', () => {
    const crc = sliceOf(range, [a, b]).crc
    expect(sliceOf(range, [b, a]).crc).not.toBe(crc)
    expect(sliceOf(range, [a]).crc).not.toBe(crc)
    expect(sliceOf(range, [a, toyBatch(at('s', 2), ['d'])]).crc).not.toBe(crc)
    expect(sliceOf(range, [toyBatch(at('s', 0), ['a', 'b']), b]).crc).toBe(crc)
  })

  test('show nothing outside of their range', () => {
    expect(values(sliceOf({ ...range, from: 1, to: 2 }, [a, b]))).toEqual(['1 b'])
  })

  test('the first record can be kept with its bytes and headers', () => {
    expect(firstRecord(sliceOf({ ...range, from: 1 }, [a, b]))).toEqual({
      offset: 1,
      timestampMs: 1_000,
      key: new Uint8Array(Buffer.from('k')),
      value: new Uint8Array(Buffer.from('b')),
      headers: [{ key: 'h', value: new Uint8Array(Buffer.from('v')) }],
    })
    expect(firstRecord(sliceOf({ ...range, from: 3, to: 3 }, []))).toBe(null)
  })
})
