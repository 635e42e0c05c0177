// What a trigger allows, fact by fact: an interval of numbers or a set of texts, from its plain
// comparisons. Enough to say that two triggers can never hold together, or that one holds whenever
// the other does; what is not a plain comparison is only compared as text.
import { FACTS, type FactName } from './fact-table.ts'
import type { Comparison, CompiledClause } from './trigger.ts'

/** Numbers from `low` to `high`; an open end does not belong to it. */
export interface Span {
  readonly low: number
  readonly high: number
  readonly lowOpen: boolean
  readonly highOpen: boolean
}

/** Texts that are allowed, or all but some. */
export interface Words {
  readonly only: ReadonlySet<string> | null
  readonly not: ReadonlySet<string>
}

export interface Region {
  readonly spans: ReadonlyMap<FactName, Span>
  readonly words: ReadonlyMap<FactName, Words>
  /** Texts of the clauses that are no plain comparisons. */
  readonly others: ReadonlySet<string>
}

const EVERY: Span = { low: -Infinity, high: Infinity, lowOpen: false, highOpen: false }

export function spanOfRange([low, high]: readonly [number, number]): Span {
  return { ...EVERY, low, high }
}

export function cut(span: Span, op: Comparison['op'], at: number): Span {
  const isLow = op === '>' || op === '>=' || op === '=='
  const isHigh = op === '<' || op === '<=' || op === '=='
  let { low, high, lowOpen, highOpen } = span
  if (isLow && (at > low || (at === low && op === '>'))) [low, lowOpen] = [at, op === '>']
  if (isHigh && (at < high || (at === high && op === '<'))) [high, highOpen] = [at, op === '<']
  return { low, high, lowOpen, highOpen }
}

export function isEmptySpan({ low, high, lowOpen, highOpen }: Span): boolean {
  return low > high || (low === high && (lowOpen || highOpen))
}

function meet(a: Span, b: Span): Span {
  const withLow = cut(a, b.lowOpen ? '>' : '>=', b.low)
  return cut(withLow, b.highOpen ? '<' : '<=', b.high)
}

/** `clauses`: all of them have to hold. */
export function regionOf(clauses: readonly CompiledClause[]): Region {
  const spans = new Map<FactName, Span>()
  const words = new Map<FactName, Words>()
  const others = new Set<string>()
  for (const { comparison, text } of clauses) {
    if (comparison === null) others.add(text.replaceAll(/\s+/g, ' '))
    else take(comparison, spans, words)
  }
  return { spans, words, others }
}

function take(
  { fact, op, literal }: Comparison,
  spans: Map<FactName, Span>,
  words: Map<FactName, Words>,
): void {
  if (typeof literal === 'number') {
    if (op === '!=') return
    const { range } = FACTS[fact]
    const whole = range === undefined ? EVERY : spanOfRange(range)
    spans.set(fact, cut(spans.get(fact) ?? whole, op, literal))
    return
  }
  const text = String(literal)
  const { only, not } = words.get(fact) ?? { only: null, not: new Set<string>() }
  if (op === '!=') words.set(fact, { only, not: new Set([...not, text]) })
  else if (op === '==') {
    const left = only === null || only.has(text) ? [text] : []
    words.set(fact, { only: new Set(left), not })
  }
}

function allowed({ only, not }: Words): readonly string[] | null {
  return only === null ? null : [...only].filter((text) => !not.has(text))
}

/** A fact for which nothing satisfies the region, or null. */
export function tornFact({ spans, words }: Region): FactName | null {
  for (const [fact, span] of spans) if (isEmptySpan(span)) return fact
  for (const [fact, own] of words) {
    const { values } = FACTS[fact]
    const left = allowed(own) ?? values?.filter((text) => !own.not.has(text)) ?? null
    if (left?.length === 0) return fact
  }
  return null
}

/** A fact on which the two can never agree, among those that `counts` names; null: none. */
export function partingFact(
  a: Region,
  b: Region,
  counts: (fact: FactName) => boolean,
): FactName | null {
  for (const [fact, span] of a.spans) {
    const other = b.spans.get(fact)
    if (other !== undefined && counts(fact) && isEmptySpan(meet(span, other))) return fact
  }
  for (const [fact, own] of a.words) {
    const other = b.words.get(fact)
    if (other === undefined || !counts(fact)) continue
    const both = { only: narrower(own, other), not: new Set([...own.not, ...other.not]) }
    if (allowed(both)?.length === 0) return fact
  }
  return null
}

function narrower(a: Words, b: Words): ReadonlySet<string> | null {
  if (a.only === null || b.only === null) return a.only ?? b.only
  const { only } = b
  return new Set([...a.only].filter((text) => only.has(text)))
}

/** Whether everything that satisfies `inner` satisfies `outer`. */
export function holdsWithin(inner: Region, outer: Region): boolean {
  const isInSpan = [...outer.spans].every(([fact, span]) => {
    const own = inner.spans.get(fact)
    return own !== undefined && same(meet(own, span), own)
  })
  const isInWords = [...outer.words].every(([fact, { only, not }]) => {
    const own = inner.words.get(fact)
    if (own === undefined) return false
    const texts = allowed(own)
    if (texts === null) return only === null && [...not].every((text) => own.not.has(text))
    return texts.every((text) => (only === null || only.has(text)) && !not.has(text))
  })
  return isInSpan && isInWords && [...outer.others].every((text) => inner.others.has(text))
}

function same(a: Span, b: Span): boolean {
  const isLow = a.low === b.low && a.lowOpen === b.lowOpen
  return isLow && a.high === b.high && a.highOpen === b.highOpen
}
