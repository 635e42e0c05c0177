// Many runs, and what they come to together. A run is known by its experiment and seed, and comes
// to the same whether it is run alone or among others.
import type { Serde } from '../../../adapters/serde/serde.ts'
import { quantile } from '../score/score.ts'
import type { Experiment } from './plan.ts'
import { type Miss, Run, type RunOptions, type Tally } from './run.ts'

/** What a campaign has to come to. */
export const HARMFUL_MAX = 0
export const HEALED_MIN = 0.99
export const MANY_MAX = 0.01

export interface CampaignOptions extends Omit<RunOptions, 'experiment' | 'serde'> {
  readonly experiments: readonly Experiment[]
  /** So many of each, from `seed` on. */
  readonly runs: number
  readonly serde: Serde
  readonly ran?: (experiment: Experiment, seed: number, tally: Tally) => void
}

export interface CampaignReport extends Omit<Tally, 'healMs'> {
  readonly runs: number
  /** Share of single faults healed; null: there were none. */
  readonly healedShare: number | null
  readonly healP50Ms: number | null
  readonly healP99Ms: number | null
  /** Shares of the shared faults; null: there were none. */
  readonly manyInAllShare: number | null
  readonly manyOfServiceShare: number | null
  /** All three targets are met. */
  readonly ok: boolean
}

export function campaign(options: CampaignOptions): CampaignReport {
  const { experiments, runs, seed, serde, ran, output, fault } = options
  const tallies = experiments.flatMap((experiment) =>
    Array.from({ length: runs }, (_, i) => {
      const hooks = { ...(output && { output }), ...(fault && { fault }) }
      const tally = new Run({ experiment, seed: seed + i, serde, ...hooks }).play()
      ran?.(experiment, seed + i, tally)
      return tally
    }),
  )
  return reportOf(tallies)
}

export function reportOf(tallies: readonly Tally[]): CampaignReport {
  type Count = Exclude<keyof Tally, 'healMs' | 'misses'>
  const sum = (of: Count): number => tallies.reduce((all, tally) => all + tally[of], 0)
  const share = (of: number, all: number): number | null => (all === 0 ? null : of / all)
  const healMs = tallies.flatMap((tally) => tally.healMs)
  const healedShare = share(sum('healed'), sum('single'))
  const manyInAllShare = share(sum('manyInAll'), sum('shared'))
  const harmful = sum('harmful')
  return {
    runs: tallies.length,
    telemetry: sum('telemetry'),
    harmful,
    single: sum('single'),
    healed: sum('healed'),
    healedShare,
    healP50Ms: quantile(healMs, 0.5),
    healP99Ms: quantile(healMs, 0.99),
    shared: sum('shared'),
    manyInAll: sum('manyInAll'),
    manyInAllShare,
    manyOfService: sum('manyOfService'),
    manyOfServiceShare: share(sum('manyOfService'), sum('shared')),
    commands: sum('commands'),
    simulatedMs: sum('simulatedMs'),
    misses: tallies.flatMap((tally) => tally.misses),
    ok:
      harmful <= HARMFUL_MAX &&
      (healedShare ?? 1) >= HEALED_MIN &&
      (manyInAllShare ?? 0) <= MANY_MAX,
  }
}

/** The command that runs it alone, with everything that is decided. */
export function replayOf({ experiment, seed }: Miss): string {
  return `npx healstream eval campaign --experiment ${experiment} --seed ${seed} --runs 1 --trace`
}
