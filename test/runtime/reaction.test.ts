// One table for what is done about an error.
import { describe, expect, test } from 'vitest'
import { HsError } from '../../src/contracts/failure.ts'
import { LogError, type LogErrorCode } from '../../src/runtime/log-error.ts'
import { forPeople, PoisonError, type Reaction, reactionTo } from '../../src/runtime/reaction.ts'

const TABLE: readonly (readonly [LogErrorCode, Reaction, Reaction])[] = [
  ['UNAVAILABLE', 'retry', 'drop-and-restore'],
  ['IN_DOUBT', 'drop-and-restore', 'drop-and-restore'],
  ['ABORTED', 'drop-and-restore', 'drop-and-restore'],
  ['FENCED', 'close-and-rejoin', 'close-and-rejoin'],
  ['MEMBER_LOST', 'close-and-rejoin', 'close-and-rejoin'],
  ['TOO_LARGE', 'stop', 'stop'],
  ['TIMESTAMP_REFUSED', 'stop', 'stop'],
  ['CORRUPT', 'stop', 'stop'],
  ['POSITION_LOST', 'stop', 'stop'],
  ['TOPIC_GONE', 'stop', 'stop'],
  ['NOT_AUTHORIZED', 'stop', 'stop'],
  ['CLOSED', 'stop', 'stop'],
  ['INVALID_REQUEST', 'stop', 'stop'],
]

describe('reactions', () => {
  test.each(TABLE)('%s: %s; during a commit: %s', (code, otherwise, during) => {
    const error = new LogError(code, 'x')
    expect(reactionTo(error, 'read')).toBe(otherwise)
    expect(reactionTo(error, 'fence')).toBe(otherwise)
    expect(reactionTo(error, 'commit')).toBe(during)
  })

  test('what the core throws is poison, what nobody foresaw stops', () => {
    expect(reactionTo(new PoisonError('x'), 'commit')).toBe('poison')
    expect(reactionTo(new HsError('HS_DIVERGED', 'x'), 'read')).toBe('stop')
    expect(reactionTo(new TypeError('x'), 'commit')).toBe('stop')
    expect(reactionTo('x', 'read')).toBe('stop')
  })

  test('people get a code, a sentence and a fix', () => {
    expect(forPeople(new LogError('FENCED', 'taken')).message).toBe('FENCED: taken')
    expect(forPeople(new LogError('FENCED', 'taken')).code).toBe('HS_LOG')
    expect(forPeople(new TypeError('odd')).code).toBe('HS_INTERNAL')
    expect(forPeople('odd').fix).toContain('report it')
    const own = new HsError('HS_DIVERGED', 'x')
    expect(forPeople(own)).toBe(own)
  })
})
