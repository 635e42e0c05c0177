// Triggers of policies: conditions over time one by one, the window of the figures, bounds of all
// conditions together.
import { expect, test } from 'vitest'
import {
  compilePolicy,
  spanOf,
  type Triggering,
} from '../../../src/core/decision/compile-policy.ts'
import { COST_MAX } from '../../../src/core/decision/expression.ts'

const plain = { composite: null, evaluationMode: 'sustained', forMs: 0 } as const
const over = (...clauses: readonly string[]): Triggering => ({
  ...plain,
  trigger: clauses.join(' and '),
  composite: { how: 'all', clauses, withinMs: 30_000 },
})

test('one condition is taken apart, each of several stays whole', () => {
  const one = compilePolicy({ ...plain, trigger: 'n > 1 && errors > 1' })
  expect(one.ok && [one.trigger.over, one.trigger.clauses.length]).toEqual([null, 2])
  const several = compilePolicy(over('n > 1 && errors > 1', 'link == "offline"'))
  expect(several.ok && several.trigger.clauses.map(({ text }) => text)).toEqual([
    'n > 1 && errors > 1',
    'link == "offline"',
  ])
  expect(several.ok && several.trigger.over).toEqual({ how: 'all', withinMs: 30_000 })
})

test('what is wrong names its condition', () => {
  expect(compilePolicy(over('n > 1', 'eror > 1'))).toMatchObject({
    ok: false,
    problem: { clause: 1, start: 0, end: 4 },
  })
  const noted = compilePolicy(over('n > 1', 'n > 1 / 2'))
  expect(noted.ok && noted.trigger.notes.map(({ clause }) => clause)).toEqual([1])
})

test('the cost is bounded for all conditions together', () => {
  const dear = 'detectors.exists(d, d.matches("(x+x+x+x+x+x+)+y"))'
  const [one, eight] = [[dear], Array.from({ length: 8 }, () => dear)]
  const alone = compilePolicy(over(...one))
  const cost = alone.ok ? alone.trigger.cost : 0
  expect(alone.ok && cost * 8 > COST_MAX).toBe(true)
  expect(compilePolicy(over(...eight))).toMatchObject({
    ok: false,
    problem: { message: `could take ${cost * 8} steps together, at most ${COST_MAX} are allowed` },
  })
})

test('S0-41: the mode window takes figures of that window, else they are of 60 s', () => {
  const span = { evaluationMode: 'window', forMs: 300_000 } as const
  const wide = compilePolicy({ ...plain, ...span, trigger: 'error_rate > 0.5 && health != "x"' })
  expect(wide.ok && wide.trigger.clauses.map(({ facts }) => facts)).toEqual([
    ['error_rate_5m'],
    ['health'],
  ])
  expect(spanOf({ ...plain, trigger: '' })).toBe(60_000)
  expect(spanOf({ ...plain, trigger: '', forMs: 300_000 })).toBe(60_000)
})
