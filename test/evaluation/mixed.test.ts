// The experiment `mixed` of the campaign (docs/evaluation.md), held to what is true of it.
import { expect, test } from 'vitest'
import { CAMPAIGN_MS, ran } from './campaign.ts'

test('mixed faults come to what they came to before, or better', {
  timeout: CAMPAIGN_MS,
}, async () => {
  const report = await ran('mixed')
  expect(report.telemetry).toBeGreaterThanOrEqual(500)
  expect(report.harmful / report.runs).toBeLessThan(2)
  expect(report.healedShare).toBeGreaterThan(0.95)
})
