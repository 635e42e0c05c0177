// Where things are: tests mirror sources, topics are named in one place, every test belongs to a
// test project.
import ts from 'typescript'
import { type Finding, finding, parse, type SourceText, visit } from './tree.ts'

/** Whether a file has anything to run; types alone need no test. */
export function hasValues(file: SourceText): boolean {
  return parse(file).statements.some(
    (node) =>
      !ts.isImportDeclaration(node) &&
      !ts.isInterfaceDeclaration(node) &&
      !ts.isTypeAliasDeclaration(node) &&
      !ts.isExportDeclaration(node) &&
      !isDeclared(node),
  )
}

function isDeclared(node: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)
}

/** `src/a/b.ts` is tested by `test/a/b.test.ts` or `test/a/b.<aspect>.test.ts`. */
export function isMirrored(path: string, tests: ReadonlySet<string>): boolean {
  const stem = path.replace(/^src\//, 'test/').replace(/[.]ts$/, '')
  if (tests.has(`${stem}.test.ts`)) return true
  return [...tests].some((name) => name.startsWith(`${stem}.`) && name.endsWith('.test.ts'))
}

/**
 * Sources without a test and without a reason in `untested`; reasons that are no longer needed
 * count too.
 */
export function unmirrored(
  sources: readonly SourceText[],
  tests: ReadonlySet<string>,
  untested: ReadonlyMap<string, string>,
): readonly Finding[] {
  const entries = [...untested.keys()]
  const covers = (entry: string, path: string): boolean =>
    entry === path || (entry.endsWith('/') && path.startsWith(entry))
  const missing = sources
    .filter(({ path }) => !isMirrored(path, tests) && !entries.some((entry) => covers(entry, path)))
    .filter(hasValues)
    .map(({ path }) => ({ path, line: 1, what: 'has no test that mirrors it' }))
  const stale = entries
    .filter((entry) => sources.every(({ path }) => !covers(entry, path) || isMirrored(path, tests)))
    .map((path) => ({ path, line: 1, what: 'needs no entry in test/tidy/untested.ts any more' }))
  return [...missing, ...stale]
}

/** Topic names in strings; `contracts/topics.ts` alone names topics. */
export function topicNames(file: SourceText, kinds: readonly string[]): readonly Finding[] {
  if (file.path === 'src/contracts/topics.ts') return []
  const found: Finding[] = []
  visit(file, (node) => {
    const isText =
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    if (!isText || ts.isImportDeclaration(node.parent)) return
    const name = /\bhs[.]([a-z][a-z-]*)/.exec(node.text)?.[1]
    if (name === undefined || !kinds.includes(name)) return
    found.push(finding(file, node, `names the topic hs.${name}: use topicName('${name}')`))
  })
  return found
}

/** Topics whose records have a layout of their own instead of Avro (docs/DESIGN.md section 5). */
const OWN_LAYOUT = new Set(['journal'])

/** Schemas without a topic and topics without a schema; `fleet-x` shares the schema of `x`. */
export function schemaProblems(
  schemas: readonly string[],
  kinds: readonly string[],
): readonly string[] {
  const base = (kind: string): string => kind.replace(/^fleet-/, '')
  const orphans = schemas.filter((name) => !kinds.includes(name)).map((name) => `${name}: no topic`)
  const missing = kinds
    .filter((kind) => !schemas.includes(base(kind)) && !OWN_LAYOUT.has(base(kind)))
    .map((kind) => `${kind}: no schema`)
  return [...orphans, ...missing]
}
