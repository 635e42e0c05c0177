import { type SimulationReport } from './simulation.ts'
export interface CampaignOptions {
  readonly seed: number
  readonly seeds: number
  readonly forMs: number
  readonly workers?: number
  readonly partitions?: number
  /** Told of everything that happens in the runs. */
  readonly trace?: (line: string) => void
  /** Told after each run. */
  readonly ran?: (report: SimulationReport) => void
}
export interface Failure {
  readonly seed: number
  readonly problems: readonly string[]
  readonly last: readonly string[]
  readonly hash: string
  /** Runs it again, bit for bit. */
  readonly replay: string
}
export interface CampaignReport {
  readonly seeds: number
  readonly failures: readonly Failure[]
  readonly simulatedMs: number
  /** Hash over the runs' hashes: the same campaign gives the same. */
  readonly hash: string
  readonly events: number
  readonly acknowledged: number
  readonly commands: number
  readonly steps: number
  readonly entries: number
  readonly outputs: number
  readonly gens: number
  readonly skips: number
  /** Worst lag of a step behind its input once all was well again, ms. */
  readonly lagMs: number
  readonly counts: Readonly<Record<string, number>>
  /** Workers killed, by moment; 0 = this moment was not met. */
  readonly moments: Readonly<Record<string, number>>
}
/** Errors: HS_INTERNAL when the schemas are missing from the package. */
export declare function campaign(options: CampaignOptions): Promise<CampaignReport>
/** As a shell takes it. */
export declare function replayOf(seed: number, options: CampaignOptions): string
/** What a run over `seeds` seeds was about, in a line. */
export declare function headline({ seeds, simulatedMs }: CampaignReport, tookMs: number): string
