// records.ts says what the .avsc files say. Twice: the generator has nothing to change, and a
// reading of both that does not use the generator finds the same names, types, nulls, ids and
// symbols.
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const kinds = readdirSync(new URL('schemas/', root))
  .filter((name) => name.endsWith('.avsc'))
  .map((name) => name.slice(0, -5))

/** One spelling for a type in both languages, for example `array(record Bucket)|null`. */
type Spelling = string
/** Spelling by field, by name of the record; symbols by name of the enum. */
type Reading = Map<string, Record<string, Spelling> | string[]>

const AVRO: Record<string, Spelling> = {
  string: 'text',
  int: 'number',
  long: 'number',
  double: 'number',
  boolean: 'boolean',
  bytes: 'bytes',
  null: 'null',
}

function spellAvro(type: unknown, into: Reading, brand?: string): Spelling {
  if (type === 'string' && brand !== undefined) return brand
  if (typeof type === 'string') return AVRO[type] ?? type
  if (Array.isArray(type)) return sorted(type.map((branch) => spellAvro(branch, into, brand)))
  const schema = type as Record<string, unknown>
  const name = String(schema['name'])
  if (schema['type'] === 'array') return `array(${spellAvro(schema['items'], into)})`
  if (schema['type'] === 'map') return `map(${spellAvro(schema['values'], into)})`
  if (schema['type'] === 'enum') {
    into.set(name, schema['symbols'] as string[])
    return name
  }
  const fields = schema['fields'] as {
    name: string
    type: unknown
    brand?: string
    optional?: boolean
  }[]
  const spelled = fields.map((field) => {
    const mark = field.optional === true ? '?' : ''
    return [field.name + mark, spellAvro(field.type, into, field.brand)]
  })
  into.set(name, Object.fromEntries(spelled))
  return name
}

const sorted = (parts: Spelling[]): Spelling => parts.sort((a, b) => (a < b ? -1 : 1)).join('|')

function spellTs(node: ts.TypeNode): Spelling {
  if (ts.isUnionTypeNode(node)) return sorted(node.types.map(spellTs))
  if (ts.isParenthesizedTypeNode(node)) return spellTs(node.type)
  if (ts.isLiteralTypeNode(node))
    return ts.isStringLiteral(node.literal) ? node.literal.text : 'null'
  if (ts.isTypeOperatorNode(node) && ts.isArrayTypeNode(node.type))
    return `array(${spellTs(node.type.elementType)})`
  if (ts.isTypeReferenceNode(node)) {
    const name = node.typeName.getText()
    const [argument, value] = node.typeArguments ?? []
    if (name === 'Readonly' && argument !== undefined) return spellTs(argument)
    if (name === 'Record' && value !== undefined) return `map(${spellTs(value)})`
    return name === 'Uint8Array' ? 'bytes' : name
  }
  const text = node.getText()
  return text === 'string' ? 'text' : text
}

function readTs(): Reading {
  const path = new URL('src/contracts/records.ts', root)
  const source = readFileSync(path, 'utf8')
  const file = ts.createSourceFile('records.ts', source, ts.ScriptTarget.ES2023, true)
  const into: Reading = new Map()
  for (const statement of file.statements) {
    if (ts.isTypeAliasDeclaration(statement))
      into.set(statement.name.text, spellTs(statement.type).split('|'))
    if (!ts.isInterfaceDeclaration(statement)) continue
    const fields = statement.members.map((member) => {
      if (!ts.isPropertySignature(member) || member.type === undefined)
        throw new Error(`${statement.name.text} has a member that is no field`)
      const { modifiers, name, questionToken } = member
      const readonly = modifiers?.some((m) => m.kind === ts.SyntaxKind.ReadonlyKeyword) ?? false
      expect(readonly, name.getText()).toBe(true)
      const field = ts.isStringLiteral(name) ? name.text : name.getText()
      return [questionToken === undefined ? field : `${field}?`, spellTs(member.type)]
    })
    into.set(statement.name.text, Object.fromEntries(fields))
  }
  return into
}

function readAvro(): Reading {
  const into: Reading = new Map()
  const topics = kinds.map((kind) => {
    const text = readFileSync(new URL(`schemas/${kind}.avsc`, root), 'utf8')
    return [kind, spellAvro(JSON.parse(text), into)]
  })
  for (const [name, found] of into)
    if (Array.isArray(found))
      into.set(
        name,
        [...found].sort((a, b) => (a < b ? -1 : 1)),
      )
  return into.set('RecordOf', Object.fromEntries(topics))
}

describe('records.ts', () => {
  it('says what the schemas say', () => {
    const written = readTs()
    const wire = readAvro()
    expect([...written.keys()].sort()).toEqual([...wire.keys()].sort())
    for (const [name, fields] of wire) expect(written.get(name), name).toEqual(fields)
    expect(wire.size).toBeGreaterThan(40)
  })

  it.each(['generate-records', 'generate-history'])('%s has nothing to do', (script) => {
    const path = new URL(`scripts/${script}.mjs`, root).pathname
    const run = spawnSync(process.execPath, [path, '--check'], { encoding: 'utf8' })
    expect([run.stderr, run.status]).toEqual(['', 0])
  })

  it('has a default for every enum, so that old readers survive new symbols', () => {
    const enums: unknown[] = []
    for (const kind of kinds)
      JSON.parse(readFileSync(new URL(`schemas/${kind}.avsc`, root), 'utf8'), (_, value) => {
        if (value?.type === 'enum') enums.push(value)
        return value
      })
    expect(enums.length).toBeGreaterThan(20)
    for (const each of enums) expect(each).toMatchObject({ default: expect.any(String) })
  })
})
