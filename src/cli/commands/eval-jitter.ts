// `healstream eval jitter`: false alarms over a bad network on which nothing is wrong (S0-28).
// Exit code 1: a healthy instance was called unhealthy in 1 % of the windows, or commanded.
import { createSerde } from '../../adapters/serde/serde.ts'
import { EXIT, type ExitCode } from '../../contracts/failure.ts'
import { jitter, type JitterRow } from '../../roles/evaluate/jitter.ts'
import { type Context, type Output, show } from '../context.ts'
import { percent, table } from '../table.ts'

export interface JitterFlags {
  readonly seed: number
  readonly seeds: number
  readonly output: Output
}

export async function jitters(
  context: Context,
  { seed, seeds, output }: JitterFlags,
): Promise<ExitCode> {
  const report = jitter({
    seed,
    seeds,
    serde: await createSerde(),
    ran: (of) => context.terminal.say(`trace ${of} judged`),
  })
  const { judgement, suspicion, heartbeats, commands, ok } = report
  show(context, output, {
    value: { seed, seeds, ...report },
    lines: () => [
      ...table(
        [
          { ...judgement, name: 'judgement: unhealthy' },
          { ...suspicion, name: 'judgement: unstable (suspected, left alone)' },
          ...heartbeats,
        ],
        COLUMNS,
      ),
      '',
      `${commands} commands (wanted: 0)`,
      `${percent(judgement.fpr)} false alarms (wanted: below 1 %)`,
      ok ? 'all targets met' : 'a target was missed',
    ],
    next: ['eval campaign --runs 1   (what is healed and what is harmed)'],
  })
  return ok ? EXIT.ok : EXIT.findings
}

const COLUMNS = [
  { head: 'WHO ALARMS', cell: ({ name }: JitterRow) => name },
  { head: 'WINDOWS', cell: ({ alarmed, all }: JitterRow) => `${alarmed} of ${all}` },
  { head: 'FPR', cell: ({ fpr }: JitterRow) => percent(fpr) },
  { head: 'FDR', cell: ({ fdr }: JitterRow) => (fdr === null ? '-' : percent(fdr)) },
] as const
