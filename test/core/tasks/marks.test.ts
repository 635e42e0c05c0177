// Marks share a word.
import { expect, test } from 'vitest'
import * as marks from '../../../src/core/tasks/marks.ts'

test('each is a bit of its own', () => {
  const all = Object.values(marks)
  const together = all.reduce((word, mark) => word | mark, 0)
  expect(together).toBe(2 ** all.length - 1)
  for (const mark of all) expect(Number.isInteger(Math.log2(mark))).toBe(true)
})
