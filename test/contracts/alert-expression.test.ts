// One metric against one number, in PromQL's words; everything else is refused with its place
// (S2-44).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holds, OPERATORS, parseExpression } from '../../src/contracts/alert-expression.ts'

const parsed = (text: string): unknown => {
  const found = parseExpression(text)
  return found.ok ? found.expression : found
}

describe('what is understood', () => {
  test.each([
    ['instance_cpu_time_percent > 80', '>', 80],
    ['80 < instance_cpu_time_percent', '>', 80],
    ['  instance_cpu_time_percent>=-1.5e2 # of one core', '>=', -150],
    ['.5 == instance_cpu_time_percent', '==', 0.5],
  ])('%s', (text, op, limit) => {
    const metric = 'instance_cpu_time_percent'
    expect(parsed(text)).toEqual({ metric, matchers: [], op, limit })
  })

  test('matchers on labels', () => {
    expect(parsed('a:b{service="shop", zone!=\'z1\',} != 0')).toEqual({
      metric: 'a:b',
      op: '!=',
      limit: 0,
      matchers: [
        { label: 'service', isEqual: true, value: 'shop' },
        { label: 'zone', isEqual: false, value: 'z1' },
      ],
    })
  })

  test('is what it was made of, whatever the spaces', () => {
    const metric = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,8}$/)
    const limit = fc.integer({ min: -1_000, max: 1_000 }).map((n) => n / 8)
    const space = fc.constantFrom('', ' ', '\n\t')
    fc.assert(
      fc.property(metric, fc.constantFrom(...OPERATORS), limit, space, (name, op, n, gap) => {
        fc.pre(!['and', 'or', 'unless', 'offset', 'bool', 'by', 'without'].includes(name))
        const found = parseExpression(`${gap}${name}${gap}${op}${gap}${n}${gap}`)
        expect(found).toEqual({
          ok: true,
          expression: { metric: name, matchers: [], op, limit: n },
        })
      }),
    )
  })
})

describe('what is refused, and where', () => {
  test.each([
    ['rate(a[5m]) > 3', 0, 'functions and aggregation'],
    ['sum by (x) (a) > 3', 4, '`by`: aggregation'],
    ['a > 3 and b > 4', 6, '`and`: conditions cannot be joined'],
    ['a offset 5m > 3', 2, '`offset`: other moments'],
    ['a[5m] > 3', 1, 'ranges'],
    ['a + b > 3', 2, 'arithmetic'],
    ['a > 3 * 2', 6, 'arithmetic'],
    ['a > bool 3', 4, 'bool'],
    ['a > b', 4, 'a second metric'],
    ['a @ 3', 2, 'other moments'],
    ['a{job=~"x.*"} > 1', 2, 'label job'],
    ['a{service=~"x.*"} > 1', 9, 'patterns'],
    ['a{service="x" > 1', 14, 'where , or } is due'],
    ['a{service="x\ny"} > 1', 10, 'where a text is due'],
    ['a', 1, 'the end where a comparison is due'],
    ['', 0, 'the end where a metric is due'],
    ['80', 2, 'the end where a comparison is due'],
    ['a > 3 4', 6, 'should end'],
    ['a > NaN', 4, 'a second metric'],
    ['x'.repeat(1_025), 1_024, 'more than 1024 letters'],
  ])('%s', (text, at, said) => {
    const found = parseExpression(text)
    expect(found).toMatchObject({ ok: false, at })
    expect(found.ok ? '' : found.problem).toContain(said)
  })

  test('anything at all is understood or refused within itself, at once', () => {
    const piece = fc.constantFrom(
      'a',
      '80',
      '>',
      '{',
      '}',
      '"',
      "'",
      '(',
      '[',
      'and',
      ' ',
      '#',
      '\n',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (one) => {
        const found = parseExpression(one)
        if (!found.ok) expect(found.at).toBeLessThanOrEqual(one.length)
      }),
      { numRuns: 500 },
    )
  })
})

test.each([
  ['==', [false, true, false]],
  ['!=', [true, false, true]],
  ['>=', [false, true, true]],
  ['<=', [true, true, false]],
  ['>', [false, false, true]],
  ['<', [true, false, false]],
] as const)('value %s limit', (op, expected) => {
  expect([79, 80, 81].map((value) => holds({ op, limit: 80 }, value))).toEqual(expected)
})
