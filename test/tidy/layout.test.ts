// Tests mirror sources, topics are named in one place, schemas and topics are the same set.
import { describe, expect, test } from 'vitest'
import { TOPICS } from '../../src/contracts/topics.ts'
import { hasValues, isMirrored, schemaProblems, topicNames, unmirrored } from './layout.ts'
import { CODE_FILES, FILES, lines, planted, SRC_FILES } from './tree.ts'
import { UNTESTED } from './untested.ts'

const KINDS = TOPICS.map(({ kind }) => kind)
const TESTS = new Set(
  CODE_FILES.map(({ path }) => path).filter((path) => path.endsWith('.test.ts')),
)

describe('planted', () => {
  test('a source without a test', () => {
    const source = planted('// a\nexport const a = 1\n', 'src/a/b.ts')
    expect(unmirrored([source], new Set(), new Map())).toHaveLength(1)
    expect(unmirrored([source], new Set(['test/a/b.test.ts']), new Map())).toEqual([])
    expect(unmirrored([source], new Set(['test/a/b.order.test.ts']), new Map())).toEqual([])
    expect(unmirrored([source], new Set(), new Map([['src/a/b.ts', 'why']]))).toEqual([])
    expect(unmirrored([source], new Set(), new Map([['src/a/', 'why']]))).toEqual([])
    expect(unmirrored([source], new Set(), new Map([['src/c/', 'why']]))).toHaveLength(2)
  })

  test('a reason that is no longer needed', () => {
    const source = planted('// a\nexport const a = 1\n', 'src/a/b.ts')
    const untested = new Map([['src/a/b.ts', 'why']])
    expect(unmirrored([source], new Set(['test/a/b.test.ts']), untested)).toHaveLength(1)
    expect(unmirrored([], new Set(), untested)).toHaveLength(1)
  })

  test('types alone need no test', () => {
    expect(hasValues(planted('// a\nexport type A = 1\nexport interface B {}\n'))).toBe(false)
    expect(hasValues(planted('// a\ndeclare const a: unique symbol\n'))).toBe(false)
    expect(hasValues(planted('// a\nexport const a = 1\n'))).toBe(true)
    expect(isMirrored('src/a/bc.ts', new Set(['test/a/b.test.ts']))).toBe(false)
  })

  test('a topic named elsewhere', () => {
    expect(topicNames(planted("const a = 'hs.telemetry'"), KINDS)).toHaveLength(1)
    expect(topicNames(planted('const a = `read hs.dlq of ${b}`'), KINDS)).toHaveLength(1)
    expect(topicNames(planted("// hs.dlq\nconst a = 'hs.' + b + 'ths.dlq'"), KINDS)).toEqual([])
  })

  test('a schema without a topic, a topic without a schema', () => {
    expect(schemaProblems(['a', 'b'], ['a'])).toEqual(['b: no topic'])
    expect(schemaProblems(['a'], ['a', 'b', 'fleet-a', 'journal'])).toEqual(['b: no schema'])
  })
})

describe('the repository', () => {
  test('every source has a test that mirrors it, or a reason', () => {
    expect(lines(unmirrored(SRC_FILES, TESTS, UNTESTED))).toEqual([])
  })

  test('topics are named in contracts/topics.ts alone', () => {
    expect(lines(SRC_FILES.flatMap((file) => topicNames(file, KINDS)))).toEqual([])
  })

  test('schemas and topics are the same set', () => {
    const schemas = FILES.flatMap(({ path }) => /^schemas\/([^/]+)[.]avsc$/.exec(path)?.[1] ?? [])
    expect(schemas.length).toBeGreaterThan(10)
    expect(schemaProblems(schemas, KINDS)).toEqual([])
  })

  test('every test file belongs to a test project', () => {
    const config = FILES.find(({ path }) => path === 'vitest.config.ts')?.text ?? ''
    const lost = [...TESTS].filter((path) => !config.includes(`'${path.split('/')[1]}'`))
    expect(lost.filter((path) => !path.startsWith('test/scenario/'))).toEqual([])
  })
})
