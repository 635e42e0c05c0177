// The schemas on disk: all of them, their versions, and a sentence for what is missing or broken.
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  SCHEMAS_DIR,
  SCHEMA_KINDS,
  isSchemaKind,
  loadSchemas,
} from '../../../src/adapters/serde/schema-files.ts'
import { HsError } from '../../../src/contracts/failure.ts'
import { SCHEMAS, changedSchemas } from './records.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'healstream-files-'))
  cpSync(SCHEMAS, dir, { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function refusal(): string {
  try {
    loadSchemas(dir)
    return 'none'
  } catch (error) {
    return error instanceof HsError ? error.message.replaceAll(dir, '') : String(error)
  }
}

describe('loadSchemas', () => {
  it('knows every schema there is', () => {
    const files = readdirSync(SCHEMAS_DIR).filter((name) => name.endsWith('.avsc'))
    expect([...SCHEMA_KINDS].sort()).toEqual(files.map((name) => name.slice(0, -5)).sort())
    expect(isSchemaKind('telemetry')).toBe(true)
    expect(isSchemaKind('toString')).toBe(false)
    for (const { kind, current, versions } of loadSchemas()) {
      expect(versions.at(-1)).toBe(current)
      expect(versions.map(({ number }) => number)).toEqual(
        readdirSync(join(SCHEMAS_DIR, 'history', kind)).map((_, i) => i + 1),
      )
    }
  })

  it('counts a schema that differs from the last version kept as the next one', () => {
    const added = { name: 'added', type: ['null', 'long'], default: null }
    const later = changedSchemas('results', (schema) => void schema.fields.push(added))
    try {
      const family = loadSchemas(later.dir).find(({ kind }) => kind === 'results')
      expect(family?.versions.map(({ number }) => number)).toEqual([1, 2])
      expect(family?.current.text).toContain('"added"')
    } finally {
      later.remove()
    }
  })

  it('does not take other wording for another version', () => {
    const reworded = changedSchemas('results', (schema) => {
      for (const field of schema.fields) field.doc = 'in other words'
    })
    try {
      const [before, after] = [loadSchemas(), loadSchemas(reworded.dir)]
      const texts = (all: typeof before): string[] => all.map(({ current }) => current.text)
      expect(texts(after)).toEqual(texts(before))
    } finally {
      reworded.remove()
    }
  })

  it('says which file is missing or broken', () => {
    rmSync(join(dir, 'telemetry.avsc'))
    expect(refusal()).toMatch(/^\/telemetry\.avsc cannot be used as a schema: ENOENT/)
    writeFileSync(join(dir, 'telemetry.avsc'), '{"type":"rec')
    expect(refusal()).toMatch(/^\/telemetry\.avsc cannot be used as a schema: /)
    writeFileSync(join(dir, 'telemetry.avsc'), '{"type":"record","name":"A","fields":[{}]}')
    expect(refusal()).toMatch(/^\/telemetry\.avsc cannot be used as a schema: /)
    cpSync(join(SCHEMAS, 'telemetry.avsc'), join(dir, 'telemetry.avsc'))
    writeFileSync(join(dir, 'history', 'dlq', '1.avsc'), 'null')
    expect(refusal()).toMatch(/^\/history\/dlq\/1\.avsc cannot be used as a schema: /)
  })

  it('leaves other files in the history alone', () => {
    writeFileSync(join(dir, 'history', 'dlq', 'README.md'), 'x')
    writeFileSync(join(dir, 'history', 'dlq', '01.avsc'), 'x')
    expect(refusal()).toBe('none')
  })
})
