// The part of PromQL that a rule may use (S2-44): one metric, with or without matchers on labels,
// compared with one number. Everything else is refused with the place and what is supported.

export const OPERATORS = ['==', '!=', '>=', '<=', '>', '<'] as const
export type Operator = (typeof OPERATORS)[number]

/** Of a label that every instance has; equal or not, no patterns. */
export interface Matcher {
  readonly label: string
  readonly isEqual: boolean
  readonly value: string
}

/** `metric{matchers} op limit` */
export interface AlertExpression {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  readonly op: Operator
  readonly limit: number
}

export type ParsedExpression =
  | { readonly ok: true; readonly expression: AlertExpression }
  /** `at`: code unit of the text where it is. */
  | { readonly ok: false; readonly at: number; readonly problem: string }

/** What an expression may be, for messages. */
export const SUPPORTED: string =
  'one metric compared with a number, as in `instance_cpu_time_percent > 80` or ' +
  '`error_rate{service="shop"} >= 0.05`'

/** Labels that matchers may name. */
export const MATCHED_LABELS = ['service', 'instance', 'zone'] as const

const MIRRORED: Readonly<Record<Operator, Operator>> = {
  '==': '==',
  '!=': '!=',
  '>=': '<=',
  '<=': '>=',
  '>': '<',
  '<': '>',
}

interface Token {
  readonly kind: 'name' | 'number' | 'text' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

const TOKENS: readonly (readonly [kind: Token['kind'], form: RegExp])[] = [
  ['name', /[a-zA-Z_:][a-zA-Z0-9_:]*/y],
  ['number', /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['text', /"[^"\\\n]*"|'[^'\\\n]*'/y],
  ['sign', /==|!=|>=|<=|=~|!~|[^\s]/y],
]
const SPACE = /(?:\s|#[^\n]*)*/y
const LENGTH_MAX = 1_024
/** Words of PromQL that are names elsewhere. */
const WORDS: Readonly<Record<string, string>> = {
  and: 'conditions cannot be joined',
  or: 'conditions cannot be joined',
  unless: 'conditions cannot be joined',
  offset: 'other moments are not supported',
  bool: 'the modifier bool is not supported',
  by: 'aggregation is not supported',
  without: 'aggregation is not supported',
}

class Refused extends Error {
  readonly at: number

  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
  }
}

export function parseExpression(text: string): ParsedExpression {
  try {
    if (text.length > LENGTH_MAX) throw new Refused(LENGTH_MAX, `more than ${LENGTH_MAX} letters`)
    return { ok: true, expression: new Parser(tokens(text)).expression() }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { ok: false, at: error.at, problem: error.message }
  }
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = []
  let at = 0
  for (;;) {
    SPACE.lastIndex = at
    at += SPACE.exec(text)?.[0].length ?? 0
    if (at >= text.length) break
    const token = tokenAt(text, at)
    found.push(token)
    at += token.text.length
  }
  found.push({ kind: 'end', text: '', at })
  return found
}

/** There always is one: any letter but a space is a sign. */
function tokenAt(text: string, at: number): Token {
  for (const [kind, form] of TOKENS) {
    form.lastIndex = at
    const found = form.exec(text)?.[0]
    if (found !== undefined) return { kind, text: found, at }
  }
  throw new Refused(at, 'a letter of no expression')
}

class Parser {
  private readonly tokens: readonly Token[]
  private next = 0

  constructor(found: readonly Token[]) {
    this.tokens = found
  }

  expression(): AlertExpression {
    const first = this.peek()
    if (first.kind === 'number') {
      const limit = this.number()
      const op = MIRRORED[this.operator()]
      const selector = this.selector()
      this.end()
      return { ...selector, op, limit }
    }
    const selector = this.selector()
    const op = this.operator()
    const limit = this.number()
    this.end()
    return { ...selector, op, limit }
  }

  private selector(): Pick<AlertExpression, 'metric' | 'matchers'> {
    const name = this.take()
    if (name.kind !== 'name') throw new Refused(name.at, `${said(name)} where a metric is due`)
    if (this.peek().text === '(')
      throw new Refused(name.at, `${name.text}(…): functions and aggregation are not supported`)
    return { metric: name.text, matchers: this.peek().text === '{' ? this.matchers() : [] }
  }

  private matchers(): readonly Matcher[] {
    this.take()
    const found: Matcher[] = []
    while (this.peek().text !== '}') {
      const label = this.take()
      if (label.kind !== 'name') throw new Refused(label.at, `${said(label)} where a label is due`)
      if (!MATCHED_LABELS.some((one) => one === label.text))
        throw new Refused(label.at, `label ${label.text}: one of ${MATCHED_LABELS.join(', ')}`)
      const sign = this.take()
      if (sign.text === '=~' || sign.text === '!~')
        throw new Refused(sign.at, `${sign.text}: patterns on labels are not supported`)
      if (sign.text !== '=' && sign.text !== '!=')
        throw new Refused(sign.at, `${said(sign)} where = or != is due`)
      const value = this.take()
      if (value.kind !== 'text') throw new Refused(value.at, `${said(value)} where a text is due`)
      const isEqual = sign.text === '='
      found.push({ label: label.text, isEqual, value: value.text.slice(1, -1) })
      if (this.peek().text === ',') this.take()
      else if (this.peek().text !== '}')
        throw new Refused(this.peek().at, `${said(this.peek())} where , or } is due`)
    }
    this.take()
    return found
  }

  private operator(): Operator {
    const token = this.take()
    const op = OPERATORS.find((one) => one === token.text)
    if (op !== undefined) return op
    if (token.kind === 'end') throw new Refused(token.at, 'the end where a comparison is due')
    throw new Refused(token.at, unsupported(token))
  }

  private number(): number {
    const token = this.take()
    if (token.kind === 'number') return Number(token.text)
    if (token.kind === 'name' && Object.hasOwn(WORDS, token.text))
      throw new Refused(token.at, unsupported(token))
    if (token.kind === 'name')
      throw new Refused(token.at, `${token.text}: a second metric is not supported`)
    throw new Refused(token.at, `${said(token)} where a number is due`)
  }

  private end(): void {
    const token = this.take()
    if (token.kind !== 'end') throw new Refused(token.at, unsupported(token))
  }

  private peek(): Token {
    const token = this.tokens[Math.min(this.next, this.tokens.length - 1)]
    return token ?? { kind: 'end', text: '', at: 0 }
  }

  private take(): Token {
    const token = this.peek()
    this.next += 1
    return token
  }
}

const said = (token: Token): string => (token.kind === 'end' ? 'the end' : `\`${token.text}\``)

function unsupported(token: Token): string {
  const { text, kind } = token
  if (kind === 'name' && Object.hasOwn(WORDS, text)) return `\`${text}\`: ${WORDS[text]}`
  if (text === '[') return '`[`: ranges are not supported'
  if (text === '@') return '`@`: other moments are not supported'
  if (/^[+\-*/%^]/.test(text)) return `\`${text}\`: arithmetic is not supported`
  return `${said(token)} where the expression should end or compare`
}

/** Whether it is so; false where the value is not a number that can be compared. */
export function holds(
  { op, limit }: Pick<AlertExpression, 'op' | 'limit'>,
  value: number,
): boolean {
  switch (op) {
    case '==':
      return value === limit
    case '!=':
      return value !== limit
    case '>=':
      return value >= limit
    case '<=':
      return value <= limit
    case '>':
      return value > limit
    case '<':
      return value < limit
  }
}
