// Triggers: what they mean (against an evaluator of our own, three-valued), what is refused and
// where, that nothing a user writes can crash or stall a task.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrigger, COST_MAX } from '../../../src/core/decision/expression.ts'
import type { Trigger } from '../../../src/core/decision/trigger.ts'
import { FACT_NAMES, type FactValues } from '../../../src/core/decision/fact-table.ts'

const RUNS = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 10_000

const NOTHING = Object.fromEntries(FACT_NAMES.map((name) => [name, null])) as unknown as FactValues
const values = (some: Partial<FactValues>): FactValues => ({ ...NOTHING, ...some })

const holdsIn = (trigger: Trigger, facts: FactValues): boolean =>
  trigger.clauses.every((clause) => clause.holds(facts))

function holds(text: string, some: Partial<FactValues>): boolean {
  const compiled = compileTrigger(text)
  if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
  return holdsIn(compiled.trigger, values(some))
}

function problem(text: string): { message: string; start: number; end: number; hint: string } {
  const compiled = compileTrigger(text)
  if (compiled.ok) throw new Error(`${text} was accepted`)
  return { ...compiled.problem, hint: compiled.problem.hint ?? '' }
}

describe('what a trigger means', () => {
  test.each([
    ['error_rate > 0.5', { error_rate: 0.51 }, true],
    ['error_rate > 0.5', { error_rate: 0.5 }, false],
    ['p99_ms > 500 && n >= 20', { p99_ms: 501, n: 20 }, true],
    ['p99_ms + 1 > 501', { p99_ms: 500.5 }, true],
    ['1 + p99_ms * 2 - 3 / n == 8', { p99_ms: 5, n: 1 }, true],
    ['incarnation == 3', { incarnation: 3 }, true],
    ['3 != incarnation', { incarnation: 3 }, false],
    ['health == "unhealthy"', { health: 'unhealthy' }, true],
    ['"silence" in detectors', { detectors: ['probe_down', 'silence'] }, true],
    ['detectors.exists(d, d.startsWith("probe"))', { detectors: ['probe_down'] }, true],
    ['detectors.all(d, d != "silence")', { detectors: ['probe_down'] }, true],
    ['size(detectors.filter(d, d.contains("_"))) == 2', { detectors: ['a_b', 'c', 'd_e'] }, true],
    ['!(zone in ["a", "b"])', { zone: 'c' }, true],
    ['self_evident ? n > 1 : n > 100', { self_evident: true, n: 2 }, true],
    ['service.matches("^shop-[0-9]+$")', { service: 'shop-12' }, true],
    ['service.matches("^shop-[0-9]+$")', { service: 'xshop-12' }, false],
    ['metrics["queue_depth"] > 10', { metrics: new Map([['queue_depth', 11]]) }, true],
    ['metrics["queue_depth"] > 10', { metrics: new Map([['other', 11]]) }, false],
    ['metrics["a"] > 10 ? true : false', { metrics: new Map([['a', 11]]) }, true],
    ['!(metrics["a"] > 10) || n > 1', { n: 2, metrics: new Map() }, true],
  ] as const)('%s over %j is %s', (text, some, expected) => {
    expect(holds(text, some as Partial<FactValues>)).toBe(expected)
  })

  test('an unknown fact makes a clause untrue, never an error', () => {
    for (const text of [
      'error_rate > 0.5',
      '!(error_rate > 0.5)',
      'error_rate <= 1.0 || p99_ms > 1',
    ]) {
      expect(holds(text, {})).toBe(false)
    }
    expect(holds('error_rate > 0.5 || probe == "down"', { probe: 'down' })).toBe(true)
    expect(holds('probe == "down" || error_rate > 0.5', { probe: 'down' })).toBe(true)
  })

  test('a failing expression is untrue: division by zero, overflow, too long a text', () => {
    expect(holds('1 / 0 == 1', {})).toBe(false)
    expect(holds('9223372036854775807 + 1 > 0', {})).toBe(false)
    expect(holds('n / 0 > 5', { n: 1 })).toBe(true)
    expect(holds('0 * n / 0 > 5', { n: 1 })).toBe(false)
    expect(holds('zone != "a"', { zone: 'z'.repeat(257) })).toBe(false)
  })

  test('clauses: each operand of the top-level conjunction with the facts it reads', () => {
    const compiled = compileTrigger('(error_rate > 0.5) && n >= 20 && (probe == "down" || n > 1)')
    expect(compiled.ok && compiled.trigger.clauses.map(({ text, facts }) => [text, facts])).toEqual(
      [
        ['error_rate > 0.5', ['error_rate']],
        ['n >= 20', ['n']],
        ['probe == "down" || n > 1', ['probe', 'n']],
      ],
    )
  })
})

describe('what is refused, and where', () => {
  test.each([
    ['eror_rate > 0.5', 0, 9, 'there is no fact "eror_rate"', 'did you mean "error_rate"?'],
    ['n > 1 && now > 5', 9, 12, 'there is no fact "now"', 'no clock'],
    ['timestamp("2020") > timestamp(1)', 0, 17, 'no function "timestamp"', 'clock'],
    ['error_rate > 0.5 and n > 3', 17, 20, 'Unexpected', '&& for and'],
    ['n >', 3, 3, 'Unexpected token', ''],
    ['n + 1', 0, 5, 'is a double, not a condition', 'comparison'],
    ['n == "x"', 0, 8, 'no such overload', 'numbers are compared with numbers'],
    ['service.matches(zone)', 16, 20, 'literal', ''],
    ['service.matches("(")', 16, 19, 'not a pattern of RE2', ''],
    ['service.matches("(?=x)y")', 16, 24, 'not a pattern of RE2', 'look-around'],
    ['service.lowerAscii() == "x"', 0, 20, 'no method "lowerAscii"', ''],
    ['service.foo == "x"', 0, 11, 'not used here', ''],
    ['constructor == "x"', 0, 11, 'no fact "constructor"', ''],
    ['detectors.exists(n, n == "x")', 17, 18, 'already means', ''],
    ['', 0, 0, 'is empty', ''],
    ['detectors[0] == "x"', 0, 12, 'only metrics["name"] has an index', ''],
    ['metrics[service] > 1', 0, 16, 'by a literal name', ''],
    ['metrics.a > 1', 0, 9, 'not used here', ''],
  ])('%s', (...[text, start, end, message, hint]) => {
    const found = problem(text)
    expect(found).toMatchObject({ start, end })
    expect(found.message).toContain(message)
    expect(found.hint).toContain(hint)
  })

  test('size, nesting and cost are bounded before the run', () => {
    expect(problem(`n > ${'1'.repeat(5_000)}`).message).toContain('longer than 4096 bytes')
    const exists = (depth: number): string =>
      depth === 0 ? 'n > 1' : `detectors.exists(d${depth}, ${exists(depth - 1)})`
    expect(compileTrigger(exists(2)).ok).toBe(true)
    expect(problem(exists(3)).message).toContain('at most 2')
    const long = Array.from({ length: 20 }, () => 'detectors').join(' + ')
    expect(problem(`(${long}).exists(a, (${long}).exists(b, a == b))`).message).toContain('steps')
    expect(problem(`service.matches("(a{100}){11}")`).message).toMatch(/too large|not a pattern/)
    expect(problem(Array.from({ length: 300 }, () => 'n > 1').join(' || ')).message).toMatch(/ast/i)
  })

  test('the dearest accepted triggers take well under 100 ms', () => {
    const texts = [
      `service.matches("(.*a){190}b")`,
      `service.matches("(?:a|b|c|d|e){90}z")`,
      `detectors.exists(d, d.matches("(x+x+)+y"))`,
      `[1, 2, 3].exists(a, detectors.exists(b, service.contains(b + "y")))`,
    ]
    const facts = values({
      service: 'a'.repeat(256),
      detectors: Array.from({ length: 1_000 }, () => 'x'.repeat(200)),
    })
    for (const text of texts) {
      const compiled = compileTrigger(text)
      if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
      expect(compiled.trigger.cost).toBeLessThanOrEqual(COST_MAX)
      const started = performance.now()
      holdsIn(compiled.trigger, facts)
      expect(performance.now() - started).toBeLessThan(100)
    }
  })
})

// The oracle: Kleene's three-valued logic over a tree of our own; null is unknown.
type Tree =
  | { readonly kind: 'compare'; readonly fact: string; readonly op: string; readonly value: number }
  | { readonly kind: 'not'; readonly inner: Tree }
  | { readonly kind: 'and' | 'or'; readonly left: Tree; readonly right: Tree }

function print(tree: Tree): string {
  if (tree.kind === 'compare') return `${tree.fact} ${tree.op} ${tree.value}`
  if (tree.kind === 'not') return `!(${print(tree.inner)})`
  return `(${print(tree.left)} ${tree.kind === 'and' ? '&&' : '||'} ${print(tree.right)})`
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}

function oracle(tree: Tree, facts: Readonly<Record<string, number | null>>): boolean | null {
  if (tree.kind === 'compare') {
    const value = facts[tree.fact]
    return value === null || value === undefined
      ? null
      : (COMPARE[tree.op]?.(value, tree.value) ?? null)
  }
  if (tree.kind === 'not') {
    const inner = oracle(tree.inner, facts)
    return inner === null ? null : !inner
  }
  const both = [oracle(tree.left, facts), oracle(tree.right, facts)]
  const decisive = tree.kind === 'or'
  if (both.includes(decisive)) return decisive
  return both.includes(null) ? null : !decisive
}

const NUMBERS = ['success_rate', 'error_rate', 'p99_ms', 'n', 'service_n']

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({
      kind: fc.constant('compare' as const),
      fact: fc.constantFrom(...NUMBERS),
      op: fc.constantFrom(...Object.keys(COMPARE)),
      value: fc.constantFrom(0, 0.5, 1, 2, 20),
    }),
    fc.record({ kind: fc.constant('not' as const), inner: tie('tree') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      left: tie('tree'),
      right: tie('tree'),
    }),
  ),
})).tree

describe('against the oracle', () => {
  test('clauses together mean what the whole means', () => {
    const fact = fc.constantFrom(null, 0, 0.5, 1, 2, 20)
    const facts = fc.record(Object.fromEntries(NUMBERS.map((name) => [name, fact])))
    fc.assert(
      fc.property(trees, facts, (tree, some) => {
        const expected = oracle(tree, some) === true
        expect(holds(print(tree), some as Partial<FactValues>)).toBe(expected)
      }),
      { numRuns: Math.min(RUNS, 20_000) / 10 },
    )
  })
})

describe('fuzz', () => {
  const words = fc.constantFrom(
    ...FACT_NAMES,
    ...'&& || ! ( ) [ ] { } , . ? : + - * / % < <= == != >= > in'.split(' '),
    ...'1 0 0.5 1e308 9223372036854775807 0xff 1u null true "x" \'y\' r"\\d" b"z" """t"""'.split(
      ' ',
    ),
    ...'exists all filter exists_one map matches size has type dyn cel bind x __proto__'.split(' '),
    '.exists(x,',
    '.matches("',
    '(a+)+$',
    '\\',
    '//',
    '\n',
    '𝒳',
    '\u0000',
    'constructor',
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(words, { maxLength: 24 }).map((parts) => parts.join(' ')),
    fc.array(words, { maxLength: 24 }).map((parts) => parts.join('')),
  )

  test('no input crashes, stalls or evaluates to anything but a boolean', () => {
    const facts = values({
      n: 5,
      error_rate: 0.4,
      detectors: ['silence'],
      service: 'a'.repeat(250),
    })
    let accepted = 0
    let slowest = 0
    fc.assert(
      fc.property(texts, (text) => {
        const started = performance.now()
        const compiled = compileTrigger(text)
        if (compiled.ok) {
          accepted += 1
          expect([true, false]).toContain(holdsIn(compiled.trigger, facts))
        } else {
          expect(compiled.problem.start).toBeGreaterThanOrEqual(0)
          expect(compiled.problem.end).toBeLessThanOrEqual(text.length)
        }
        slowest = Math.max(slowest, performance.now() - started)
      }),
      { numRuns: RUNS },
    )
    expect(accepted).toBeGreaterThan(0)
    expect(slowest).toBeLessThan(1_000)
  }, 300_000)
})
