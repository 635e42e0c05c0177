// A JSON reader for what strangers send: bounded in size and depth, and strict where JSON.parse is
// silent: repeated keys, keys that reach prototypes, numbers that would lose their value, halves of
// surrogate pairs. A refusal names the place, what was found and what to do. Grammar: RFC 8259.
import { decodeUtf8, isUtf8 } from './utf8.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

export interface JsonLimits {
  readonly bytesMax: number
  readonly depthMax: number
}

export interface JsonProblem {
  /** Keys and places on the way, such as `metadata.zone` or `[3].id`; empty at the top. */
  readonly path: string
  /** From 1; 0 when the text was not read at all. */
  readonly line: number
  readonly column: number
  readonly found: string
  readonly fix: string
}

export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly problem: JsonProblem }

/** Keys with a meaning of their own in JavaScript. */
const RESERVED = ['__proto__', 'constructor', 'prototype']
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** The value of one JSON text. Never throws, in time linear in the size. */
export function readJson(input: string | Uint8Array, limits: JsonLimits): JsonResult {
  // A character takes one byte at least, so a text of that many characters is too long for sure.
  if (input.length > limits.bytesMax)
    return unread(`more than ${limits.bytesMax} bytes`, 'send less at once')
  if (typeof input !== 'string' && !isUtf8(input, 0, input.length))
    return unread('bytes that are not UTF-8', 'send UTF-8')
  const text = typeof input === 'string' ? input : decodeUtf8(input)
  try {
    return { ok: true, value: new Reader(text, limits.depthMax).document() }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.problem }
    throw error
  }
}

function unread(found: string, fix: string): JsonResult {
  return { ok: false, problem: { path: '', line: 0, column: 0, found, fix } }
}

class Refusal extends Error {
  readonly problem: JsonProblem

  constructor(problem: JsonProblem) {
    super(problem.found)
    this.problem = problem
  }
}

class Reader {
  private readonly text: string
  private readonly depthMax: number
  private at: number = 0
  private readonly path: (string | number)[] = []

  constructor(text: string, depthMax: number) {
    this.text = text
    this.depthMax = depthMax
  }

  document(): JsonValue {
    if (this.text.charCodeAt(0) === 0xfeff)
      this.refuse('a byte order mark', 'send UTF-8 without it')
    this.space()
    const value = this.value()
    this.space()
    if (this.at < this.text.length) this.refuse(this.here(), 'end after the value')
    return value
  }

  private refuse(found: string, fix: string, at: number = this.at): never {
    const before = this.text.slice(0, at).split('\n')
    const column = (before.at(-1)?.length ?? 0) + 1
    const path = this.path.reduce<string>(
      (way, step) =>
        typeof step === 'number' ? `${way}[${step}]` : way === '' ? step : `${way}.${step}`,
      '',
    )
    throw new Refusal({ path, line: before.length, column, found, fix })
  }

  /** What stands at the position, for a message. */
  private here(): string {
    const code = this.text.codePointAt(this.at)
    if (code === undefined) return 'the end of the text'
    const word = /^[\w.+-]{1,20}/.exec(this.text.slice(this.at, this.at + 20))
    return JSON.stringify(word?.[0] ?? String.fromCodePoint(code))
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return
      this.at++
    }
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private value(): JsonValue {
    const c = this.text[this.at]
    if (c === '{') return this.nested(() => this.object())
    if (c === '[') return this.nested(() => this.array())
    if (c === '"') return this.string()
    if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return this.number()
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length
        return value
      }
    return this.refuse(this.here(), 'write a JSON value: text in double quotes, a number, true, …')
  }

  private nested<T>(read: () => T): T {
    if (this.path.length >= this.depthMax)
      this.refuse(`more than ${this.depthMax} levels`, 'nest less deeply')
    this.at++
    this.space()
    return read()
  }

  private array(): readonly JsonValue[] {
    const items: JsonValue[] = []
    if (this.take(']')) return items
    for (;;) {
      this.path.push(items.length)
      items.push(this.value())
      this.path.pop()
      this.space()
      if (this.take(']')) return items
      if (!this.take(',')) this.refuse(this.here(), 'put "," or "]" after the item')
      this.space()
    }
  }

  private object(): { readonly [key: string]: JsonValue } {
    const members = new Map<string, JsonValue>()
    if (this.take('}')) return {}
    for (;;) {
      const start = this.at
      if (this.text[start] !== '"') this.refuse(this.here(), 'write a key in double quotes')
      const key = this.string()
      this.path.push(key)
      if (members.has(key)) this.refuse('the key twice', 'send it once', start)
      if (RESERVED.includes(key)) this.refuse('a reserved key', 'leave it out', start)
      this.space()
      if (!this.take(':')) this.refuse(this.here(), 'put ":" after the key')
      this.space()
      members.set(key, this.value())
      this.path.pop()
      this.space()
      if (this.take('}')) return Object.fromEntries(members)
      if (!this.take(',')) this.refuse(this.here(), 'put "," or "}" after the value')
      this.space()
    }
  }

  private number(): number {
    NUMBER.lastIndex = this.at
    const found = NUMBER.exec(this.text)
    const start = this.at
    if (found === null) return this.refuse(this.here(), 'write a number as JSON has them')
    const [literal, fraction, exponent] = found
    this.at += literal.length
    if (/[\w.+-]/.test(this.text[this.at] ?? '')) {
      this.at = start
      this.refuse(this.here(), 'write a number as JSON has them')
    }
    const value = Number(literal)
    if (!Number.isFinite(value)) this.refuse(shortened(literal), 'send a number below 1e308', start)
    const isInteger = fraction === undefined && exponent === undefined
    if (isInteger && !Number.isSafeInteger(value))
      this.refuse(
        shortened(literal),
        'send integers within ±(2^53 − 1), larger ones as text',
        start,
      )
    return value
  }

  private string(): string {
    const start = this.at++
    let value = ''
    for (;;) {
      const end = this.plainEnd()
      value += this.text.slice(this.at, end)
      this.at = end
      if (this.take('"')) break
      if (this.take('\\')) value += this.escape()
      else if (this.at >= this.text.length)
        this.refuse('text without an end', 'close it with "', start)
      else this.refuse('a control character in a text', 'write it as \\u00XX')
    }
    if (/\p{Surrogate}/u.test(value))
      this.refuse('half a surrogate pair', 'send whole characters', start)
    return value
  }

  /** Where the characters end that stand for themselves inside a string. */
  private plainEnd(): number {
    for (let end = this.at; ; end++) {
      const c = this.text.charCodeAt(end)
      if (!(c >= 0x20) || c === 0x22 || c === 0x5c) return end
    }
  }

  private escape(): string {
    const c = this.text[this.at] ?? ''
    const simple = Object.hasOwn(ESCAPES, c) ? ESCAPES[c] : undefined
    if (simple !== undefined) {
      this.at++
      return simple
    }
    const digits = this.text.slice(this.at + 1, this.at + 5)
    if (c !== 'u' || !/^[\da-fA-F]{4}$/.test(digits))
      this.refuse('an unknown escape', 'use \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX')
    this.at += 5
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
}

function shortened(literal: string): string {
  return literal.length <= 24 ? literal : `${literal.slice(0, 24)}…`
}
