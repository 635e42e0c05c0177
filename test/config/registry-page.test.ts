// docs/registry.md says what the code does: pictures and figures are those of the code.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DETECTOR_DEFAULTS } from '../../src/contracts/limits.ts'
import { HEALTH_DIAGRAM } from '../../src/core/health/health-table.ts'
import { TRAFFIC_DIAGRAM, TRAFFIC_PERCENT } from '../../src/core/health/traffic.ts'
import { LAPSED_SHARE_MAX, LEASE_TTL_MS } from '../../src/core/registry/laws.ts'
import { LIFECYCLE_DIAGRAM } from '../../src/core/registry/lifecycle.ts'
import { ENTRIES_MAX } from '../../src/core/registry/registry.ts'

const page = readFileSync(new URL('../../docs/registry.md', import.meta.url), 'utf8')

test('the pictures', () => {
  for (const picture of [LIFECYCLE_DIAGRAM, HEALTH_DIAGRAM, TRAFFIC_DIAGRAM]) {
    expect(page).toContain(`\`\`\`mermaid\n${picture}\n\`\`\``)
  }
})

test('the figures', () => {
  for (const [stage, percent] of Object.entries(TRAFFIC_PERCENT)) {
    expect(page).toContain(`| ${stage} | ${percent} % |`)
  }
  expect(page).toContain(`${LEASE_TTL_MS / 1_000} s unless it names one`)
  expect(page).toContain(`At most ${LAPSED_SHARE_MAX * 100} % of the instances`)
  expect(page).toContain(`holds ${ENTRIES_MAX.toLocaleString('en-US')} instances`)
  for (const limit of [
    'registrationsPerS',
    'dwellMs',
    'recoverMs',
    'slowStartMs',
    'probesGoodMin',
  ]) {
    expect(page).toContain(`\`${limit}\``)
    expect(Object.keys(DETECTOR_DEFAULTS)).toContain(limit)
  }
})
