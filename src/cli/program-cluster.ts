// The commands that reach for brokers and a schema registry: set a cluster up, look at it, and run
// a role. Each loads its code only when it is called.
import { type Command, Option } from 'commander'
import type { InitFlags } from './commands/init.ts'
import type { ConfigViewFlags } from './commands/config.ts'
import type { RoleName } from './commands/serve.ts'
import type { TopicFlags } from './commands/topics.ts'
import type { Context } from './context.ts'
import { type Ending, outputOption, reading, whole } from './options.ts'
import { clusterFlags, type ClusterReadFlags, serverFlags } from './settings-flags.ts'

const ROLES: readonly (readonly [name: RoleName, about: string])[] = [
  ['worker', 'run the tasks of its group: judge, decide, command'],
  ['projector', 'run the read model; get, explain, tail and policy read from it'],
  ['notifier', 'tell the sinks of the file of --config what a person should know'],
  ['agent', 'run the instances that the file of --config names, and heal them'],
]

export function addCluster(program: Command, context: Context, ending: Ending): void {
  sized(clusterFlags(reading(program.command('init').description(INIT))))
    .option('--dev', 'policies may enforce at once; marked in the genesis')
    .option(
      '--scale <n>',
      'of the latency histograms, for ever: 4 = P99 within 2.2 %, 5 = 1.1 % (default: 4)',
      whole(4, 5),
    )
    .option('--dry-run', 'say what would be made, make nothing')
    .option('--after-loss', 'journals are gone: begin those tasks anew, held until released')
    .option('--discard <task...>', 'with it: give up the broken journal of this task too')
    .addOption(
      new Option(
        '--from <where>',
        'with it: where inputs are read from (default: earliest)',
      ).choices(['earliest', 'latest']),
    )
    .option('--yes', 'with it: agreed to, do not ask')
    .action(async (flags: InitFlags) =>
      flags.afterLoss === true
        ? (await import('./commands/after-loss.ts')).afterLoss(context, flags)
        : (await import('./commands/init.ts')).init(context, flags),
    )
  addTopics(program, context, ending)
  addSchemas(program, context, ending)
  for (const [name, about] of ROLES)
    serverFlags(program.command(name).description(about)).action(
      async (flags: ClusterReadFlags) => {
        ending.code = await (await import('./commands/serve.ts')).serve(context, name, flags)
      },
    )
  const config = program.command('config').description('settings of a process')
  serverFlags(config.command('view').description('every effective value; no secret is among them'))
    .addOption(outputOption())
    .option('--show-origin', 'flag, variable, place in a file, or default')
    .action(async (flags: ConfigViewFlags) =>
      (await import('./commands/config.ts')).view(context, flags),
    )
}

const INIT = 'set a cluster up: topics, schemas where a registry is named, and genesis'

/** P and replication, where topics are made or compared. */
function sized(command: Command): Command {
  return command
    .option(
      '--partitions <n>',
      'of the co-partitioned topics, for ever (default: 12)',
      whole(1, 1_000),
    )
    .option(
      '--replicas <n>',
      'of each partition (default: 3, or the brokers there are)',
      whole(1, 10),
    )
}

function addTopics(program: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/topics.ts')
  const topics = program.command('topics').description('topics and their settings')
  sized(
    clusterFlags(topics.command('plan').description('what is missing or differs; changes nothing')),
  )
    .addOption(outputOption())
    .action(async (flags: TopicFlags) => {
      ending.code = await (await load()).plan(context, flags)
    })
  sized(clusterFlags(topics.command('check').description('every setting, and what is advised')))
    .addOption(outputOption())
    .action(async (flags: TopicFlags) => {
      ending.code = await (await load()).check(context, flags)
    })
}

function addSchemas(program: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/schemas.ts')
  const schemas = program.command('schemas').description('our schemas in a schema registry')
  clusterFlags(schemas.command('check').description('would it take them; registers nothing'))
    .addOption(outputOption())
    .action(async (flags: ClusterReadFlags) => {
      ending.code = await (await load()).check(context, flags)
    })
  clusterFlags(
    schemas.command('register').description('all versions, in order; harmless to repeat'),
  )
    .addOption(outputOption())
    .action(async (flags: ClusterReadFlags) => (await load()).register(context, flags))
}
