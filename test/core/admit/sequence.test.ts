// Duplicates against an oracle that remembers every number it ever saw.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { REORDER_MAX, Sequences } from '../../../src/core/admit/sequence.ts'

const source = { stream: 'telemetry', agent: 'a', epoch: 1, lane: 0 }

test('a number is fresh once, whatever the order, as long as it is not too old to tell', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 400, size: 'max' }),
      (numbers) => {
        const sequences = new Sequences()
        const seen = new Set<number>()
        let highest = 0
        for (const seq of numbers) {
          const tooOld = seq <= highest - REORDER_MAX
          const wanted = tooOld ? 'too_old' : seen.has(seq) ? 'repeated' : 'fresh'
          expect(sequences.note(source, seq, 0)).toBe(wanted)
          if (!tooOld) seen.add(seq)
          highest = Math.max(highest, seq)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('gaps count what never came', () => {
  const sequences = new Sequences()
  for (const seq of [5, 6, 9]) sequences.note(source, seq, 0)
  expect(sequences.gaps).toBe(2)
  sequences.note(source, 8, 0)
  expect(sequences.gaps).toBe(1)
  sequences.note(source, 8, 0)
  expect(sequences.repeats).toBe(1)
})

test('a new epoch, another lane and another topic count anew', () => {
  const sequences = new Sequences()
  expect(sequences.note(source, 1, 0)).toBe('fresh')
  expect(sequences.note({ ...source, epoch: 2 }, 1, 0)).toBe('fresh')
  expect(sequences.note({ ...source, lane: 1 }, 1, 0)).toBe('fresh')
  expect(sequences.note({ ...source, stream: 'signals' }, 1, 0)).toBe('fresh')
  expect(sequences.note(source, 1, 0)).toBe('repeated')
})

test('a flood of agents is remembered only so far; who spoke last is kept', () => {
  const sequences = new Sequences()
  for (let i = 0; i < 80_000; i++) sequences.note({ ...source, agent: `a${i}` }, 1, i)
  const described = sequences.describe() as { streams: unknown[] }
  expect(described.streams.length).toBeLessThanOrEqual(32_768)
  expect(sequences.note({ ...source, agent: 'a79999' }, 1, 80_000)).toBe('repeated')
})

test('a stream at hand is the same as one that is looked up, until it is forgotten', () => {
  const sequences = new Sequences()
  expect(sequences.find(source)).toBeUndefined()
  sequences.note(source, 7, 0)
  const stream = sequences.find(source)
  if (stream === undefined) throw new Error('noted and not found')
  expect(sequences.isHeld(stream)).toBe(true)
  sequences.heard(stream, { timestampMs: 1 })
  expect(sequences.again(stream, 7)).toBe('repeated')
  expect(sequences.again(stream, 2 ** 53 - 2)).toBe('fresh')
  expect(sequences.note(source, 2 ** 53 - 2, 1)).toBe('repeated')
  for (let i = 0; i < 40_000; i++) sequences.note({ ...source, agent: `a${i}` }, 1, 2 + i)
  expect(sequences.isHeld(stream)).toBe(false)
  expect(sequences.find(source)).toBeUndefined()
  expect(sequences.note(source, 7, 50_000)).toBe('fresh')
})
