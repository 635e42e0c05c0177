// The experiment `shared` of the campaign (docs/evaluation.md), held to what is true of it.
import { expect, test } from 'vitest'
import { CAMPAIGN_MS, ran } from './campaign.ts'

test('shared faults come to what they came to before, or better', {
  timeout: CAMPAIGN_MS,
}, async () => {
  const report = await ran('shared')
  expect(report.shared).toBeGreaterThanOrEqual(45)
  expect(report.manyInAllShare).toBeLessThan(0.1)
  expect(report.manyOfServiceShare).toBeLessThan(0.05)
})
