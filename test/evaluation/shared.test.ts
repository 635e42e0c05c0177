// The experiment `shared` of the campaign (docs/evaluation.md), held to what is true of it.
import { expect, test } from 'vitest'
import { isFull } from '../support/full.ts'
import { CAMPAIGN_MS, ran } from './campaign.ts'

test('shared faults come to what they came to before, or better', {
  timeout: CAMPAIGN_MS,
}, async () => {
  const report = await ran('shared')
  expect(report.shared).toBeGreaterThanOrEqual(45)
  expect(report.manyInAllShare).toBeLessThan(0.1)
  expect(report.manyOfServiceShare).toBeLessThan(0.05)
})

// As long again, and nearly the same: of a whole run only.
if (isFull)
  test('zone faults come to what they came to before, or better', {
    timeout: CAMPAIGN_MS,
  }, async () => {
    const report = await ran('zone')
    expect(report.shared).toBeGreaterThanOrEqual(5)
    expect(report.manyInAllShare).toBeLessThan(0.25)
    expect(report.manyOfServiceShare).toBeLessThan(0.05)
  })
