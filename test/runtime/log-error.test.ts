// A log error says what happened, about which partition, and why.
import { expect, test } from 'vitest'
import { LogError } from '../../src/runtime/log-error.ts'

test('code, place and cause are kept', () => {
  const cause = new Error('socket closed')
  const at = { topic: 't', partition: 2 }
  const error = new LogError('POSITION_LOST', 'gone', { cause, at })
  expect(error).toMatchObject({
    name: 'LogError',
    code: 'POSITION_LOST',
    message: 'gone',
    at,
    cause,
  })
  const bare = new LogError('CLOSED', 'closed')
  expect([bare.at, 'cause' in bare]).toEqual([null, false])
})
