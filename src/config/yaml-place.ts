// From a path in a parsed YAML document to a place in its text, also inside a scalar; and what of
// YAML is wrong or not used here.
import { type Document, isAlias, isMap, isNode, isPair, isScalar, visit } from 'yaml'
import type { LineCounter, Node } from 'yaml'

/** Line and column, both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface YamlText {
  readonly text: string
  readonly lines: LineCounter
  readonly document: Document.Parsed
}

export function placeOf(yaml: YamlText, offset: number): Place {
  const { line, col } = yaml.lines.linePos(Math.min(offset, yaml.text.length))
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/** `spec.match.services[0]` of a path. */
export function fieldName(path: readonly (string | number)[], key: string | null = null): string {
  const steps = key === null ? path : [...path, key]
  return steps
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('')
}

export interface YamlProblem {
  readonly place: Place
  readonly found: string
  readonly expected: string
}

const PROBLEMS_MAX = 20

/** Errors and warnings of YAML itself; without any, the first alias, which is not used here. */
export function yamlProblems(yaml: YamlText): readonly YamlProblem[] {
  const { errors, warnings } = yaml.document
  const problems = [...errors, ...warnings].slice(0, PROBLEMS_MAX).map(({ message, pos }) => ({
    place: placeOf(yaml, pos[0]),
    found: message.split('\n')[0] ?? message,
    expected: 'plain YAML 1.2 or JSON',
  }))
  if (problems.length > 0) return problems
  let alias: number | null = null
  visit(yaml.document, (_key, node) => {
    if (!isAlias(node)) return undefined
    alias = node.range?.[0] ?? 0
    return visit.BREAK
  })
  if (alias === null) return []
  const found = 'an alias of an anchor'
  return [{ place: placeOf(yaml, alias), found, expected: 'every value written out' }]
}

function nodeAt(yaml: YamlText, path: readonly (string | number)[]): Node | null {
  const found: unknown =
    path.length === 0 ? yaml.document.contents : yaml.document.getIn(path, true)
  return isNode(found) ? found : null
}

function startOf(yaml: YamlText, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length--) {
    const range = nodeAt(yaml, path.slice(0, length))?.range
    if (range !== undefined && range !== null) return range[0]
  }
  return yaml.document.range[0]
}

/** Where a value begins; a missing one: where the nearest object around it begins. */
export function placeOfPath(yaml: YamlText, path: readonly (string | number)[]): Place {
  return placeOf(yaml, startOf(yaml, path))
}

/** Where a key of the object at `path` stands. */
export function placeOfKey(yaml: YamlText, path: readonly (string | number)[], key: string): Place {
  const map = nodeAt(yaml, path)
  const items: readonly unknown[] = isMap(map) ? map.items : []
  for (const item of items) {
    if (!isPair(item) || !isScalar(item.key) || String(item.key.value) !== key) continue
    const range = item.key.range
    if (range !== undefined && range !== null) return placeOf(yaml, range[0])
  }
  return placeOfPath(yaml, path)
}

/**
 * Where the code unit `inner` of the text at `path` stands: exact unless escapes or folding changed
 * the text.
 */
export function placeInText(
  yaml: YamlText,
  path: readonly (string | number)[],
  inner: number,
): Place {
  const node = nodeAt(yaml, path)
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) {
    return placeOfPath(yaml, path)
  }
  const [start, end] = node.range
  const source = yaml.text.slice(start, end)
  const verbatim = source.indexOf(node.value)
  if (verbatim >= 0) return placeOf(yaml, start + verbatim + inner)
  const before = node.value.slice(0, inner)
  const rows = before.split('\n')
  const lines = node.value.split('\n')
  let at = source.indexOf('\n') + 1
  for (let row = 0; row < rows.length; row++) {
    const line = lines[row] ?? ''
    const found = source.indexOf(line, at)
    if (found < 0 || source.indexOf('\n') < 0) return placeOfPath(yaml, path)
    if (row === rows.length - 1) return placeOf(yaml, start + found + (rows[row]?.length ?? 0))
    at = found + line.length
  }
  return placeOfPath(yaml, path)
}
