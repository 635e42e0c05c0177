// Puts every mutant of a source into one text, each behind a switch of its own, and counts what is
// reached: statements, and both ways of every branch. Expressions become calls of the helpers of
// setup.ts, so that one transformation serves all mutants and the same sources run as they are when
// none is on.
import ts from 'typescript'

export interface Point {
  readonly id: number
  readonly file: string
  readonly line: number
  /** What the mutant does; null: it is there for coverage alone. */
  readonly mutant: string | null
  /** What has to be reached for coverage: `yes` and `no` of a condition, or `yes` alone. */
  readonly ways: 'none' | 'one' | 'both'
}

export interface Instrumented {
  readonly code: string
  readonly points: readonly Point[]
}

const S = ts.SyntaxKind
/** Each operator with what it is exchanged for, one mutant each. */
const OPERATORS: Readonly<Partial<Record<ts.SyntaxKind, readonly string[]>>> = {
  [S.LessThanToken]: ['<=', '>='],
  [S.LessThanEqualsToken]: ['<', '>'],
  [S.GreaterThanToken]: ['>=', '<='],
  [S.GreaterThanEqualsToken]: ['>', '<'],
  [S.EqualsEqualsEqualsToken]: ['!=='],
  [S.ExclamationEqualsEqualsToken]: ['==='],
  [S.MinusToken]: ['+'],
  [S.AsteriskToken]: ['/'],
  [S.SlashToken]: ['*'],
}
/** Methods that are exchanged for their opposites. */
const METHODS: Readonly<Record<string, string>> = {
  max: 'min',
  min: 'max',
  some: 'every',
  every: 'some',
}

/** `firstId`: ids are given from here on. */
export function instrument(text: string, file: string, firstId: number): Instrumented {
  return new Instrumenter(text, file, firstId).run()
}

class Instrumenter {
  private readonly source: ts.SourceFile
  private readonly file: string
  private readonly points: Point[] = []
  private readonly firstId: number

  constructor(text: string, file: string, firstId: number) {
    this.source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
    this.file = file
    this.firstId = firstId
  }

  run(): Instrumented {
    return { code: this.children(this.source), points: this.points }
  }

  /** The text of a node with everything in it put behind switches. */
  private text(node: ts.Node): string {
    if (isLeftAlone(node)) return this.plain(node)
    if (ts.isBinaryExpression(node)) return this.binary(node)
    if (ts.isPrefixUnaryExpression(node) && node.operator === S.ExclamationToken) {
      return `__hs.not(${this.point(node, '! is left out')}, ${this.text(node.operand)})`
    }
    if (ts.isNumericLiteral(node))
      return `__hs.number(${this.point(node, 'one more')}, ${node.text})`
    if (node.kind === S.TrueKeyword) return `__hs.flag(${this.point(node, 'false')}, true)`
    if (node.kind === S.FalseKeyword) return `__hs.flag(${this.point(node, 'true')}, false)`
    if (ts.isConditionalExpression(node)) return this.conditional(node)
    if (ts.isCallExpression(node)) return this.call(node)
    if (ts.isStatement(node)) return this.statement(node)
    return this.children(node)
  }

  private binary(node: ts.BinaryExpression): string {
    const { left, right, operatorToken } = node
    const kind = operatorToken.kind
    if (kind === S.AmpersandAmpersandToken || kind === S.BarBarToken) {
      const [name, other] = kind === S.BarBarToken ? ['or', '&&'] : ['and', '||']
      const id = this.point(node, `${other} instead`, 'both')
      return `__hs.${name}(${id}, ${this.text(left)}, () => (${this.text(right)}))`
    }
    if (kind === S.QuestionQuestionToken && !isPlainDefault(right)) {
      const id = this.point(node, null, 'one')
      return `(${this.text(left)} ?? (__hs.reach(${id}), ${this.text(right)}))`
    }
    const others = OPERATORS[kind] ?? (isSum(node) ? ['-'] : null)
    if (others === null) return this.children(node)
    const operator = operatorToken.getText(this.source)
    const ids = others.map((other) => this.point(node, `${operator} is ${other}`))
    const table = ids.map((id, i) => `[${id}, '${others[i] ?? ''}']`).join(', ')
    const [a, b] = [this.text(left), this.text(right)]
    return `__hs.operator([${table}], '${operator}', ${a}, ${b})`
  }

  private conditional({ condition, whenTrue, whenFalse }: ts.ConditionalExpression): string {
    const [yes, no] = [this.text(whenTrue), this.text(whenFalse)]
    return `(${this.condition(condition)} ? ${yes} : ${no})`
  }

  private call(node: ts.CallExpression): string {
    const callee = node.expression
    if (!ts.isPropertyAccessExpression(callee)) return this.children(node)
    const other = Object.hasOwn(METHODS, callee.name.text) ? METHODS[callee.name.text] : undefined
    if (other === undefined || callee.questionDotToken !== undefined) return this.children(node)
    const id = this.point(node, `${callee.name.text} is ${other}`)
    const args = node.arguments.map((argument) => this.text(argument)).join(', ')
    const name = `__hs.name(${id}, '${callee.name.text}', '${other}')`
    return `${this.text(callee.expression)}[${name}](${args})`
  }

  private statement(node: ts.Statement): string {
    if (ts.isIfStatement(node)) {
      const other = node.elseStatement === undefined ? '' : ` else ${this.text(node.elseStatement)}`
      const [asked, then] = [this.condition(node.expression), this.text(node.thenStatement)]
      return `if (${asked}) { ${then}\n}${other}\n`
    }
    if (ts.isWhileStatement(node)) {
      return `while (${this.condition(node.expression)}) ${this.text(node.statement)}\n`
    }
    if (ts.isExpressionStatement(node) && isActing(node.expression)) {
      const id = this.point(node, 'is left out', 'one')
      return `if (__hs.runs(${id})) { ${this.children(node)}\n}`
    }
    if (ts.isReturnStatement(node) || ts.isThrowStatement(node)) {
      const id = this.point(node, null, 'one')
      const { expression } = node
      const word = ts.isReturnStatement(node) ? 'return' : 'throw'
      if (expression === undefined) return `{ __hs.reach(${id}); ${word} }\n`
      return `{ __hs.reach(${id}); ${word} (${this.text(expression)}) }\n`
    }
    return this.children(node)
  }

  private condition(node: ts.Expression): string {
    const always = this.point(node, 'always', 'both')
    const never = this.point(node, 'never')
    return `__hs.condition(${always}, ${never}, ${this.text(node)})`
  }

  /** The node as it is, but for the children, which are put behind switches. */
  private children(node: ts.Node): string {
    let text = ''
    let at = node.getFullStart()
    const end = node.getEnd()
    node.forEachChild((child) => {
      const from = child.getFullStart()
      const start = child.getStart(this.source)
      text += this.source.text.slice(at, from)
      text += this.source.text.slice(from, start) + this.text(child).trimStart()
      at = child.getEnd()
    })
    return (text + this.source.text.slice(at, end)).trimStart()
  }

  private plain(node: ts.Node): string {
    return this.source.text.slice(node.getStart(this.source), node.getEnd())
  }

  private point(node: ts.Node, mutant: string | null, ways: Point['ways'] = 'none'): number {
    const { file, source } = this
    const id = this.firstId + this.points.length
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
    this.points.push({ id, file, line, mutant, ways })
    return id
  }
}

/** Types, names, imports and labels. */
function isLeftAlone(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return true
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true
  if (ts.isCaseClause(parent)) return parent.expression === node
  return (
    (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) && parent.name === node
  )
}

/** What the compiler asks for where it cannot know that a place is held: nobody can reach it. */
function isPlainDefault(node: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(node)) return isPlainDefault(node.operand)
  if (ts.isArrayLiteralExpression(node)) return node.elements.length === 0
  return ts.isLiteralExpression(node) || node.kind === S.NullKeyword || node.kind === S.FalseKeyword
}

/** A sum of numbers, as far as can be seen: no text stands in it. */
function isSum({ operatorToken, left, right }: ts.BinaryExpression): boolean {
  if (operatorToken.kind !== S.PlusToken) return false
  const isText = (node: ts.Node): boolean =>
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && (isText(node.left) || isText(node.right)))
  return !isText(left) && !isText(right)
}

/** It does something, and is not there for the compiler alone (as an assertion is). */
function isActing(node: ts.Expression): boolean {
  if (ts.isCallExpression(node)) return node.expression.getText() !== 'assert'
  return ts.isBinaryExpression(node) || ts.isPostfixUnaryExpression(node)
}
