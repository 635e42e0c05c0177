// The experiment `zone` of the campaign (docs/evaluation.md), held to what is true of it.
import { expect, test } from 'vitest'
import { CAMPAIGN_MS, ran } from './campaign.ts'

test('zone faults come to what they came to before, or better', {
  timeout: CAMPAIGN_MS,
}, async () => {
  const report = await ran('zone')
  expect(report.shared).toBeGreaterThanOrEqual(5)
  expect(report.manyInAllShare).toBeLessThan(0.25)
  expect(report.manyOfServiceShare).toBeLessThan(0.05)
})
