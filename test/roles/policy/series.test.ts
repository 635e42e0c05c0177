// Samples as promtool expands them, texts, lists, and everything else refused.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expandSeries, SAMPLES_MAX } from '../../../src/roles/policy/series.ts'

const samples = (text: string): unknown => {
  const expanded = expandSeries(text)
  return expanded.ok ? expanded.samples : expanded.problem
}

test.each([
  ['1 2 3', [1, 2, 3]],
  ['5x3', [5, 5, 5, 5]],
  ['0+10x3', [0, 10, 20, 30]],
  ['100-5x2', [100, 95, 90]],
  ['-1.5+0.5x2', [-1.5, -1, -0.5]],
  ['1 _ 2 _x3', [1, null, 2, null, null, null]],
  ['online offlinex2', ['online', 'offline', 'offline', 'offline']],
  ['[]x1 [silence] [a,b]', [[], [], ['silence'], ['a', 'b']]],
  ['falsex1 true', [false, false, true]],
  ['1e3', [1000]],
])('%s', (text, expected) => {
  expect(samples(text)).toEqual(expected)
})

test.each(['', '1x', '1+x3', '[a', '_x', '-', '1x9999999', '"a"', '1;2'])('refused: %j', (text) => {
  expect(samples(text)).toContain('is no sample')
})

test('so many samples and no more, however few letters ask for them', () => {
  expect(samples('1x999999')).toBe(`more than ${SAMPLES_MAX} samples`)
  expect(samples(`1x${SAMPLES_MAX - 1}`)).toHaveLength(SAMPLES_MAX)
})

test('nothing makes it throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(typeof expandSeries(text).ok).toBe('boolean')
    }),
  )
})
