// `healstream eval`: how well it detects and how rarely it does harm, measured on traces and fleets
// that a seed makes, in this process alone. Exit code 1: a target was missed; what missed it is
// printed with the command that runs it again.
import { createSerde } from '../../adapters/serde/serde.ts'
import { EXIT, type ExitCode } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import type { Output as Written } from '../../core/kernel/step.ts'
import { campaign, type CampaignReport, replayOf } from '../../roles/evaluate/campaign/campaign.ts'
import { type Experiment, EXPERIMENTS, type Fault } from '../../roles/evaluate/campaign/plan.ts'
import { CONTESTANTS } from '../../roles/evaluate/contestants.ts'
import { contest, type Row, verdictOf } from '../../roles/evaluate/detectors.ts'
import { type Context, type Output, show } from '../context.ts'
import { duration, percent, table } from '../table.ts'

export interface DetectorsFlags {
  readonly seed: number
  readonly seeds: number
  readonly output: Output
}

export interface CampaignFlags {
  readonly seed: number
  readonly runs: number
  readonly experiment?: Experiment
  readonly trace?: boolean
  readonly output: Output
}

/** Told after so many traces. */
const TELL_EVERY = 10
/** Of what missed, for people; the JSON has all. */
const MISSES_SHOWN = 20

export async function detectors(
  { terminal, ...context }: Context,
  { seed, seeds, output }: DetectorsFlags,
): Promise<ExitCode> {
  const kinds = ['dynamic', 'steady'] as const
  let ran = 0
  const rows = contest({
    kinds,
    seed,
    seeds,
    contestants: CONTESTANTS,
    done: () => {
      ran++
      if (ran % TELL_EVERY === 0) terminal.say(`${ran} of ${kinds.length * seeds} traces`)
    },
  })
  const verdict = verdictOf(rows)
  show({ terminal, ...context }, output, {
    value: { seed, seeds, ...verdict, rows },
    lines: () => [...detectorTable(rows), '', verdict.text],
    next: ['eval campaign --runs 1   (what is healed and what is harmed)'],
  })
  return verdict.ok ? EXIT.ok : EXIT.findings
}

function detectorTable(rows: readonly Row[]): readonly string[] {
  const time = (ms: number | null): string => (ms === null ? '-' : duration(ms))
  return table(rows, [
    { head: 'TRACE', cell: ({ kind }) => kind },
    { head: 'OF', cell: ({ indicator }) => indicator },
    { head: 'DETECTOR', cell: ({ detector }) => detector },
    { head: 'ACCURACY', cell: ({ accuracy }) => percent(accuracy) },
    { head: 'WORST SEED', cell: ({ accuracyMin }) => percent(accuracyMin) },
    { head: 'PRECISION', cell: ({ precision }) => percent(precision) },
    { head: 'RECALL', cell: ({ recall }) => percent(recall) },
    { head: 'FPR', cell: ({ fpr }) => percent(fpr) },
    { head: 'FDR', cell: ({ fdr }) => percent(fdr) },
    { head: 'DELAY P50', cell: ({ delayP50Ms }) => time(delayP50Ms) },
    { head: 'P90', cell: ({ delayP90Ms }) => time(delayP90Ms) },
    { head: 'MISSED', cell: ({ missed, faults }) => `${missed} of ${faults}` },
    { head: 'ALERTS', cell: ({ alerts }) => String(alerts) },
  ])
}

export async function campaigns(context: Context, flags: CampaignFlags): Promise<ExitCode> {
  const { terminal } = context
  const { experiment, seed, runs, output, trace } = flags
  const tracing = {
    fault: (fault: Fault) => terminal.say(printable(faultText(fault))),
    output: (written: Written, atMs: number) => {
      const line = decisionText(written)
      if (line !== null) terminal.say(printable(`${(atMs / 1_000).toFixed(1)} ${line}`))
    },
  }
  const report = campaign({
    experiments: experiment === undefined ? EXPERIMENTS : [experiment],
    seed,
    runs,
    serde: await createSerde(),
    ...(trace === true ? tracing : {}),
    ran: (name, of, { commands, misses }) =>
      terminal.say(`${name}, seed ${of}: ${commands} commands, ${misses.length} misses`),
  })
  show(context, output, {
    value: { seed, ...report, replays: [...new Set(report.misses.map(replayOf))] },
    lines: () => campaignLines(report),
  })
  return report.ok ? EXIT.ok : EXIT.findings
}

function campaignLines(report: CampaignReport): readonly string[] {
  const { misses, healP50Ms, healP99Ms } = report
  const time = (ms: number | null): string => (ms === null ? '-' : duration(ms))
  return [
    `${report.telemetry} faults of telemetry: ${report.harmful} commands for instances with ` +
      'which nothing was wrong (wanted: 0)',
    `${report.single} single faults: ${percent(report.healedShare)} healed (wanted: 99 %), ` +
      `half of them within ${time(healP50Ms)}, 99 % within ${time(healP99Ms)}`,
    `${report.shared} faults of several instances at once: more than one restarted in ` +
      `${percent(report.manyInAllShare)} (wanted: at most 1 %), of the same service in ` +
      percent(report.manyOfServiceShare),
    ...misses
      .slice(0, MISSES_SHOWN)
      .flatMap((miss) => [
        printable(`at ${(miss.atMs / 1_000).toFixed(1)} s: ${miss.what}`),
        `  run it again: ${replayOf(miss)}`,
      ]),
    ...(misses.length > MISSES_SHOWN
      ? [`… and ${misses.length - MISSES_SHOWN} more (-o json)`]
      : []),
    report.ok ? 'all targets met' : 'a target was missed',
  ]
}

function faultText(fault: Fault): string {
  const at = `${(fault.atMs / 1_000).toFixed(1)} >>> ${fault.what}: ${fault.kind}`
  if (fault.what === 'telemetry') return `${at} (${fault.at}) for ${duration(fault.forMs)}`
  if (fault.what === 'single') return `${at} of service-${fault.service + 1}-${fault.member + 1}`
  const { illness, victims, forMs } = fault
  return `${at}, ${illness} of ${victims.length} instances for ${duration(forMs)}`
}

/** What was decided, and what was refused. */
function decisionText({ topic, body }: Written): string | null {
  if (body === null) return null
  if (topic === 'commands') return `command ${body.action} ${body.target.instance}`
  if (topic === 'incidents') return `incident ${body.service}: ${body.event}: ${body.summary}`
  return null
}
