// Writes src/contracts/records.ts from schemas/*.avsc, the one source of what is on the wire.
// `node scripts/generate-records.mjs` writes, `--check` fails when the file differs.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const out = new URL('src/contracts/records.ts', root)
const done = new Map()
const brands = new Set()
const lines = []

/** Through the house formatter, so that the generated file passes the format check as it is. */
function formatted(input) {
  const biome = new URL('node_modules/.bin/biome', root).pathname
  const run = spawnSync(biome, ['format', '--stdin-file-path=src/contracts/records.ts'], {
    input,
    encoding: 'utf8',
    cwd: root.pathname,
  })
  if (run.status !== 0) throw new Error(`biome: ${run.stderr}`)
  return run.stdout
}

const doc = (text, indent) => (text ? [`${indent}/** ${text.replaceAll('*/', '* /')} */`] : [])
const quote = (s) => `'${s}'`

function enumType(schema) {
  const values = schema.symbols.map(quote).join(' | ')
  declare(schema, [...doc(schema.doc, ''), `export type ${schema.name} = ${values}`])
  return schema.name
}

function recordType(schema) {
  const body = schema.fields.flatMap((field) => [
    ...doc(field.doc, '  '),
    // `optional`: written only by later behaviours; what is left out is its default on the wire.
    `  readonly ${field.name}${field.optional === true ? '?' : ''}: ${fieldType(field)}`,
  ])
  declare(schema, [...doc(schema.doc, ''), `export interface ${schema.name} {`, ...body, '}'])
  return schema.name
}

function declare(schema, text) {
  const before = done.get(schema.name)
  const now = text.join('\n')
  if (before !== undefined && before !== now)
    throw new Error(`${schema.name} is declared twice, differently`)
  if (before !== undefined) return
  done.set(schema.name, now)
  lines.push(now, '')
}

function fieldType(field) {
  const type = typeName(field.type)
  if (!field.brand) return type
  brands.add(field.brand)
  return type.replace('string', field.brand)
}

const PRIMITIVES = {
  string: 'string',
  long: 'number',
  int: 'number',
  double: 'number',
  boolean: 'boolean',
  bytes: 'Uint8Array',
  null: 'null',
}

function typeName(type) {
  if (typeof type === 'string') return PRIMITIVES[type] ?? type
  if (Array.isArray(type)) return [...type.slice(1), type[0]].map(typeName).join(' | ')
  if (type.type === 'array') return `readonly ${bracket(typeName(type.items))}[]`
  if (type.type === 'map') return `Readonly<Record<string, ${typeName(type.values)}>>`
  if (type.type === 'enum') return enumType(type)
  if (type.type === 'record') return recordType(type)
  throw new Error(`no TypeScript for ${JSON.stringify(type)}`)
}

const bracket = (name) => (name.includes(' ') ? `(${name})` : name)

const files = readdirSync(new URL('schemas/', root))
  .filter((f) => f.endsWith('.avsc'))
  .sort()
const topics = files.map((file) => {
  const schema = JSON.parse(readFileSync(new URL(`schemas/${file}`, root), 'utf8'))
  return [file.slice(0, -5), recordType(schema)]
})
const key = (kind) => (/^[a-z]+$/.test(kind) ? kind : quote(kind))
const source = [
  '// Generated from schemas/*.avsc by scripts/generate-records.mjs; change the schemas.',
  '// Types of every record on the wire. Names are the wire names; units are part of the name.',
  `import type {\n${[...brands]
    .sort()
    .map((b) => `  ${b},`)
    .join('\n')}\n} from './ids.ts'`,
  '',
  ...lines,
  '/** Record type by topic kind. */',
  'export interface RecordOf {',
  ...topics.map(([kind, type]) => `  readonly ${key(kind)}: ${type}`),
  '}',
  '',
].join('\n')
const text = formatted(source)

if (process.argv.includes('--check')) {
  if (readFileSync(out, 'utf8') !== text) {
    console.error(
      'src/contracts/records.ts differs from schemas/: run `node scripts/generate-records.mjs`',
    )
    process.exit(1)
  }
} else writeFileSync(out, text)
