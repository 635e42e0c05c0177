// The line about the age of an answer.
import { expect, test } from 'vitest'
import { isStale, recencyLine } from '../../src/cli/show-recency.ts'
import { clockTime } from '../../src/cli/table.ts'

const asOfMs = 1_760_000_000_000
const fresh = { source: 'redis', asOfMs, staleMs: 900, problem: null }

test('fresh, stale, not whole, and with words of others in it', () => {
  expect([isStale(fresh), recencyLine(fresh)]).toEqual([
    false,
    `as of ${clockTime(asOfMs)}, from redis`,
  ])
  const old = { ...fresh, source: 'memory', staleMs: 12_000, problem: 'redis: \u001B[31m gone' }
  expect(isStale(old)).toBe(true)
  expect(recencyLine(old)).toContain('from memory, stale by 12 s (redis: ')
  expect(recencyLine(old)).not.toContain('\u001B')
  const empty = { source: 'memory', asOfMs: null, staleMs: null, problem: 'still reading' }
  expect([isStale(empty), recencyLine(empty)]).toEqual([true, 'not read whole yet (still reading)'])
})
