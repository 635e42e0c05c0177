// Names of metrics: those that an expression of an alert rule can say, and no others.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseExpression } from '../../src/contracts/alert-expression.ts'
import {
  METRIC_NAME_BYTES_MAX,
  metricNameProblem,
  metricProblem,
} from '../../src/contracts/metric-name.ts'

test('names are those that a rule can say', () => {
  for (const name of ['a', '_', 'db:pool_used_percent', 'A9', 'x'.repeat(64)])
    expect(metricNameProblem(name), name).toBeNull()
  for (const name of ['', '9a', 'a-b', 'a.b', 'ä', 'a b', 'a\u0000', 'x'.repeat(65), '\ufffd'])
    expect(metricNameProblem(name), name).not.toBeNull()
  expect(metricProblem('a', Number.NaN)).toBe('its value is no number')
  expect(metricProblem('a', Number.POSITIVE_INFINITY)).toBe('its value is no number')
})

test('whatever is a name, a rule can say; whatever a rule can say and is short enough, is', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z_:.0-9-]{1,70}$/))
  fc.assert(
    fc.property(text, (name) => {
      const parsed = parseExpression(`${name} > 1`)
      const isSaid = parsed.ok && parsed.expression.metric === name
      const isShort = name.length <= METRIC_NAME_BYTES_MAX
      expect(metricNameProblem(name) === null).toBe(isSaid && isShort)
    }),
    { numRuns: 2_000 },
  )
})
