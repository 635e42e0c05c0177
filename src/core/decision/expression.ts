// Triggers: CEL, type-checked and bounded before they come into force. The one file that knows
// cel-js and re2js.
//
// The library has no hook to count evaluation steps, so the budget is set before the run: a small
// vocabulary, every size bounded (text 4 kB, 400 nodes, 2 nested comprehensions, lists and texts of
// bounded length), and from these the worst cost a trigger can have is added up and compared with
// COST_MAX. What could cost more never comes into force; what is in force needs no clock, and
// refusing is the same on every machine. `matches` runs on RE2 (linear time), its pattern must be a
// literal. There is no wall clock: `timestamp`, `duration` and `now` are not in the vocabulary.
import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { JUDGED_WINDOW_MS } from '../../contracts/policy-trigger.ts'
import { didYouMean } from '../../contracts/suggest.ts'
import { utf8Size } from '../../contracts/utf8.ts'
import { splitConjunction } from './clause-split.ts'
import {
  FACT_LIST_MAX,
  FACT_NAMES,
  FACTS,
  type FactName,
  type FactValues,
  isFact,
  isTexts,
  overWindow,
  TEXT_MAX,
} from './fact-table.ts'
import { divisionNotes } from './division.ts'
import { writtenOut } from './pattern-size.ts'
import { comparisonOf, memberOf, type Named, predicateOf } from './predicate.ts'
import type { Compiled, CompiledClause, TriggerProblem } from './trigger.ts'

export const TRIGGER_BYTES_MAX = 4_096
export const COST_MAX = 100_000
export const LIST_MAX = 256
export const NESTING_MAX = 2
const NODES_MAX = 400
const PROGRAM_MAX = 1_000
/** Written out, a pattern larger than this is too large however it is compiled. */
const WRITTEN_OUT_MAX = 2 * TRIGGER_BYTES_MAX

class Refused extends Error {
  readonly problem: TriggerProblem
  constructor(at: { start: number; end: number }, message: string, hint: string | null = null) {
    super(message)
    this.problem = { message, start: at.start, end: at.end, hint }
  }
}

const FUNCTIONS = ['size', 'double']
const METHODS = ['startsWith', 'endsWith', 'contains', 'matches', 'size']
const MACROS = ['exists', 'all', 'exists_one', 'filter']
const OPERATORS = ['&&', '||', '?:', '!_', '-_', '==', '!=', '<', '<=', '>', '>=', 'in']
const ARITHMETIC = ['+', '-', '*', '/', '%']
const VOCABULARY = [...FUNCTIONS, ...METHODS, ...MACROS]
const CLOCKS = ['now', 'timestamp', 'duration', 'google']
/**
 * Name under which `matches` is registered here; the library's own one runs on JavaScript's engine.
 */
const RE2_METHOD = 'matchesRe2'

/**
 * Compiled patterns; a cache only, so that it may be emptied at any time without changing an
 * answer.
 */
const patterns = new Map<string, RE2JS>()

function re2(pattern: string): RE2JS {
  const held = patterns.get(pattern)
  if (held !== undefined) return held
  if (patterns.size >= 1_000) patterns.clear()
  const made = RE2JS.compile(pattern)
  patterns.set(pattern, made)
  return made
}

const CEL: Environment = environment()

function environment(): Environment {
  const limits = { maxAstNodes: NODES_MAX, maxDepth: 40, maxListElements: LIST_MAX }
  const env = new Environment({ limits: { ...limits, maxMapEntries: 0, maxCallArguments: 3 } })
  for (const name of FACT_NAMES) env.registerVariable(name, FACTS[name].type)
  const mixed: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  }
  for (const [op, apply] of Object.entries(mixed)) {
    const handler = (a: number | bigint, b: number | bigint): number => apply(Number(a), Number(b))
    env.registerOperator(`double ${op} int: double`, handler)
    env.registerOperator(`int ${op} double: double`, handler)
  }
  env.registerOperator('double == int', (a: number, b: bigint) => a === Number(b))
  const found = (text: string, pattern: string): boolean => re2(pattern).matcher(text).find()
  env.registerFunction(`string.${RE2_METHOD}(string): bool`, found, { async: false })
  return env
}

/** Worst steps and worst size (items of a list, code units of a text, 1 otherwise) of a part. */
interface Bound {
  readonly cost: number
  readonly size: number
}

interface Scope {
  readonly variables: ReadonlyMap<string, number>
  readonly nesting: number
  readonly facts: Set<FactName>
  readonly notes: TriggerProblem[]
}

const STEP: Bound = { cost: 1, size: 1 }

function factSize(name: FactName): number {
  const { type } = FACTS[name]
  return type === 'string' ? TEXT_MAX : type === 'list<string>' ? FACT_LIST_MAX : 1
}

function boundOfId(node: ASTNode & { op: 'id' }, scope: Scope): Bound {
  const name = node.args
  const size = scope.variables.get(name)
  if (size !== undefined) return { cost: 1, size }
  if (isFact(name)) {
    scope.facts.add(name)
    return { cost: 1, size: factSize(name) }
  }
  throw new Refused(node, `there is no fact "${name}"`, hintFor(name))
}

function hintFor(name: string): string {
  if (CLOCKS.includes(name)) {
    return 'triggers have no clock; say how long it must hold with `for`'
  }
  const near = didYouMean(name, [...FACT_NAMES, ...VOCABULARY])
  return near ?? `facts: ${FACT_NAMES.join(', ')}`
}

function sum(parts: readonly Bound[]): Bound {
  let cost = 1
  let size = 0
  for (const part of parts) {
    cost += part.cost
    size += part.size
  }
  return { cost, size }
}

function boundOfMethod(node: ASTNode & { op: 'rcall' }, scope: Scope): Bound {
  const [name, receiver, args] = node.args
  if (MACROS.includes(name) && args.length === 2) return boundOfMacro(node, scope)
  if (!METHODS.includes(name)) {
    throw new Refused(node, `there is no method "${name}"`, hintFor(name))
  }
  const parts = [receiver, ...args].map((part) => boundOf(part, scope))
  const { cost, size } = sum(parts)
  if (name !== 'matches') return { cost: cost + Math.ceil(size / 16), size: 1 }
  const program = patternSize(args[0] ?? node)
  node.args[0] = RE2_METHOD
  const text = parts[0]?.size ?? 0
  return { cost: cost + Math.ceil((text * program) / 16), size: 1 }
}

/** Steps of the pattern's program. */
function patternSize(node: ASTNode): number {
  if (node.op !== 'value' || typeof node.args !== 'string') {
    throw new Refused(node, 'the pattern of matches() must be a literal text')
  }
  try {
    const least = writtenOut(node.args)
    const size = least > WRITTEN_OUT_MAX ? least : re2(node.args).programSize()
    if (size > PROGRAM_MAX) throw new Refused(node, `the pattern is too large (${size} steps)`)
    return size
  } catch (error) {
    if (error instanceof Refused) throw error
    const why = error instanceof Error ? error.message : 'not understood'
    throw new Refused(node, `not a pattern of RE2: ${why}`, 'RE2 has no look-around and no \\1')
  }
}

function boundOfMacro(node: ASTNode & { op: 'rcall' }, scope: Scope): Bound {
  const [name, receiver, [variable, body]] = node.args
  if (variable?.op !== 'id' || body === undefined) {
    throw new Refused(variable ?? node, `${name}(variable, condition) begins with a variable`)
  }
  if (isFact(variable.args) || scope.variables.has(variable.args)) {
    throw new Refused(variable, `"${variable.args}" already means something else`)
  }
  if (scope.nesting >= NESTING_MAX) {
    throw new Refused(node, `at most ${NESTING_MAX} of ${MACROS.join(', ')} inside each other`)
  }
  const list = boundOf(receiver, scope)
  // An item can itself be a list or a text; the size of a literal list is the sum of its items'
  // sizes.
  const inner: Scope = {
    ...scope,
    nesting: scope.nesting + 1,
    variables: new Map(scope.variables).set(variable.args, Math.max(TEXT_MAX, list.size)),
  }
  const each = boundOf(body, inner)
  return { cost: 2 + list.cost + list.size * (each.cost + 2), size: list.size }
}

function boundOf(node: ASTNode, scope: Scope): Bound {
  switch (node.op) {
    case 'value':
      return boundOfLiteral(node)
    case 'id':
      return boundOfId(node, scope)
    case 'call': {
      const [name, args] = node.args
      if (!FUNCTIONS.includes(name)) {
        throw new Refused(node, `there is no function "${name}"`, hintFor(name))
      }
      return { cost: sum(args.map((arg) => boundOf(arg, scope))).cost + TEXT_MAX / 16, size: 1 }
    }
    case 'rcall':
      return boundOfMethod(node, scope)
    case 'list': {
      const parts = node.args.map((part) => boundOf(part, scope))
      const { cost, size } = sum(parts)
      return { cost, size: Math.max(1, size) }
    }
    case '!_':
    case '-_':
      return { cost: boundOf(node.args, scope).cost + 1, size: 1 }
    case '[]':
      return boundOfMetric(node, scope)
    default:
      return boundOfOperator(node, scope)
  }
}

/** `metrics["name"]`: nothing else has an index. */
function boundOfMetric(node: ASTNode & { op: '[]' }, scope: Scope): Bound {
  const [of, key] = node.args
  const isMetric = of.op === 'id' && isFact(of.args) && FACTS[of.args].type.startsWith('map')
  if (!isMetric || key.op !== 'value' || typeof key.args !== 'string') {
    throw new Refused(node, 'only metrics["name"] has an index, by a literal name')
  }
  return { cost: boundOf(of, scope).cost + 2, size: 1 }
}

function boundOfLiteral(node: ASTNode & { op: 'value' }): Bound {
  const value = node.args
  if (typeof value === 'string') return { cost: 1, size: Math.max(1, value.length) }
  if (typeof value === 'object') throw new Refused(node, 'null, bytes and uint are not used here')
  return STEP
}

function boundOfOperator(node: ASTNode, scope: Scope): Bound {
  const isArithmetic = ARITHMETIC.includes(node.op)
  if (!(isArithmetic || OPERATORS.includes(node.op)) || !Array.isArray(node.args)) {
    throw new Refused(node, `"${node.op}" is not used here`, 'facts have no fields and no index')
  }
  const parts: Bound[] = []
  const operands: ASTNode[] = []
  for (const part of node.args) {
    if (typeof part !== 'object' || Array.isArray(part)) continue
    operands.push(part)
    parts.push(boundOf(part, scope))
  }
  scope.notes.push(...divisionNotes(node, operands))
  const { cost, size } = sum(parts)
  const comparing = ['==', '!=', 'in', '+', '<', '<=', '>', '>='].includes(node.op)
  const weight = node.op === 'in' ? size * 2 : comparing ? Math.ceil(size / 16) : 0
  const grown = isArithmetic || node.op === '?:' ? size : 1
  return { cost: cost + weight, size: grown }
}

/** A condition that may come into force. */
export interface Checked {
  readonly clause: CompiledClause
  readonly cost: number
  readonly notes: readonly TriggerProblem[]
}

/** `spanMs`: the window that figures are taken over. */
function check(text: string, spanMs: number): Checked {
  const parsed = CEL.parse(text)
  const notes: TriggerProblem[] = []
  const scope: Scope = { variables: new Map(), nesting: 0, facts: new Set(), notes }
  const { cost } = boundOf(parsed.ast, scope)
  const whole = { start: 0, end: text.length }
  if (cost > COST_MAX) {
    throw new Refused(whole, `could take ${cost} steps, at most ${COST_MAX} are allowed`)
  }
  const { valid, type, error } = parsed.check()
  if (!valid) throw error ?? new Refused(whole, 'does not type-check')
  if (type !== 'bool') {
    throw new Refused(whole, `is a ${type}, not a condition`, 'end with a comparison')
  }
  const named: Named = (name) => (isFact(name) ? overWindow(name, spanMs) : null)
  const read = [...scope.facts].map((name) => ({ name, fact: overWindow(name, spanMs) }))
  const comparison = comparisonOf(parsed.ast, named)
  const member = memberOf(parsed.ast, named)
  const plain = predicateOf(parsed.ast, named)
  const slow = (values: FactValues): boolean | undefined => {
    try {
      return parsed(known(read, values)) === true
    } catch {
      return undefined
    }
  }
  const ask = plain ?? slow
  const holds = (values: FactValues): boolean => ask(values) === true
  const facts = read.map(({ fact }) => fact)
  return { clause: { text, facts, comparison, member, ask, holds }, cost, notes }
}

/**
 * The facts that are known; the library takes an absent one as an error, which `||` and `&&` absorb
 * as CEL says.
 */
function known(
  read: readonly { readonly name: FactName; readonly fact: FactName }[],
  values: FactValues,
): Record<string, unknown> {
  const context: Record<string, unknown> = {}
  for (const { name, fact } of read) {
    const value = values[fact]
    if (value === null || (typeof value === 'string' && value.length > TEXT_MAX)) continue
    context[name] = isTexts(value) ? value.slice(0, FACT_LIST_MAX) : value
  }
  return context
}

function toProblem(text: string, error: unknown): TriggerProblem {
  if (error instanceof Refused) return error.problem
  const shape = typeof error === 'object' && error !== null ? error : {}
  const summary = 'summary' in shape && typeof shape.summary === 'string' ? shape.summary : null
  const range = 'range' in shape && typeof shape.range === 'object' ? shape.range : null
  const at = (key: 'start' | 'end', otherwise: number): number => {
    const value: unknown = range === null ? undefined : Reflect.get(range, key)
    return typeof value === 'number' ? Math.min(value, text.length) : otherwise
  }
  const word = /\b(?:and|or|not)\b/.test(text)
  const overload = summary?.startsWith('no such overload') === true
  const hint = word
    ? 'write && for and, || for or, ! for not'
    : overload
      ? 'numbers are compared with numbers and texts with texts'
      : null
  const message = (summary ?? 'cannot be understood').replaceAll(RE2_METHOD, 'matches')
  return { message, start: at('start', 0), end: at('end', text.length), hint }
}

/**
 * Compiles a trigger, or says what is wrong with it. Never throws; bounded in time by the size
 * limits. `spanMs`: the window that its figures are taken over.
 */
export function compileTrigger(text: string, spanMs: number = JUDGED_WINDOW_MS): Compiled {
  const checked = checkText(text, spanMs)
  if (!checked.ok) return checked
  const { clause, cost, notes } = checked
  return {
    ok: true,
    trigger: { text, clauses: clausesOf(text, clause, spanMs), over: null, cost, notes },
  }
}

/** One condition, whole; as `compileTrigger`. */
export function checkText(
  text: string,
  spanMs: number,
): ({ readonly ok: true } & Checked) | (Compiled & { readonly ok: false }) {
  const whole = { start: 0, end: text.length }
  try {
    if (text.trim() === '') throw new Refused(whole, 'is empty')
    if (utf8Size(text) > TRIGGER_BYTES_MAX) {
      throw new Refused(whole, `is longer than ${TRIGGER_BYTES_MAX} bytes`)
    }
    return { ok: true, ...check(text, spanMs) }
  } catch (error) {
    return { ok: false, problem: toProblem(text, error) }
  }
}

/**
 * One clause per operand of the top-level conjunction; the whole one when the pieces do not stand
 * alone.
 */
function clausesOf(text: string, whole: CompiledClause, spanMs: number): readonly CompiledClause[] {
  try {
    return splitConjunction(text).map((part) => check(part, spanMs).clause)
  } catch {
    return [whole]
  }
}
