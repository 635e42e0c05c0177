// S3-13: success of the last N executions.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TaskSuccess } from '../../../src/core/signal/task-success.ts'
import { answers } from './kept.ts'

const fresh = (): TaskSuccess => new TaskSuccess()

test('S3-13: exact on any sequence, through an image too', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 160 }), fc.nat(160), (outcomes, cutAt) => {
      const push = (detector: TaskSuccess, ok: boolean): number =>
        detector.push(ok ? 1 : 0, ok ? 0 : 1).value
      const expected = outcomes.map((_, i) => {
        const last = outcomes.slice(Math.max(0, i - 49), i + 1)
        return last.filter(Boolean).length / last.length
      })
      expect(answers(fresh, outcomes, { push, cutAt })).toEqual(expected)
    }),
  )
})

test('S3-13: fewer than ten are insufficient, not 0 %', () => {
  const detector = fresh()
  expect(detector.verdict()).toMatchObject({ ready: false, deviates: false, value: Number.NaN })
  expect(detector.push(0, 9)).toMatchObject({ ready: false, deviates: false })
  expect(detector.push(0, 1)).toMatchObject({ ready: true, deviates: true, value: 0 })
})

test('a heap of outcomes counts by its shares, and failures do not lie at its end', () => {
  expect(fresh().push(950, 50).value).toBeCloseTo(0.95, 1)
  expect(fresh().push(0, 1_000).value).toBe(0)
  const detector = fresh()
  detector.push(25, 25)
  expect(detector.push(25, 0).value).toBeCloseTo(0.75, 1)
})
