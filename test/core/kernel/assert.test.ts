// Assertions stop with the sentence they were given.
import { expect, test } from 'vitest'
import { assert, AssertionError, present } from '../../../src/core/kernel/assert.ts'

test('a false assertion throws what it was about, a true one nothing', () => {
  expect(() => assert(false, 'lag below zero')).toThrow(new AssertionError('lag below zero'))
  expect(() => assert(true, 'never')).not.toThrow()
})

test('a present value is handed on, also when it is falsy', () => {
  expect(present(0, 'count')).toBe(0)
  expect(present('', 'name')).toBe('')
  expect(() => present(null, 'entry')).toThrow('entry is missing')
  expect(() => present(undefined, 'entry')).toThrow(AssertionError)
})
