// The behaviours this build can replay: all from the first to the latest, and no other number.
import { expect, test } from 'vitest'
import {
  BEHAVIOUR_FIRST,
  BEHAVIOUR_LATEST,
  knowsBehaviour,
} from '../../../src/core/kernel/behaviour.ts'

test('known are the first to the latest', () => {
  expect(knowsBehaviour(BEHAVIOUR_FIRST)).toBe(true)
  expect(knowsBehaviour(BEHAVIOUR_LATEST)).toBe(true)
  expect(knowsBehaviour(BEHAVIOUR_FIRST - 1)).toBe(false)
  expect(knowsBehaviour(BEHAVIOUR_LATEST + 1)).toBe(false)
  expect(knowsBehaviour(Number.NaN)).toBe(false)
})
