// docs/incidents.md says what the code does: pictures and the table of actions are those of the
// code, and every document on it is linted.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { ACTION_NAMES, ACTIONS } from '../../src/contracts/action.ts'
import { OUTCOMES } from '../../src/contracts/incident-outcome.ts'
import { STEP_TIMEOUT_MS } from '../../src/contracts/plan.ts'
import { UNKNOWN_AFTER_MS } from '../../src/core/decision/plan-act.ts'
import { INCIDENT_DIAGRAM } from '../../src/core/incident/machine.ts'
import { PLAN_DIAGRAM } from '../../src/core/plan/machine.ts'
import { DOWN_STABLE_MS, TOLERANCE } from '../../src/core/plan/scale.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/incidents.md'), 'utf8')

test('both machines are drawn as they are', () => {
  expect(page).toContain(INCIDENT_DIAGRAM)
  expect(page).toContain(PLAN_DIAGRAM)
})

test('the table of actions', () => {
  const lines = page.split('\n')
  const start = lines.indexOf('| action | of | disruptive | done by | arguments | what it does |')
  const rows = lines.slice(start + 2, start + 2 + ACTION_NAMES.length)
  const expected = ACTION_NAMES.map((name) => {
    const { wire, disruptive, target, args, text } = ACTIONS[name]
    const given = Object.entries(args).map(([arg, spec]) => {
      return `\`${arg}\`${spec.required === true ? '' : '?'}`
    })
    const who = wire === null ? 'the task itself' : 'an agent'
    const cells = [`\`${name}\``, target, disruptive ? 'yes' : 'no', who, given.join(' '), text]
    return `| ${cells.join(' | ')} |`
  })
  expect(rows).toEqual(expected)
})

test('figures and words', () => {
  expect(page).toContain(`after ${UNKNOWN_AFTER_MS / 1_000} s, without a command`)
  expect(page).toContain(`${STEP_TIMEOUT_MS / 1_000}s |`)
  expect(page).toContain(`within ${TOLERANCE * 100} % of the target`)
  expect(DOWN_STABLE_MS).toBe(5 * 60_000)
  for (const word of OUTCOMES) expect(page).toContain(`\`${word}\``)
})

describe('documents', () => {
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  test('blocks of the page have no errors', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(4)
    for (const text of blocks) {
      const { policies, findings } = readPolicies(text, 'block.yaml')
      expect(findings.filter(({ severity }) => severity === 'error').map(formatFinding)).toEqual([])
      expect(policies).toHaveLength(1)
    }
  })
})
