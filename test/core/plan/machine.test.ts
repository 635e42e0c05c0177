// The table of a rung and its picture.
import { expect, test } from 'vitest'
import { go } from '../../../src/core/kernel/machine.ts'
import { PLAN_DIAGRAM, PLAN_TABLE } from '../../../src/core/plan/machine.ts'

test('the picture', () => {
  expect(PLAN_DIAGRAM).toBe(`stateDiagram-v2
  [*] --> waiting
  waiting --> acting
  waiting --> verifying
  waiting --> failed
  acting --> holding
  acting --> waiting
  acting --> verifying
  acting --> failed
  holding --> waiting
  holding --> verifying
  holding --> failed
  verifying --> waiting
  verifying --> done
  verifying --> failed`)
})

test('nothing is verified twice, and nothing leaves an end', () => {
  expect(() => go(PLAN_TABLE, 'done', 'waiting')).toThrow('no transition')
  expect(() => go(PLAN_TABLE, 'failed', 'waiting')).toThrow('no transition')
  expect(() => go(PLAN_TABLE, 'waiting', 'done')).toThrow('no transition')
})
