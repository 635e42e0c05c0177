// The commands about tasks and their journals, with their flags.
import { type Command, Option } from 'commander'
import type { ApproveFlags } from './commands/approve.ts'
import type { HoldFlags } from './commands/hold.ts'
import type { ShowFlags, VerifyFlags } from './commands/journal.ts'
import type { ReleaseFlags } from './commands/release.ts'
import type { ResumeFlags } from './commands/tasks.ts'
import type { Context } from './context.ts'
import { type Ending, outputOption, reading, whole } from './options.ts'
import { clusterFlags, type ClusterReadFlags } from './settings-flags.ts'

const GROUP = ['--group <name>', 'consumer group of the workers (default: healstream)'] as const
const WHO = ['--who <name>', 'who says so (HEALSTREAM_OPERATOR; default: user@host)'] as const
const ENTRIES_MAX = 100_000

export function addTasks(program: Command, context: Context, ending: Ending): void {
  addJournal(program, context, ending)
  const load = async () => import('./commands/tasks.ts')
  clusterFlags(program.command('tasks').description('every task: owner, standby, gen, lag, state'))
    .option(...GROUP)
    .addOption(outputOption())
    .action(async (flags: ClusterReadFlags) => {
      ending.code = await (await load()).tasks(context, flags)
    })
  const task = program.command('task').description('a word to one task')
  clusterFlags(task.command('resume').description('go on where a journal does not replay'))
    .argument('<task>', 's0, s1, … or fleet')
    .addOption(
      new Option('--accept-divergence', 'what differs is accepted for good').makeOptionMandatory(),
    )
    .requiredOption('--why <text>', 'kept in the journal')
    .option(...WHO)
    .option('--yes', 'agreed to, do not ask')
    .addOption(outputOption())
    .action(async (name: string, flags: ResumeFlags) => (await load()).resume(context, name, flags))
  addWords(program, context)
}

/** What people say to every task. */
function addWords(program: Command, context: Context): void {
  const hold = clusterFlags(program.command('hold').description('stop healing until released'))
  hold
    .option('--all', 'everything')
    .option('--service <name>', 'one service')
    .option('--instance <name>', 'one instance')
    .option('--policy <name>', 'what one policy does')
    .option('--for <duration>', 'no longer than this, such as 2h')
    .requiredOption('--why <text>', 'kept with the hold')
    .option(...WHO)
    .addOption(outputOption())
    .action(async (flags: HoldFlags) => (await import('./commands/hold.ts')).hold(context, flags))
  const approve = program.command('approve').description('say yes, or no, to what is proposed')
  clusterFlags(approve)
    .argument('<incident>', 'as the refusal by guard approval names it')
    .option('--deny', 'say no')
    .option('--for <duration>', 'good for so long (default: as the guards say)')
    .requiredOption('--why <text>', 'kept with it')
    .option(...WHO)
    .addOption(outputOption())
    .action(async (incident: string, flags: ApproveFlags) =>
      (await import('./commands/approve.ts')).approve(context, incident, flags),
    )
  clusterFlags(program.command('release').description('take a hold away, such as after a loss'))
    .argument('<hold>', 'as `explain` and `init --after-loss` name it')
    .requiredOption('--why <text>', 'kept with the release')
    .option(...WHO)
    .addOption(outputOption())
    .action(async (hold: string, flags: ReleaseFlags) =>
      (await import('./commands/release.ts')).release(context, hold, flags),
    )
}

function addJournal(program: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/journal.ts')
  const journal = program.command('journal').description('what every decision was made of')
  clusterFlags(
    reading(journal.command('verify').description('check layout, chain and order of every one')),
  ).action(async (flags: VerifyFlags) => {
    ending.code = await (await load()).verify(context, flags)
  })
  clusterFlags(journal.command('show').description('entries of one journal, the last ones'))
    .option('--task <task>', 's0, s1, … or fleet', 's0')
    .option('--from <offset>', 'from this offset on', whole(0, Number.MAX_SAFE_INTEGER))
    .option('--limit <n>', 'so many entries', whole(1, ENTRIES_MAX), 20)
    .addOption(outputOption())
    .action(async (flags: ShowFlags) => (await load()).show(context, flags))
}
