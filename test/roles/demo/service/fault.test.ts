// The fault switch.
import { expect, test } from 'vitest'
import { faultNamed, SLOW_MS, workMs } from '../../../../src/roles/demo/service/fault.ts'

test('work takes 2 to 15 ms, and 1.5 s more while slow', () => {
  expect([workMs('none', 0), workMs('errors', 0.9999)]).toEqual([2, 15])
  expect([workMs('slow', 0), workMs('slow', 0.9999)]).toEqual([2 + SLOW_MS, 15 + SLOW_MS])
})

test('faults have names, and nothing else is one', () => {
  expect(['none', 'errors', 'slow'].map(faultNamed)).toEqual(['none', 'errors', 'slow'])
  expect(['', 'crash', '__proto__'].map(faultNamed)).toEqual([null, null, null])
})
