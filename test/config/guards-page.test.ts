// docs/guards.md says what the code does: its tables are compared with the code, and every document
// on it is linted.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { GUARD_DEFAULTS } from '../../src/contracts/limits.ts'
import { GUARDS, GUARDS_OF_HARMLESS } from '../../src/core/decision/guards.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/guards.md'), 'utf8')

/** Rows of the table under a heading row. */
function rows(heading: string): readonly (readonly string[])[] {
  const lines = page.split('\n').slice(page.split('\n').indexOf(heading) + 2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) => line.slice(2, -2).split(' | '))
}

const quoted = (name: string): string => `\`${name}\``

test('guards, in their order', () => {
  const names = rows('| guard | refuses |').map(([name]) => name)
  expect(names).toEqual(GUARDS.map(([name]) => quoted(name)))
  const last = quoted(GUARDS_OF_HARMLESS.at(-1) ?? '')
  const asked = `${GUARDS_OF_HARMLESS.slice(0, -1).map(quoted).join(', ')} and ${last}`
  expect(page.replaceAll('\n', ' ')).toContain(`is asked ${asked} alone`)
})

test('default limits', () => {
  const shown = (value: unknown): string =>
    Array.isArray(value)
      ? 'none'
      : Number(value).toLocaleString('en-US', { maximumFractionDigits: 3 })
  expect(rows('| limit | default |')).toEqual(
    Object.entries(GUARD_DEFAULTS).map(([name, value]) => [quoted(name), shown(value)]),
  )
})

test('documents have no errors', () => {
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  expect(blocks.length).toBeGreaterThanOrEqual(1)
  for (const text of blocks) {
    const { policies, findings } = readPolicies(text, 'block.yaml')
    expect(findings.filter(({ severity }) => severity === 'error').map(formatFinding)).toEqual([])
    expect(policies.length).toBe(1)
  }
})
