// `healstream journal verify`: layout, chain and order of every journal. `journal show`: what is in
// one of them.
import { resolveSettings } from '../../config/settings.ts'
import { EXIT } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { journalView } from '../../roles/projector/routes.ts'
import type { JournalView } from '../../roles/projector/views.ts'
import { journalVerify } from '../../runtime/journal.ts'
import { journalPage } from '../../runtime/journal-page.ts'
import { specNamed } from '../../runtime/resume.ts'
import { withCluster, withLog } from '../cluster.ts'
import { connect, show as print } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'
import { entryJson, entryLine } from '../show-journal.ts'
import { table } from '../table.ts'

/** Less than the time after which an endpoint closes a silent connection. */
const VERIFY_MS = 25_000

export type VerifyFlags = ReadFlags & ClusterReadFlags

/**
 * Reads the journals itself where brokers are named, and else asks the run it finds. Exit code 1
 * when something is wrong. Errors: as withLog, or as Client.
 */
export async function verify(context: Context, flags: VerifyFlags): Promise<ExitCode> {
  const { settings } = resolveSettings(flags, context.env)
  const reports =
    flags.url !== undefined || settings.kafka === null
      ? await connect(context, flags).get<readonly JournalView[]>('/v1/journal', VERIFY_MS)
      : await withLog(context, flags, async ({ log }) =>
          (await journalVerify(log, settings.prefix)).map(journalView),
        )
  print(context, flags.output, {
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
    { head: 'TASK', cell: (r) => r.task },
    { head: 'ENTRIES', cell: (r) => String(r.entries) },
    { head: 'STEPS', cell: (r) => String(r.steps) },
    { head: 'GEN', cell: (r) => String(r.gen) },
    { head: 'SKIPPED', cell: (r) => String(r.skipped) },
    { head: 'TIP', cell: (r) => r.tip.slice(0, 12) },
    {
      head: 'VERDICT',
      cell: verdict,
      paint: (text, r) => paint(r.problem === null ? 'green' : 'red', text),
    },
  ])

function verdict({ problem, begins }: JournalView): string {
  if (problem !== null) return problem
  return begins === null
    ? 'chain and order hold'
    : `chain and order hold from offset ${begins} on; what was before has expired`
}

export interface ShowFlags extends ClusterReadFlags {
  readonly task: string
  readonly from?: number
  readonly limit: number
}

/** Errors: HS_NOT_FOUND, HS_CHAIN_BROKEN naming the entry, and those of withCluster. */
export function show(context: Context, flags: ShowFlags): Promise<void> {
  return withCluster(context, flags, async ({ log, prefix, partitions }) => {
    const spec = specNamed(flags.task, partitions)
    const { task, limit } = flags
    const page = await journalPage(log, spec, { prefix, from: flags.from ?? null, limit })
    const { entries, start, end } = page
    const next = (entries.at(-1)?.offset ?? end - 1) + 1
    print(context, flags.output, {
      value: { task, start, end, entries: entries.map(entryJson) },
      lines: () => entries.map(entryLine),
      next: next < end - 1 ? [`journal show --task ${task} --from ${next}`] : ['tasks'],
    })
    if (flags.output === 'table')
      context.terminal.say(
        `${entries.length} entries; the journal of ${task} is ${start} to ${end}`,
      )
  })
}
