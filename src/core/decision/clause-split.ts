// Splits the text of a trigger at its top-level `&&`, so that each clause can be shown and judged
// on its own. Knows of CEL only what is needed to skip strings, comments and brackets; the compiler
// checks that the pieces are whole.

/** End of the string or comment that begins at `at`, or null when none begins there. */
function skipEnd(text: string, at: number): number | null {
  const quote = text[at]
  if (quote === '/' && text[at + 1] === '/') {
    const end = text.indexOf('\n', at)
    return end < 0 ? text.length : end
  }
  if (quote !== '"' && quote !== "'") return null
  const before = text[at - 1]
  const raw = (before === 'r' || before === 'R') && !/\w/.test(text[at - 2] ?? ' ')
  const fence = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote
  let i = at + fence.length
  while (i < text.length && !text.startsWith(fence, i)) i += text[i] === '\\' && !raw ? 2 : 1
  return Math.min(text.length, i + fence.length)
}

/** Positions of what lies at bracket depth 0, without strings and comments. */
function* topLevel(text: string): Generator<number> {
  let depth = 0
  let i = 0
  while (i < text.length) {
    const end = skipEnd(text, i)
    if (end !== null) {
      i = end
      continue
    }
    const c = text[i] ?? ''
    if (c === ')' || c === ']' || c === '}') depth -= 1
    if (depth === 0) yield i
    if (c === '(' || c === '[' || c === '{') depth += 1
    i += 1
  }
}

/** Without the brackets that enclose all of it. */
function unwrap(text: string): string {
  let inner = text.trim()
  while (inner.startsWith('(') && inner.endsWith(')')) {
    const [open, close] = [...topLevel(inner)]
    if (open !== 0 || close !== inner.length - 1) return inner
    inner = inner.slice(1, -1).trim()
  }
  return inner
}

/**
 * Operands of the top-level conjunction; one when there is none (`||` and `?:` bind looser and keep
 * it whole).
 */
export function splitConjunction(text: string): string[] {
  const whole = unwrap(text)
  const cuts: number[] = []
  for (const i of topLevel(whole)) {
    if (whole.startsWith('||', i) || whole[i] === '?') return [whole]
    if (whole.startsWith('&&', i)) cuts.push(i)
  }
  if (cuts.length === 0) return [whole]
  const clauses: string[] = []
  let from = 0
  for (const cut of [...cuts, whole.length]) {
    clauses.push(...splitConjunction(whole.slice(from, cut)))
    from = cut + 2
  }
  return clauses
}
