// Wraps comments at 100 columns, which the formatter leaves as they are. Only paragraphs with a
// line that is too long are touched; lists, tags and tables keep their lines.

const COLUMNS = 100

/** A line that starts a paragraph of its own. */
const OWN = /^(@|[-*+>] |[|#]|```|\d+[.] |\s|[A-Z][a-z]+: )/

/** @param {string} text @param {string} prefix @returns {string[]} */
function fill(text, prefix) {
  const lines = []
  let line = prefix
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const isFirst = line === prefix
    const next = isFirst ? line + word : `${line} ${word}`
    if (!isFirst && Array.from(next).length > COLUMNS) {
      lines.push(line)
      line = prefix + word
    } else line = next
  }
  return [...lines, line]
}

/** Prefix and text of a comment line. @param {string} line */
function comment(line) {
  const match = /^(\s*(?:\/\/| \*)) (\S.*)$/.exec(line)
  if (match === null || match[2] === '/') return null
  return { prefix: `${match[1]} `, text: match[2] ?? '' }
}

/**
 * A doc comment on one line, when it is too long.
 * @param {string} line
 * @returns {string[] | null}
 */
function docBlock(line) {
  const match = /^(\s*)\/\*\* (.*) \*\/$/.exec(line)
  if (match === null || Array.from(line).length <= COLUMNS) return null
  const [, indent = '', text = ''] = match
  const parts = text.split(/ (?=@(?:param|returns|template|typedef)\b)/)
  return [`${indent}/**`, ...parts.flatMap((part) => fill(part, `${indent} * `)), `${indent} */`]
}

/**
 * Length of the paragraph that starts at `start`: the lines that may be joined with it.
 * @param {readonly string[]} lines @param {number} start @param {string} prefix
 */
function paragraph(lines, start, prefix) {
  let end = start + 1
  while (end < lines.length) {
    const next = comment(lines[end] ?? '')
    if (next === null || next.prefix !== prefix || OWN.test(next.text)) break
    end++
  }
  return end - start
}

/** @param {string} source @returns {string} */
export function wrapComments(source) {
  const lines = source.split('\n')
  const out = []
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? ''
    const found = comment(line)
    if (found === null) {
      out.push(...(docBlock(line) ?? [line]))
      i++
      continue
    }
    const count = paragraph(lines, i, found.prefix)
    const block = lines.slice(i, i + count)
    if (block.some((one) => Array.from(one).length > COLUMNS)) {
      const text = block.map((one) => comment(one)?.text ?? '').join(' ')
      out.push(...fill(text, found.prefix))
    } else out.push(...block)
    i += count
  }
  return out.join('\n')
}
