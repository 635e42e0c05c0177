// `healstream journal verify`: layout, chain and order of every task's journal; exit code 1 names
// what is broken.
import { EXIT } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import type { JournalView } from '../../roles/projector/views.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { table } from '../table.ts'

export async function verify(context: Context, flags: ReadFlags): Promise<ExitCode> {
  const reports = await connect(context, flags).get<readonly JournalView[]>('/v1/journal')
  show(context, flags.output, {
    value: reports,
    lines: () => journalTable(reports, context.terminal.paint),
    next: ['get incidents'],
  })
  return reports.every((report) => report.problem === null) ? EXIT.ok : EXIT.findings
}

const journalTable = (
  rows: readonly JournalView[],
  paint: Context['terminal']['paint'],
): readonly string[] =>
  table(rows, [
    { head: 'TASK', cell: (r) => `s${r.partition}` },
    { head: 'ENTRIES', cell: (r) => String(r.entries) },
    { head: 'STEPS', cell: (r) => String(r.steps) },
    { head: 'GEN', cell: (r) => String(r.gen) },
    { head: 'SKIPPED', cell: (r) => String(r.skipped) },
    { head: 'TIP', cell: (r) => r.tip.slice(0, 12) },
    {
      head: 'VERDICT',
      cell: (r) => r.problem ?? 'chain and order hold',
      paint: (text, r) => paint(r.problem === null ? 'green' : 'red', text),
    },
  ])
