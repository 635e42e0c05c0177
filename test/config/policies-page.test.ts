// docs/policies.md and the examples say what the code does: tables are compared with the code, and
// every document is linted.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { failureText, runPolicyTests, uncovered } from '../../src/roles/policy/policy-tests.ts'
import { DETECTOR_DEFAULTS } from '../../src/contracts/limits.ts'
import { POLICY_KINDS, policyJsonSchema } from '../../src/contracts/policy.ts'
import { COST_MAX, TRIGGER_BYTES_MAX } from '../../src/core/decision/expression.ts'
import { FACT_NAMES, FACTS } from '../../src/core/decision/fact-table.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/policies.md'), 'utf8')

/** Rows of the table under a heading row. */
function rows(heading: string, nth: number = 0): readonly (readonly string[])[] {
  const starts = page.split('\n').flatMap((line, i) => (line === heading ? [i] : []))
  const lines = page.split('\n').slice((starts[nth] ?? -1) + 2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) => line.slice(2, -2).split(' | '))
}

const quoted = (name: string): string => `\`${name}\``
const limits = (defaults: object): readonly (readonly string[])[] =>
  Object.entries(defaults).map(([name, value]) => [
    quoted(name),
    Number(value).toLocaleString('en-US', { maximumFractionDigits: 3 }),
  ])

describe('tables', () => {
  test('facts', () => {
    const expected = FACT_NAMES.map((name) => {
      const { type, text, values, unknown } = FACTS[name]
      const all = values === undefined ? '' : `: ${values.join(', ')}`
      return [quoted(name), type, `${text}${all}`, unknown ?? 'never']
    })
    expect(rows('| fact | type | meaning | unknown when |')).toEqual(expected)
  })

  test('default limits', () => {
    expect(rows('| limit | default |')).toEqual(limits(DETECTOR_DEFAULTS))
  })

  test('the bounds of triggers', () => {
    expect(page).toContain(`${TRIGGER_BYTES_MAX.toLocaleString('en-US')} bytes`)
    expect(page).toContain(`${COST_MAX.toLocaleString('en-US')} steps`)
  })
})

test.each(POLICY_KINDS)('the published schema of %s is that of this build', (kind) => {
  // After a change: npx healstream policy schema KIND > schemas/policy/KIND.json
  const file = readFileSync(join(root, `schemas/policy/${kind}.json`), 'utf8')
  expect(`${JSON.stringify(policyJsonSchema(kind), null, 2)}\n`).toBe(file)
})

describe('documents', () => {
  const blocks = [...page.matchAll(/```(yaml|json)\n([\s\S]*?)```/g)].map(([, kind, text]) => {
    return [kind ?? '', text ?? ''] as const
  })

  test('blocks of the page have no errors', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3)
    for (const [kind, text] of blocks) {
      const { policies, findings } = readPolicies(text, `block.${kind}`)
      expect(findings.filter(({ severity }) => severity === 'error').map(formatFinding)).toEqual([])
      expect(policies.length).toBe(1)
    }
  })

  const examples = readdirSync(join(root, 'examples/policies')).filter((name) => name !== 'tests')
  test('tests of the examples pass, and every clause is seen true and false', () => {
    const folder = join(root, 'examples/policies/tests')
    const report = runPolicyTests(
      readdirSync(folder).map((file) => ({
        file,
        text: readFileSync(join(folder, file), 'utf8'),
        read: (path) => readFileSync(join(folder, path)),
      })),
    )
    expect(report.files.flatMap(({ problems }) => problems)).toEqual([])
    const failures = report.files.flatMap(({ tests }) => tests.flatMap((one) => one.failures))
    expect(failures.map(failureText)).toEqual([])
    expect(report.passed).toBeGreaterThanOrEqual(8)
    expect(uncovered(report)).toEqual([])
  })

  test.each(examples)('%s', (name) => {
    const bytes = readFileSync(join(root, 'examples/policies', name))
    const { policies, findings } = readPolicies(bytes, name)
    expect(policies.length).toBeGreaterThan(0)
    // The JSON stands there as it stands in the article; the advice on it is part of the example.
    const expected = name === 'high-error-rate.json' ? ['name', 'trigger'] : []
    expect(findings.map(({ severity }) => severity)).toEqual(expected.map(() => 'warning'))
    expect(findings.map(({ field }) => field)).toEqual(expected)
  })
})
