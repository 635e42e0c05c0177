// What the core may not say, because another machine, another day or another engine would answer
// differently. The compiler already refuses what needs `node:*` or the DOM (`types: []`); this
// covers the language itself.
import ts from 'typescript'
import { type Finding, finding, type SourceText, visit } from './tree.ts'

const GLOBALS = new Map([
  ['Date', 'time is an argument: step.nowMs'],
  ['Intl', 'locale data differs between machines'],
  ['WeakRef', 'garbage collection is not deterministic'],
  ['FinalizationRegistry', 'garbage collection is not deterministic'],
  ['globalThis', 'the core knows no environment'],
])

/** Engines may round these differently (V8 has changed `pow` and `exp` between versions). */
const INEXACT = new Set(
  `random exp expm1 log log1p log2 log10 pow cbrt hypot
   sin cos tan asin acos atan atan2 sinh cosh tanh`.split(/\s+/),
)

const LOCALE = /^(toLocale\w*|localeCompare|normalize)$/
const SORTS = new Set(['sort', 'toSorted'])

function member(node: ts.PropertyAccessExpression): string | null {
  const name = node.name.text
  if (ts.isIdentifier(node.expression) && node.expression.text === 'Math' && INEXACT.has(name)) {
    return `Math.${name}: use an own, exact one (kernel)`
  }
  if (LOCALE.test(name)) return `${name}: depends on locale data; compare bytes (kernel/order)`
  const call = node.parent
  const isBare =
    ts.isCallExpression(call) && call.expression === node && call.arguments.length === 0
  if (SORTS.has(name) && isBare) return `${name}() without a comparator: pass one (kernel/order)`
  return null
}

function identifier(node: ts.Identifier): string | null {
  const isName =
    (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
    (ts.isPropertyAssignment(node.parent) && node.parent.name === node) ||
    (ts.isPropertySignature(node.parent) && node.parent.name === node)
  const why = isName ? undefined : GLOBALS.get(node.text)
  return why === undefined ? null : `${node.text}: ${why}`
}

function isPower(node: ts.Node): boolean {
  if (!ts.isBinaryExpression(node)) return false
  const operator = node.operatorToken.kind
  const isPow =
    operator === ts.SyntaxKind.AsteriskAsteriskToken ||
    operator === ts.SyntaxKind.AsteriskAsteriskEqualsToken
  return isPow && !(ts.isNumericLiteral(node.left) && ts.isNumericLiteral(node.right))
}

function impurity(node: ts.Node): string | null {
  if (ts.isPropertyAccessExpression(node)) return member(node)
  if (ts.isIdentifier(node)) return identifier(node)
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async: the core is synchronous'
  if (ts.isAwaitExpression(node)) return 'await: the core is synchronous'
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return 'import(): the core is synchronous'
  }
  if (isPower(node)) return '**: engines may round it differently'
  return null
}

export function impurities(file: SourceText): readonly Finding[] {
  const found: Finding[] = []
  visit(file, (node) => {
    const what = impurity(node)
    if (what !== null) found.push(finding(file, node, what))
  })
  return found
}

/**
 * Expressions built from text: a user's text could hang the engine. RE2 behind
 * core/decision/expression is safe.
 */
export function builtExpressions(file: SourceText): readonly Finding[] {
  const found: Finding[] = []
  visit(file, (node) => {
    const isBuilt = ts.isNewExpression(node) || ts.isCallExpression(node)
    if (!isBuilt || node.expression.getText() !== 'RegExp') return
    found.push(finding(file, node, 'RegExp(…): write a literal, or use RE2 for what users write'))
  })
  return found
}
