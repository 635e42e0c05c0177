// docs/detection.md says what the code does: its tables are those of the detectors, its picture is
// that of the health table, and every document on it is linted.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { DETECTOR_NAMES, detectorRow } from '../../src/contracts/detector-settings.ts'
import { HEALTH_DIAGRAM } from '../../src/core/health/health-table.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/detection.md'), 'utf8')
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

test('the detectors, what they argue for and where they come from', () => {
  const rows = DETECTOR_NAMES.map((name) => {
    const { enabled, severity, kind, text, rows: from } = detectorRow(name)
    return row([
      `\`${name}\``,
      enabled ? 'yes' : 'no',
      severity,
      kind === '' ? '–' : kind,
      text,
      from,
    ])
  })
  const heading = row(['detector', 'on', 'argues for', 'kind', 'what deviates', 'rows'])
  expect(page).toContain([heading, '|---|---|---|---|---|---|', ...rows, ''].join('\n'))
})

test('parameters and their defaults', () => {
  const rows = DETECTOR_NAMES.flatMap((name) => {
    const parameters = Object.entries(detectorRow(name).parameters)
    const shown = parameters.map(([key, value]) => `\`${key}\` ${value}`).join(', ')
    return parameters.length === 0 ? [] : [row([`\`${name}\``, shown])]
  })
  const heading = row(['detector', 'parameters and their defaults'])
  expect(page).toContain([heading, '|---|---|', ...rows, ''].join('\n'))
})

test('the picture of health', () => expect(page).toContain(HEALTH_DIAGRAM.trimEnd()))

test('documents have no errors', () => {
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  expect(blocks.length).toBeGreaterThan(0)
  for (const text of blocks) {
    const { policies, findings } = readPolicies(text, 'block.yaml')
    expect(findings.filter(({ severity }) => severity === 'error').map(formatFinding)).toEqual([])
    expect(policies.length).toBeGreaterThan(0)
  }
})
