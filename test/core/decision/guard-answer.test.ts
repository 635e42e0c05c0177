// Words and sums that several guards use.
import { expect, test } from 'vitest'
import { atMost, percent, wait } from '../../../src/core/decision/guard-answer.ts'

test('waiting passes at its time', () => {
  const at = { value: 'v', limit: 'l', untilMs: 10 }
  expect(wait({ ...at, nowMs: 9 })).toMatchObject({ passed: false, until_ms: 10 })
  expect(wait({ ...at, nowMs: 10 })).toMatchObject({ passed: true, until_ms: null })
})

test('shares', () => {
  expect([percent(0.51), percent(1 / 3), percent(1)]).toEqual(['51 %', '33.3 %', '100 %'])
  expect([1, 9, 10, 19, 20].map((n) => atMost(0.1, n))).toEqual([1, 1, 1, 1, 2])
})
