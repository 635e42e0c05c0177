// `healstream simulate`: a whole cluster in virtual time, with everything that a seed makes go
// wrong, checked by an independent fold of its journals. Needs nothing but this process. Exit code
// 1 names what broke and how to run it again.
import { parseDuration } from '../../contracts/duration.ts'
import { EXIT, type ExitCode, HsError } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import {
  campaign,
  type CampaignReport,
  type Failure,
  headline,
} from '../../roles/simulate/campaign.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Context, type Output, show } from '../context.ts'

export interface SimulateFlags {
  readonly seed: number
  readonly seeds: number
  readonly for: string
  readonly workers?: number
  readonly partitions?: number
  readonly trace?: boolean
  readonly output: Output
}

const SHORTEST_MS = 60_000
const TELL_EVERY = 25

/** Errors: HS_USAGE for a time that is none. */
export async function simulate(context: Context, flags: SimulateFlags): Promise<ExitCode> {
  const forMs = parseDuration(flags.for)
  if (forMs === null || forMs < SHORTEST_MS)
    throw new HsError('HS_USAGE', `--for ${printable(flags.for)} is no time of a minute or more`, {
      fix: 'Write a duration such as 120s, 10m or 24h.',
    })
  const { terminal } = context
  const beganMs = systemClock.monotonicMs()
  let ran = 0
  let failed = 0
  const report = await campaign({
    seed: flags.seed,
    seeds: flags.seeds,
    forMs,
    ...(flags.workers === undefined ? {} : { workers: flags.workers }),
    ...(flags.partitions === undefined ? {} : { partitions: flags.partitions }),
    ...(flags.trace === true ? { trace: (line) => terminal.say(printable(line)) } : {}),
    ran: ({ problems }) => {
      ran++
      if (problems.length > 0) failed++
      if (ran % TELL_EVERY === 0) terminal.say(`${ran} of ${flags.seeds} seeds, ${failed} failed`)
    },
  })
  const tookMs = Math.round(systemClock.monotonicMs() - beganMs)
  const { user, system } = process.cpuUsage()
  const cpuMs = Math.round((user + system) / 1_000)
  show(context, flags.output, {
    value: { ...report, tookMs, cpuMs },
    lines: () => linesOf(report, tookMs),
  })
  return report.failures.length === 0 ? EXIT.ok : EXIT.findings
}

function linesOf(report: CampaignReport, tookMs: number): readonly string[] {
  const { counts, acknowledged, steps, entries, outputs, gens, skips, lagMs, hash } = report
  const of = (what: string): number => counts[what] ?? 0
  const unmet = Object.values(report.moments).filter((count) => count === 0).length
  const all = Object.keys(report.moments).length
  return [
    headline(report, tookMs),
    `${of('kills')} workers killed, ${of('pauses')} stopped for a while, ${of('stops')} asked to ` +
      `end; ${all - unmet} of ${all} moments of death met`,
    `${acknowledged} records acknowledged, ${steps} steps in ${entries} entries, ${outputs} ` +
      `outputs, ${gens} fences, ${skips} records skipped`,
    `worst lag once all was well: ${lagMs} ms; hash ${hash}`,
    ...report.failures.flatMap(failureLines),
    report.failures.length === 0
      ? 'nothing lost, nothing twice, nothing out of order'
      : `${report.failures.length} seeds failed`,
  ]
}

function failureLines({ seed, problems, last, hash, replay }: Failure): readonly string[] {
  return [
    `seed ${seed} FAILED (hash ${hash})`,
    ...last.map((line) => `  ${printable(line)}`),
    ...problems.map((problem) => `  ${printable(problem)}`),
    `  run it again: ${replay}`,
  ]
}
