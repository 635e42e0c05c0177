// The turn of one step: the earliest time that lies ahead is the one to be woken at.
import { expect, test } from 'vitest'
import { newState, Turn } from '../../../src/core/decision/state.ts'
import { CONTEXT } from './world.ts'

test('the wake time is the earliest one asked for that has not passed', () => {
  const facts = { nowMs: 100, stepSeq: 1, behind: false, blind: false, services: [] }
  const turn = new Turn(newState(CONTEXT), facts)
  for (const atMs of [null, 100, 50]) turn.wake(atMs)
  expect(turn.wakeAtMs).toBeNull()
  for (const atMs of [300, 200, 250]) turn.wake(atMs)
  expect(turn.wakeAtMs).toBe(200)
})
