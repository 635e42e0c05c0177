// Every code has an exit code and a next step; an error carries both.
import { expect, it } from 'vitest'
import { EXIT, FAILURES, type FailureCode, HsError } from '../../src/contracts/failure.ts'

const codes = Object.keys(FAILURES) as FailureCode[]

it.each(codes)('%s has an exit code of the list and a sentence', (code) => {
  const { exit, fix } = FAILURES[code]
  expect(Object.values(EXIT)).toContain(exit)
  expect(fix).toMatch(/^[A-Z].*\.$/)
  const error = new HsError(code, 'what was found')
  expect([error.name, error.code, error.exit, error.fix]).toEqual(['HsError', code, exit, fix])
})

it('takes a better next step and keeps its cause', () => {
  const cause = new Error('ENOENT')
  const error = new HsError('HS_CONFIG', 'no file', { fix: 'Make one.', cause })
  expect([error.fix, error.cause, error.message]).toEqual(['Make one.', cause, 'no file'])
})
