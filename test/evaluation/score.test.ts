// Scores against cases counted by hand, and the exhaustive threshold against a brute-force oracle.
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  confusionOf,
  delaysOf,
  quantile,
  runsOf,
  scoreOf,
  sumOf,
} from '../../src/roles/evaluate/score/score.ts'
import {
  alarmsOf,
  bestThreshold,
  thresholdOfRecall,
} from '../../src/roles/evaluate/score/threshold.ts'

const bits = (text: string): Uint8Array => Uint8Array.from(text, (bit) => Number(bit))

describe('score', () => {
  //           truth  told
  const truth = bits('0001111000')
  const told = bits('0100111010')

  test('S0-28: both meanings of the false-alarm rate', () => {
    const confusion = confusionOf(truth, told)
    expect(confusion).toEqual({ tp: 3, fp: 2, tn: 4, fn: 1 })
    expect(scoreOf(confusion)).toMatchObject({
      accuracy: 0.7,
      precision: 0.6,
      recall: 0.75,
      fpr: 2 / 6,
      fdr: 0.4,
    })
  })

  test('nothing to divide by is not a number that looks like one', () => {
    const score = scoreOf(confusionOf(bits('000'), bits('000')))
    expect(score).toMatchObject({ accuracy: 1, precision: null, recall: null, fpr: 0, fdr: null })
    expect(scoreOf(sumOf([])).accuracy).toBeNull()
  })

  test('sums', () => {
    const one = confusionOf(truth, told)
    expect(sumOf([one, one])).toEqual({ tp: 6, fp: 4, tn: 8, fn: 2 })
  })

  test('an alarm is missing: refused', () => {
    expect(() => confusionOf(bits('00'), bits('0'))).toThrow('1 alarms for 2 labels')
  })

  test('delays count from the begin of a fault, an alarm that stood before counts as one', () => {
    expect(delaysOf(bits('0111011011'), bits('0001000110'))).toEqual([3, null, 1])
  })

  test('runs', () => {
    expect(runsOf(bits('1101'))).toEqual([
      [0, 2],
      [3, 4],
    ])
    expect(runsOf(bits('000'))).toEqual([])
  })

  test('quantiles', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2)
    expect(quantile([1, 2], 1)).toBe(2)
    expect(quantile([], 0.5)).toBeNull()
  })
})

describe('fixed threshold', () => {
  it('is the best of all there are', () => {
    const part = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 1 })))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (all) => {
        const parts = all.map((pairs) => ({
          values: Float64Array.from(pairs, ([value]) => value),
          labels: Uint8Array.from(pairs, ([, label]) => label),
        }))
        const pairs = all.flat()
        const right = (threshold: number): number =>
          pairs.filter(([value, label]) => (value >= threshold ? 1 : 0) === label).length
        const candidates = [...pairs.map(([value]) => value), Number.POSITIVE_INFINITY]
        const most = Math.max(...candidates.map(right))
        expect(right(bestThreshold(parts))).toBe(most)
      }),
    )
  })

  it('of a recall is the highest that has it', () => {
    const part = {
      values: Float64Array.from([1, 2, 3, 4, 5, 6]),
      labels: bits('010101'),
    }
    expect(thresholdOfRecall([part], 1)).toBe(2)
    expect(thresholdOfRecall([part], 0.5)).toBe(4)
    expect(Array.from(alarmsOf(part.values, 4))).toEqual([0, 0, 0, 1, 1, 1])
  })
})
