// A campaign as its tests run it: a twentieth, or the whole of it (HEALSTREAM_TEST_FULL).
import { createSerde } from '../../src/adapters/serde/serde.ts'
import {
  campaign,
  type CampaignReport,
  replayOf,
} from '../../src/roles/evaluate/campaign/campaign.ts'
import { type Experiment, RUNS_WHOLE } from '../../src/roles/evaluate/campaign/plan.ts'
import { isFull } from '../support/full.ts'

/** A run takes some seconds; others may be busy on the machine. */
export const CAMPAIGN_MS: number = isFull ? 3_600_000 : 180_000

/** Says what missed, so that it can be run alone. */
export async function ran(experiment: Experiment): Promise<CampaignReport> {
  const serde = await createSerde()
  const runs = isFull ? RUNS_WHOLE : 1
  const report = campaign({ experiments: [experiment], runs, seed: 1, serde })
  const { misses, ...figures } = report
  process.stderr.write(`${experiment}: ${JSON.stringify(figures)}\n`)
  for (const miss of misses)
    process.stderr.write(`  at ${miss.atMs} ms: ${miss.what}\n    ${replayOf(miss)}\n`)
  return report
}
