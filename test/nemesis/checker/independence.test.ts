// The checker judges the engine and the adapters, so it may not be made of them: what it imports,
// directly or by files beside it, is contracts and the core alone.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../../..')
const ALLOWED = /^(node:|avsc$|src[/](contracts|core)[/])/

/** Imports of a source: packages by name, files by their path from the root. */
function importsOf(path: string, text: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true)
  return importedFiles.map(({ fileName }) =>
    fileName.startsWith('.') ? relative(ROOT, resolve(ROOT, path, '..', fileName)) : fileName,
  )
}

/** What is imported from outside, by this file or by files of test/nemesis that it imports. */
function reached(path: string, text: string, seen: Set<string> = new Set()): readonly string[] {
  return importsOf(path, text).flatMap((target) => {
    if (!target.startsWith('test/nemesis/')) return [target]
    if (seen.has(target) || !existsSync(resolve(ROOT, target))) return []
    seen.add(target)
    return reached(target, readFileSync(resolve(ROOT, target), 'utf8'), seen)
  })
}

const strangers = (path: string, text: string): readonly string[] =>
  reached(path, text).filter((target) => !ALLOWED.test(target))

test('the checker knows nothing of what it judges', () => {
  const files = readdirSync(import.meta.dirname).filter((name) => !name.endsWith('.test.ts'))
  expect(files).toContain('fold.ts')
  for (const name of files) {
    const path = `test/nemesis/checker/${name}`
    expect(strangers(path, readFileSync(resolve(ROOT, path), 'utf8')), path).toEqual([])
  }
})

test('an import of the engine is found, also by way of another file', () => {
  const path = 'test/nemesis/checker/planted.ts'
  expect(strangers(path, "import { a } from '../../../src/runtime/journal.ts'")).toEqual([
    'src/runtime/journal.ts',
  ])
  expect(strangers(path, "import { bytesOf } from '../agents.ts'")).toContain(
    'src/adapters/kafka/kafka-log.ts',
  )
  expect(strangers(path, "export type { A } from '../../support/records.ts'")).toEqual([
    'test/support/records.ts',
  ])
})
