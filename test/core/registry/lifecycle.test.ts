// The lifecycle table: every state with every word, the picture, and that both say the same.
import { describe, expect, test } from 'vitest'
import type { Lifecycle, ServiceEvent } from '../../../src/contracts/records.ts'
import {
  LIFE_WORDS,
  LIFECYCLE_DIAGRAM,
  LIFECYCLE_MOVES,
  LIFECYCLE_TABLE,
  type LifeWord,
  wordOf,
} from '../../../src/core/registry/lifecycle.ts'
import { type EventWords, serviceEvent } from '../../support/records.ts'

const STATES: readonly Lifecycle[] = ['unknown', 'standby', 'ready', 'draining', 'gone']

/** By word: what becomes of unknown, standby, ready, draining, gone; null: refused. */
const EXPECTED: Readonly<Record<LifeWord, readonly (Lifecycle | 'was' | null)[]>> = {
  register: ['ready', 'ready', 'ready', 'ready', 'ready'],
  register_standby: ['standby', 'standby', 'standby', 'standby', 'standby'],
  renew: ['unknown', 'standby', 'ready', 'draining', 'was'],
  announce: ['unknown', 'standby', 'ready', 'draining', null],
  drain: ['draining', 'draining', 'draining', 'draining', null],
  deregister: ['gone', 'gone', 'gone', 'gone', 'gone'],
  lapse: ['gone', 'gone', 'gone', 'gone', null],
  sign_of_life: ['unknown', 'standby', 'ready', 'draining', 'was'],
  new_life: ['unknown', 'standby', 'standby', 'standby', 'unknown'],
}

test.each(LIFE_WORDS)('%s', (word) => {
  expect(STATES.map((from) => LIFECYCLE_TABLE[from][word] ?? null)).toEqual(EXPECTED[word])
})

test('the moves are those of the table, and the picture shows each with its words', () => {
  for (const from of STATES) {
    const to = LIFE_WORDS.flatMap((word) => LIFECYCLE_TABLE[from][word] ?? [])
    const reached = to.flatMap((next) => (next === 'was' ? STATES : [next]))
    const wanted = [...new Set(reached)].filter((next) => next !== from).sort()
    expect([...LIFECYCLE_MOVES[from]].sort()).toEqual(wanted)
  }
  expect(LIFECYCLE_DIAGRAM).toContain('  ready --> gone: deregister, lapse')
  expect(LIFECYCLE_DIAGRAM).toContain('  draining --> ready: register\n')
  expect(LIFECYCLE_DIAGRAM.split('\n')).toHaveLength(1 + 2 + 17)
})

describe('the word of an event', () => {
  const word = (words: Partial<EventWords>, held: Lifecycle): LifeWord | null =>
    wordOf(serviceEvent({ atMs: 1, ...words }), held)

  test.each<[ServiceEvent['action'], ServiceEvent['lifecycle'], LifeWord | null]>([
    ['register', null, 'register'],
    ['register', 'ready', 'register'],
    ['register', 'standby', 'register_standby'],
    ['register', 'draining', 'drain'],
    ['register', 'gone', 'deregister'],
    ['deregister', 'gone', 'deregister'],
    ['drain', null, 'drain'],
    ['healthy', null, 'announce'],
    ['unstable', null, 'announce'],
    ['unhealthy', null, 'announce'],
    ['unknown', null, null],
  ])('%s with lifecycle %s is %s', (action, lifecycle, wanted) => {
    for (const held of STATES) expect(word({ action, lifecycle }, held)).toBe(wanted)
  })

  // Every agent renews with `ready`: a drain that somebody ordered was over ten seconds later.
  test('a renewal takes no drain back, and registers who is known by sight', () => {
    const renewed = STATES.map((held) => word({ action: 'renew', lifecycle: 'ready' }, held))
    expect(renewed).toEqual(['register', 'register', 'renew', 'renew', 'renew'])
    const unready = STATES.map((held) => word({ action: 'renew', lifecycle: 'standby' }, held))
    const standby = 'register_standby'
    expect(unready).toEqual([standby, 'renew', standby, 'renew', 'renew'])
    expect(STATES.map((held) => word({ action: 'renew' }, held))).toEqual(STATES.map(() => 'renew'))
  })
})
