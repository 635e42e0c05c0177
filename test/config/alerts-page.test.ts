// docs/alerts.md says what the code does: its tables and its policy are held equal to it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { TIER_ROUTES, TIER_SEVERITIES, TIERS } from '../../src/contracts/alert-tiers.ts'
import { formatDuration } from '../../src/contracts/duration.ts'
import { DEFAULT_RULES } from '../../src/core/alert/default-rules.ts'
import { OVERFLOW, OVERFLOW_TIER } from '../../src/core/alert/card.ts'
import { INCIDENT_TIERS } from '../../src/core/alert/incidents.ts'
import { METRICS } from '../../src/core/alert/metric.ts'
import { NOTIFICATION_TIERS } from '../../src/core/alert/notifications.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8')

/** Rows of the table under a heading row. */
function rows(heading: string): readonly (readonly string[])[] {
  const lines = page.split('\n')
  const from = lines.slice(lines.indexOf(heading) + 2)
  const end = from.findIndex((line) => !line.startsWith('|'))
  return from.slice(0, end).map((line) => line.slice(2, -1).trim().split(' | '))
}

test('tiers', () => {
  const heading =
    "| tier | severity in Prometheus' words | route unless a policy says otherwise | meant for |"
  expect(rows(heading).map((row) => row.slice(0, 3))).toEqual(
    TIERS.map((tier) => [tier, TIER_SEVERITIES[tier], `\`${TIER_ROUTES[tier]}\``]),
  )
})

test('alerts of ours', () => {
  const found = rows('| alert | tier | when | for |')
  const rules = DEFAULT_RULES.map(({ alert, tier, expression, forMs }) => {
    const { metric, op, limit } = expression
    return [`\`${alert}\``, tier, `\`${metric} ${op} ${limit}\``, formatDuration(forMs)]
  })
  expect(found.slice(0, rules.length)).toEqual(rules)
  expect(found.slice(rules.length).map(([name, tier]) => [name, tier])).toEqual(
    [
      ...Object.entries(INCIDENT_TIERS),
      ...Object.entries(NOTIFICATION_TIERS),
      [OVERFLOW, OVERFLOW_TIER],
    ].map(([name, tier]) => [`\`${name}\``, tier]),
  )
})

test('metrics', () => {
  const expected = Object.entries(METRICS).map(([name, { text }]) => [`\`${name}\``, text])
  expect(rows('| metric | value |')).toEqual(expected)
})

test('its policy has no problem', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  const { policies, findings } = readPolicies(text, 'alerts.md')
  expect(findings.map(formatFinding)).toEqual([])
  expect(policies.map(({ document }) => document.kind)).toEqual(['AlertPolicy'])
})
