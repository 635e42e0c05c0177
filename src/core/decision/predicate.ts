// Conditions as plain functions over typed facts: what a trigger is made of as a rule (comparisons,
// && || !, arithmetic, `in`) without the expression library, some fifty times faster. The meaning
// is CEL's: what reads an unknown fact is an error, `false && error` is false, `true || error` is
// true, every other use of an error is one. What is not here is left to the library; a property
// test holds both to the same answers.
import {
  FACT_LIST_MAX,
  FACTS,
  type FactName,
  type FactValue,
  type FactValues,
} from './fact-table.ts'
import { isMetrics, isTexts, TEXT_MAX } from './fact-table.ts'
import type { Comparison, Member } from './trigger.ts'

/** A node of a checked expression, as far as it is looked at. */
export interface Node {
  readonly op: string
  readonly args: unknown
}

type Kind = 'double' | 'int' | 'string' | 'bool' | 'list'
/** undefined: an error, or unknown. */
type Value = number | string | boolean | readonly string[] | undefined

interface Part {
  readonly kind: Kind
  readonly of: (values: FactValues) => Value
}

/** Which fact a name stands for; null: for none. */
export type Named = (name: string) => FactName | null

/**
 * The condition as a function: true, false, or undefined where CEL says error. null: a part of it
 * needs the library.
 */
export function predicateOf(
  node: Node,
  named: Named,
): ((values: FactValues) => boolean | undefined) | null {
  const part = partOf(node, named)
  if (part?.kind !== 'bool') return null
  const { of } = part
  return (values) => {
    const value = of(values)
    return typeof value === 'boolean' ? value : undefined
  }
}

function partOf(node: Node, named: Named): Part | null {
  switch (node.op) {
    case 'value':
      return literalPart(node.args)
    case 'id': {
      const name = typeof node.args === 'string' ? named(node.args) : null
      return name === null ? null : factPart(name)
    }
    case '[]':
      return metricPart(node, named)
    case 'list':
      return listPart(node)
    case '!_':
    case '-_':
      return isNode(node.args) ? unaryPart(node.op, partOf(node.args, named)) : null
    default: {
      const sides = Array.isArray(node.args) ? node.args.filter(isNode) : []
      const [left, right] = sides.map((side) => partOf(side, named))
      if (sides.length !== 2 || left === null || right === null) return null
      return left === undefined || right === undefined ? null : binaryPart(node.op, left, right)
    }
  }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

function literalPart(value: unknown): Part | null {
  if (typeof value === 'string') return { kind: 'string', of: () => value }
  if (typeof value === 'boolean') return { kind: 'bool', of: () => value }
  if (typeof value === 'number') return { kind: 'double', of: () => value }
  if (typeof value !== 'bigint') return null
  const whole = Number(value)
  // Above 2^53 a double is not the same number any more.
  return Number.isSafeInteger(whole) ? { kind: 'int', of: () => whole } : null
}

function factPart(name: FactName): Part | null {
  switch (FACTS[name].type) {
    case 'double':
      return { kind: 'double', of: (values) => numberOf(values[name]) }
    case 'bool':
      return { kind: 'bool', of: (values) => boolOf(values[name]) }
    case 'string':
      return { kind: 'string', of: (values) => textOf(values[name]) }
    case 'list<string>':
      return { kind: 'list', of: (values) => listOf(values[name]) }
    case 'map<string, double>':
      return null
  }
}

const numberOf = (value: FactValue | null): number | undefined =>
  typeof value === 'number' ? value : undefined
const boolOf = (value: FactValue | null): boolean | undefined =>
  typeof value === 'boolean' ? value : undefined
const textOf = (value: FactValue | null): string | undefined =>
  typeof value === 'string' && value.length <= TEXT_MAX ? value : undefined

function listOf(value: FactValue | null): readonly string[] | undefined {
  if (!isTexts(value)) return undefined
  return value.length > FACT_LIST_MAX ? value.slice(0, FACT_LIST_MAX) : value
}

/** `metrics["name"]` */
function metricPart(node: Node, named: Named): Part | null {
  const [of, key] = Array.isArray(node.args) ? node.args : []
  if (!isNode(of) || !isNode(key) || of.op !== 'id' || typeof of.args !== 'string') return null
  const fact = named(of.args)
  const name = key.args
  if (fact === null || FACTS[fact].type !== 'map<string, double>') return null
  if (key.op !== 'value' || typeof name !== 'string') return null
  return { kind: 'double', of: (values) => metricOf(values[fact], name) }
}

export function metricOf(value: FactValue | null, name: string): number | undefined {
  return isMetrics(value) ? value.get(name) : undefined
}

/** A list of literal texts. */
function listPart(node: Node): Part | null {
  if (!Array.isArray(node.args)) return null
  const texts: string[] = []
  for (const item of node.args) {
    if (!isNode(item) || item.op !== 'value' || typeof item.args !== 'string') return null
    texts.push(item.args)
  }
  return { kind: 'list', of: () => texts }
}

function unaryPart(op: string, inner: Part | null): Part | null {
  if (inner === null) return null
  const { kind, of } = inner
  if (op === '!_' && kind === 'bool') {
    return { kind, of: (values) => negated(of(values)) }
  }
  if (op !== '-_' || (kind !== 'double' && kind !== 'int')) return null
  // A whole 0 has no sign: -(0) is 0, and n / -(0) is as n / 0.
  const minus = kind === 'int' ? less : opposite
  return { kind, of: (values) => minus(of(values)) }
}

const negated = (value: Value): Value => (typeof value === 'boolean' ? !value : undefined)
const opposite = (value: Value): Value => (typeof value === 'number' ? -value : undefined)
const less = (value: Value): Value => (typeof value === 'number' ? 0 - value : undefined)

const isNumber = ({ kind }: Part): boolean => kind === 'double' || kind === 'int'

function binaryPart(op: string, left: Part, right: Part): Part | null {
  const isLogic = left.kind === 'bool' && right.kind === 'bool'
  if ((op === '&&' || op === '||') && isLogic) return logicPart(op === '||', left, right)
  if (op === 'in' && left.kind === 'string' && right.kind === 'list') return inPart(left, right)
  if (isNumber(left) && isNumber(right)) return numberPart(op, left, right)
  const isSame = left.kind === right.kind && (left.kind === 'string' || left.kind === 'bool')
  if (!isSame || (op !== '==' && op !== '!=')) return null
  return { kind: 'bool', of: equality(op === '==', left.of, right.of) }
}

function equality(is: boolean, left: Part['of'], right: Part['of']): Part['of'] {
  return (values) => {
    const a = left(values)
    if (a === undefined) return undefined
    const b = right(values)
    return b === undefined ? undefined : (a === b) === is
  }
}

/** `decisive`: the value that decides alone, whatever the other side is: true for ||. */
function logicPart(decisive: boolean, left: Part, right: Part): Part {
  const of = (values: FactValues): Value => {
    const a = left.of(values)
    if (a === decisive) return decisive
    const b = right.of(values)
    if (b === decisive) return decisive
    return a === undefined || b === undefined ? undefined : !decisive
  }
  return { kind: 'bool', of }
}

function inPart(left: Part, right: Part): Part {
  const of = (values: FactValues): Value => {
    const text = left.of(values)
    const list = right.of(values)
    return typeof text !== 'string' || !isTexts(list) ? undefined : list.includes(text)
  }
  return { kind: 'bool', of }
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}

const CALCULATE: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

function numberPart(op: string, left: Part, right: Part): Part | null {
  const compare = COMPARE[op]
  if (compare !== undefined) return { kind: 'bool', of: numbers(compare, left.of, right.of) }
  const calculate = CALCULATE[op]
  // Whole numbers are calculated as whole numbers: the library's.
  const isWhole = left.kind === 'int' && right.kind === 'int'
  if (calculate === undefined || isWhole) return null
  return { kind: 'double', of: numbers(calculate, left.of, right.of) }
}

function numbers(
  apply: (a: number, b: number) => number | boolean,
  left: Part['of'],
  right: Part['of'],
): Part['of'] {
  return (values) => {
    const a = left(values)
    if (typeof a !== 'number') return undefined
    const b = right(values)
    return typeof b === 'number' ? apply(a, b) : undefined
  }
}

const FLIPPED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' } as const

/** The condition as a comparison of one fact with one literal, or null when it is none. */
export function comparisonOf(node: Node, named: Named): Comparison | null {
  const { op } = node
  if (!isComparison(op) || !Array.isArray(node.args)) return null
  const [left, right] = node.args.filter(isNode)
  if (left === undefined || right === undefined) return null
  const isFirst = left.op === 'id'
  const [of, value] = isFirst ? [left, right] : [right, left]
  const fact = of.op === 'id' && typeof of.args === 'string' ? named(of.args) : null
  const literal = literalOf(value)
  if (fact === null || literal === null) return null
  return { fact, op: isFirst ? op : FLIPPED[op], literal }
}

function isComparison(op: string): op is Comparison['op'] {
  return Object.hasOwn(FLIPPED, op)
}

function literalOf(node: Node): number | string | boolean | null {
  if (node.op === '-_') {
    const inner = isNode(node.args) ? literalOf(node.args) : null
    return typeof inner === 'number' ? -inner : null
  }
  if (node.op !== 'value') return null
  const value = node.args
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'
    ? value
    : null
}

/** The condition as `"text" in fact`, or null when it is none. */
export function memberOf(node: Node, named: Named): Member | null {
  if (node.op !== 'in' || !Array.isArray(node.args)) return null
  const [text, list] = node.args.filter(isNode)
  if (text?.op !== 'value' || typeof text.args !== 'string') return null
  const fact = list?.op === 'id' && typeof list.args === 'string' ? named(list.args) : null
  return fact === null ? null : { fact, text: text.args }
}
