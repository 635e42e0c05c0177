// What is wrong with a document, field by field, in words for people: what was found, what is
// expected, what was probably meant. Built from the issues of zod and the JSON Schema of the
// document.
import type * as z from 'zod'
import { didYouMean } from './suggest.ts'

export interface DocumentProblem {
  /** Path of the field; of the object when `key` names a key in it that is not known. */
  readonly path: readonly (string | number)[]
  readonly key: string | null
  readonly found: string
  readonly expected: string
  readonly hint: string | null
  /** Code unit of the text at `path` where it is; absent: the value as a whole. */
  readonly inner?: number
}

const SHOWN = 60

/** A value as it can be shown: short, on one line, without control characters. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(cutOff(value, SHOWN + 1)) ?? typeof value
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** Each level takes a character at least, so what lies so deep is not shown; nor is it walked. */
function cutOff(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return null
  if (Array.isArray(value)) return value.map((item) => cutOff(item, levels - 1))
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [key, cutOff(item, levels - 1)]))
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = Reflect.get(found, key)
  }
  return found
}

/** Keys the schema knows at a path. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  const steps = path.flatMap((key) => (typeof key === 'number' ? ['items'] : ['properties', key]))
  const properties = at(schema, [...steps, 'properties'])
  if (typeof properties === 'object' && properties !== null) return Object.keys(properties)
  const forms = at(schema, [...steps, 'anyOf'])
  return Array.isArray(forms) ? forms.flatMap((form: unknown) => knownKeys(form, [])) : []
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object with named fields',
  record: 'an object with named fields',
  boolean: 'true or false',
}

function expectedOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (!issue.message.startsWith('Invalid input')) return issue.message
      return TYPES[issue.expected] ?? `a value of type ${issue.expected}`
    case 'invalid_value':
      return issue.values.length === 1
        ? show(issue.values[0])
        : `one of ${issue.values.map((value) => String(value)).join(', ')}`
    case 'too_big':
      return issue.origin === 'string'
        ? `at most ${issue.maximum} characters`
        : issue.origin === 'array'
          ? `at most ${issue.maximum} items`
          : `at most ${issue.maximum}`
    case 'too_small':
      return issue.origin === 'string' ? 'a text that is not empty' : `at least ${issue.minimum}`
    case 'invalid_union':
      return issue.message !== 'Invalid input'
        ? issue.message
        : 'a number, or a duration such as 5m, 90s or 250ms, at most 7d'
    default:
      return issue.message
  }
}

function hintOf(issue: z.core.$ZodIssue, found: unknown): string | null {
  if (issue.code !== 'invalid_value' || typeof found !== 'string') return null
  return didYouMean(
    found,
    issue.values.map((value) => String(value)),
  )
}

/** Of an object that one form of a union could take: what is wrong with it in that form. */
function issuesInside(issue: z.core.$ZodIssueInvalidUnion, found: unknown): z.core.$ZodIssue[] {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return []
  const form = issue.errors.find(
    (own) => !own.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  )
  return (form ?? []).map((own) => ({ ...own, path: [...issue.path, ...own.path] }))
}

/** One problem per field, unknown keys one by one. */
export function documentProblems(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  schema: unknown,
): readonly DocumentProblem[] {
  return issues.flatMap((issue): DocumentProblem[] => {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path)
      const expected = known.length === 0 ? 'no such field' : `one of ${known.join(', ')}`
      return issue.keys.map((key) => {
        return { path, key, found: show(key), expected, hint: didYouMean(key, known) }
      })
    }
    const found = at(value, path)
    const inner = issue.code === 'invalid_union' ? issuesInside(issue, found) : []
    if (inner.length > 0) return [...documentProblems(inner, value, schema)]
    const expected = expectedOf(issue)
    const problem = { path, key: null, found: show(found), expected, hint: hintOf(issue, found) }
    const place = issue.code === 'custom' ? issue.params?.['at'] : undefined
    return [typeof place === 'number' ? { ...problem, inner: place } : problem]
  })
}
