// What an answer says about its age survives the way through headers, and cannot break them.
import { expect, test } from 'vitest'
import { ReadModel } from '../../../src/roles/projector/read-model.ts'
import { recencyHeaders, recencyOf } from '../../../src/roles/projector/view-recency.ts'

const model = new ReadModel()

test('there and back', () => {
  const answer = { model, source: 'redis', asOfMs: 1_760_000_000_000, problem: null } as const
  const headers = new Headers(recencyHeaders(answer, 1_760_000_001_500))
  expect(recencyOf(headers)).toEqual({
    source: 'redis',
    asOfMs: 1_760_000_000_000,
    staleMs: 1_500,
    problem: null,
  })
})

test('nothing read yet; a problem with line breaks and letters that no header holds', () => {
  const problem = 'log: a\r\nset-cookie: x\u0001 ü €'
  const headers = new Headers(recencyHeaders({ model, source: 'memory', asOfMs: 0, problem }, 5))
  expect(recencyOf(headers)).toMatchObject({ source: 'memory', asOfMs: null, staleMs: null })
  expect(headers.has('set-cookie')).toBe(false)
  expect(headers.get('healstream-problem')).toMatch(/^[\x20-\x7e]+$/)
  expect(recencyOf(new Headers())).toBeNull()
})
