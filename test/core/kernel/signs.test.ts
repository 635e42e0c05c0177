// What nobody told is one object that nobody can change.
import { expect, test } from 'vitest'
import { NO_METRICS, NO_SIGNS } from '../../../src/core/kernel/signs.ts'

test('of nothing told, all is null, and it stays so', () => {
  expect(Object.values(NO_SIGNS).every((sign) => sign === null)).toBe(true)
  expect(Object.isFrozen(NO_SIGNS)).toBe(true)
  expect(NO_METRICS.size).toBe(0)
})
