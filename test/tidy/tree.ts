// The repository as the tidy rules see it: its files (not what tools produce), read and parsed
// once.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** A file and its text; `path` is relative to the root, with `/`. */
export interface SourceText {
  readonly path: string
  readonly text: string
}

/** A broken rule: where, and what to do. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly what: string
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage', '.healstream'])
const BINARY = /[.](png|gif|bin|avro|ico|tgz|log)$/
const CODE = /[.](ts|mjs|cjs)$/
const CODE_FOLDERS = /^(src|test|scripts|bench)\//

function walk(folder: string, into: string[]): void {
  for (const entry of readdirSync(ROOT + folder, { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue
    const path = `${folder}${entry.name}`
    if (entry.isDirectory()) walk(`${path}/`, into)
    else if (entry.isFile() && !BINARY.test(entry.name)) into.push(path)
  }
}

function paths(): readonly string[] {
  const found: string[] = []
  walk('', found)
  return found.sort()
}

/** Every text file of the repository, sorted by path. */
export const FILES: readonly SourceText[] = paths().map((path) => ({
  path,
  text: readFileSync(ROOT + path, 'utf8'),
}))

export const CODE_FILES: readonly SourceText[] = FILES.filter(
  ({ path }) => CODE_FOLDERS.test(path) && CODE.test(path),
)
export const SRC_FILES: readonly SourceText[] = CODE_FILES.filter(({ path }) =>
  path.startsWith('src/'),
)
export const CORE_FILES: readonly SourceText[] = SRC_FILES.filter(({ path }) =>
  path.startsWith('src/core/'),
)
export const PAGES: readonly SourceText[] = FILES.filter(({ path }) => path.endsWith('.md'))

const parsed = new WeakMap<SourceText, ts.SourceFile>()

export function parse(file: SourceText): ts.SourceFile {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const kind = file.path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true, kind)
  parsed.set(file, tree)
  return tree
}

/** Visits every node of a file, parents first. */
export function visit(file: SourceText, each: (node: ts.Node) => void): void {
  const down = (node: ts.Node): void => {
    each(node)
    ts.forEachChild(node, down)
  }
  down(parse(file))
}

export function finding(file: SourceText, node: ts.Node, what: string): Finding {
  const tree = parse(file)
  const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree))
  return { path: file.path, line: line + 1, what }
}

export function isGenerated(file: SourceText): boolean {
  return /^\S+ Generated\b/.test(file.text)
}

/** One line per finding, to be compared with `[]`, so that a failed test prints them all. */
export function lines(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ path, line, what }) => `${path}:${line} ${what}`)
}

/** A planted file. */
export function planted(text: string, path = 'src/core/x/x.ts'): SourceText {
  return { path, text }
}
