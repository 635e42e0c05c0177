// What follows after a run of a task has ended.
import { describe, expect, test } from 'vitest'
import { HsError } from '../../src/contracts/failure.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import { Lives, type Verdict } from '../../src/runtime/lives.ts'
import { PoisonError } from '../../src/runtime/reaction.ts'

const inDoubt = {
  kind: 'failed',
  error: new LogError('IN_DOUBT', 'x'),
  reaction: 'drop-and-restore',
} as const
const thrown = { kind: 'poison', error: new PoisonError('boom'), until: [3] } as const

const pause = (verdict: Verdict): number => (verdict.kind === 'again' ? verdict.pauseMs : -1)

describe('after a life', () => {
  test('errors of the log are tried for ever, with growing pauses up to two seconds', () => {
    const lives = new Lives()
    lives.owned = true
    const pauses = Array.from({ length: 8 }, () => pause(lives.after(inDoubt)))
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000])
    expect(lives.next.cause).toBe('log')
  })

  test('a commit makes the pauses short again', () => {
    const lives = new Lives()
    for (let i = 0; i < 6; i++) lives.after(inDoubt)
    lives.commits = 1
    expect(pause(lives.after(inDoubt))).toBe(50)
  })

  test('a throwing core is searched at once, over the range of its step', () => {
    const lives = new Lives()
    expect(lives.after(thrown)).toEqual({ kind: 'again', pauseMs: 0 })
    expect(lives.next).toEqual({ cause: 'core', until: [3] })
  })

  test('an error of the log in the middle of the search does not end it', () => {
    const lives = new Lives()
    lives.owned = true
    lives.after(thrown)
    lives.after(inDoubt)
    expect(lives.next).toEqual({ cause: 'log', until: [3] })
  })

  test('three throws without a record to blame stop the task', () => {
    const lives = new Lives()
    const tick = { ...thrown, until: null }
    lives.after(tick)
    lives.after(tick)
    const end = lives.after(tick)
    expect(end).toMatchObject({ kind: 'stopped', error: { code: 'HS_INTERNAL' } })
  })

  // Story: a core that failed at its second tick had committed its first; so each life began anew
  // at once, a hundred times a minute, each with a restore.
  test('a core that commits a little and fails, again and again, is given growing pauses', () => {
    const lives = new Lives()
    const die = (): number => {
      lives.commits = 1
      return pause(lives.after({ ...thrown, until: null }))
    }
    const pauses = Array.from({ length: 13 }, die)
    expect(pauses.slice(0, 5)).toEqual([0, 0, 100, 200, 400])
    expect(pauses.slice(-2)).toEqual([30_000, 30_000])
    lives.ranMs = 60_000
    expect(die()).toBe(0)
  })

  test('a record that was found costs no pause, however many there are', () => {
    const lives = new Lives()
    for (let i = 0; i < 10; i++) {
      expect(pause(lives.after(thrown))).toBe(0)
      expect(pause(lives.after({ kind: 'skipped' }))).toBe(0)
    }
  })

  test.each([
    ['close-and-rejoin', 'rejoin'],
    ['stop', 'stopped'],
    ['poison', 'stopped'],
  ] as const)('%s: %s', (reaction, kind) => {
    const error = new HsError('HS_LOG', 'x')
    expect(new Lives().after({ kind: 'failed', error, reaction }).kind).toBe(kind)
  })

  test('closed is closed, skipped goes on at once', () => {
    expect(new Lives().after({ kind: 'closed' })).toEqual({ kind: 'closed' })
    expect(pause(new Lives().after({ kind: 'skipped' }))).toBe(0)
  })
})
