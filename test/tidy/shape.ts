// House numbers: lengths, widths, parameters, headers, and the loose corners of the language that
// are not used.
import ts from 'typescript'
import { type Finding, finding, isGenerated, parse, type SourceText, visit } from './tree.ts'

const FILE_LINES = 400
const FUNCTION_LINES = 70
const COLUMNS = 100
const PARAMETERS = 4
const HEADER_LINES = 10

/** Files that a tool wants to have a default export. */
const DEFAULT_EXPORTS = new Set(['scripts/lib/vitest-reporter.mjs'])
/** The only file of re-exports. */
const PUBLIC_API = 'src/index.ts'

const at = (file: SourceText, line: number, what: string): Finding => ({
  path: file.path,
  line,
  what,
})

const textLines = (file: SourceText): readonly string[] => file.text.replace(/\n$/, '').split('\n')

export function length(file: SourceText): readonly Finding[] {
  const count = textLines(file).length
  if (count <= FILE_LINES || isGenerated(file)) return []
  return [
    at(file, count, `file of ${count} lines, at most ${FILE_LINES}: split it by what it does`),
  ]
}

export function width(file: SourceText): readonly Finding[] {
  if (isGenerated(file)) return []
  return textLines(file).flatMap((line, i) => {
    const columns = Array.from(line).length
    return columns > COLUMNS ? [at(file, i + 1, `${columns} columns, at most ${COLUMNS}`)] : []
  })
}

/** Lines 1 to 10 say what the file is for. */
export function header(file: SourceText): readonly Finding[] {
  const all = textLines(file)
  const start = all[0]?.startsWith('#!') === true ? 1 : 0
  const body = all.slice(start)
  const end = body.findIndex((line) => !/^\/\/ ?\S/.test(line) && line !== '//')
  const count = end === -1 ? body.length : end
  if (count >= 1 && count <= HEADER_LINES) return []
  return [at(file, 1, `opens with ${count} lines of purpose (//), wanted 1 to ${HEADER_LINES}`)]
}

function isCallback(node: ts.Node): boolean {
  return ts.isCallExpression(node.parent) && node.parent.expression !== node
}

/** Functions at most 70 lines long; callbacks of tests (`describe`, `test`) are not counted. */
export function functions(file: SourceText): readonly Finding[] {
  const tree = parse(file)
  const found: Finding[] = []
  visit(file, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return
    if (node.parameters.length > PARAMETERS) {
      const what = `${node.parameters.length} parameters, at most ${PARAMETERS}: take one object`
      found.push(finding(file, node, what))
    }
    if (file.path.startsWith('test/') && isCallback(node)) return
    const start = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line
    const count = tree.getLineAndCharacterOfPosition(node.end).line - start + 1
    if (count > FUNCTION_LINES) {
      found.push(finding(file, node, `function of ${count} lines, at most ${FUNCTION_LINES}`))
    }
  })
  return found
}

function looseness(file: SourceText, node: ts.Node): string | null {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return '`any`: say what it is, or `unknown`'
  if (ts.isNonNullExpression(node)) return '`!`: check for null and say what to do then'
  const isDefault = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword
  if (isDefault && !ts.isDefaultClause(node.parent) && !DEFAULT_EXPORTS.has(file.path)) {
    return 'default export: name it'
  }
  const isBarrel = ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined
  if (isBarrel && file.path !== PUBLIC_API) return 're-export: import from where it is'
  return null
}

/** No `any`, no `!`, no default exports, no barrels. */
export function loose(file: SourceText): readonly Finding[] {
  const found: Finding[] = []
  visit(file, (node) => {
    const what = looseness(file, node)
    if (what !== null) found.push(finding(file, node, what))
  })
  if (file.path.endsWith('/index.ts') && file.path !== PUBLIC_API) {
    found.push(at(file, 1, 'index.ts inside a folder: name the file by what it does'))
  }
  return found
}

function isConst(node: ts.AsExpression): boolean {
  return ts.isTypeReferenceNode(node.type) && node.type.getText() === 'const'
}

/** Type assertions (`as const` is free). */
export function assertions(file: SourceText): readonly Finding[] {
  const found: Finding[] = []
  visit(file, (node) => {
    const free = !ts.isAsExpression(node) || isConst(node)
    if (free && !ts.isTypeAssertionExpression(node)) return
    found.push(finding(file, node, '`as`: check the value instead, or do it in a codec'))
  })
  return found
}
