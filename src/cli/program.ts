// The commands and their flags, and the one place where an error becomes words and an exit code.
// Each command loads its code only when it is called, so that `--help` is quick.
import { Command, CommanderError, Option } from 'commander'
import { refuseSecretArguments } from '../config/secrets.ts'
import { EXIT, HsError } from '../contracts/failure.ts'
import type { ExitCode } from '../contracts/failure.ts'
import type { DemoFlags } from './commands/demo.ts'
import type { GetFlags } from './commands/get.ts'
import type { ReasonFlags } from './commands/incident.ts'
import type { TailFlags } from './commands/tail.ts'
import type { Context, Output, ReadFlags } from './context.ts'
import { printable } from '../contracts/printable.ts'
import { printableJson, printableLines } from './printable.ts'
import { type Ending, outputOption, reading, span, whole } from './options.ts'
import { addCluster } from './program-cluster.ts'
import { addDoctor } from './program-doctor.ts'
import { addPolicies } from './program-policy.ts'
import { addEval } from './program-eval.ts'
import { addTasks } from './program-tasks.ts'
import { addSimulate } from './program-simulate.ts'
import { openTerminal } from './terminal.ts'
import type { Terminal } from './terminal.ts'
import { version } from './version.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Runs one command line (without `node` and the script) and says how it ended. Never throws. */
export async function run(argv: readonly string[], env: Environment): Promise<ExitCode> {
  const terminal = openTerminal(env)
  const ending: Ending = { code: EXIT.ok }
  const program = build({ terminal, env }, ending)
  try {
    refuseSecretArguments(argv)
    await program.parseAsync([...argv], { from: 'user' })
    return ending.code
  } catch (error) {
    return report(terminal, error, wantsJson(argv))
  }
}

/** Asked of the raw words, because errors of parsing are answered in the wanted form too. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, i) =>
      word === '-ojson' ||
      word === '--output=json' ||
      ((word === '-o' || word === '--output') && argv[i + 1] === 'json'),
  )
}

function report(terminal: Terminal, error: unknown, json: boolean): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
  // A group without its subcommand has printed its help already.
  if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage
  const { code, message, fix, exit } = asFailure(error)
  if (json) terminal.say(printableJson({ error: { code, message, fix } }, 0))
  else for (const line of [`${code}: ${message}`, fix].flatMap(printableLines)) terminal.say(line)
  return exit
}

const OPTION_FIX: string =
  'Options stand behind the whole command, as in `healstream get services -o json`; ' +
  'run the command with --help to see its own.'

function asFailure(error: unknown): HsError {
  if (error instanceof HsError) return error
  if (error instanceof CommanderError) {
    const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
    return error.code === 'commander.unknownOption'
      ? new HsError('HS_USAGE', text, { fix: OPTION_FIX })
      : new HsError('HS_USAGE', text)
  }
  const message = error instanceof Error ? error.message : String(error)
  return new HsError('HS_INTERNAL', printable(message), { cause: error })
}

function build(context: Context, ending: Ending): Command {
  const program = new Command('healstream')
  program
    .description('Self-healing control on Kafka: detect the fault, act within guards, prove why.')
    .version(`healstream ${version()}`, '--version', 'print the version')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXITS)
  addDemo(program, context, ending)
  addReading(program, context)
  addIncidents(program, context)
  addPolicies(program, context, ending)
  addCluster(program, context, ending)
  addDoctor(program, context, ending)
  addSimulate(program, context, ending)
  addEval(program, context, ending)
  addTasks(program, context, ending)
  program
    .command('version')
    .description('print the version')
    .addOption(outputOption())
    .action((flags: { readonly output: Output }) => {
      const found = { version: version(), node: process.versions.node }
      context.terminal.out(
        flags.output === 'json' ? printableJson(found, 2) : `healstream ${found.version}`,
      )
    })
  quiet(program)
  return program
}

const EXAMPLES = `Examples:
  npx healstream demo                       break a real service and watch it being healed
  npx healstream get services               (in a second terminal, while something runs)
  npx healstream explain incident latest    why it acted, or why it did not
  npx healstream policy lint FILE           check a policy before anybody else does
`

const EXITS = `
Exit codes: 0 done · 1 findings or failed · 2 usage or configuration · 3 cannot be reached ·
4 partly done · 130 interrupted. Data goes to stdout, everything else to stderr.`

/** Commander throws instead of exiting, and leaves the words about errors to \`report\`. */
function quiet(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined })
  for (const child of command.commands) quiet(child)
}

function addReading(program: Command, context: Context): void {
  const get = program.command('get').description('list what a running healstream knows')
  const load = async () => import('./commands/get.ts')
  const ofService = (command: Command): Command =>
    reading(command).option('--service <name>', 'only of this service')
  reading(get.command('services').description('services with health and windows')).action(
    async (flags: GetFlags) => (await load()).getServices(context, flags),
  )
  ofService(get.command('instances').description('instances with health and windows')).action(
    async (flags: GetFlags) => (await load()).getInstances(context, flags),
  )
  ofService(get.command('incidents').description('incidents, newest first'))
    .option('--open', 'only those that are not over')
    .action(async (flags: GetFlags) => (await load()).getIncidents(context, flags))
  ofService(get.command('commands').description('commands with their outcome')).action(
    async (flags: GetFlags) => (await load()).getCommands(context, flags),
  )
  reading(get.command('policies').description('policies, detector and guard sets')).action(
    async (flags: GetFlags) => (await load()).getPolicies(context, flags),
  )
  reading(program.command('tail').description('records of a topic as they come'))
    .argument('<topic>', 'telemetry, signals, incidents, commands, results, …')
    .addOption(
      new Option('--from <where>', 'where to begin')
        .choices(['earliest', 'latest'])
        .default('latest'),
    )
    .option('--limit <n>', 'end after so many records', whole(1, Number.MAX_SAFE_INTEGER))
    .option('--no-follow', 'end when everything there is has been shown')
    .action(async (topic: string, flags: TailFlags) =>
      (await import('./commands/tail.ts')).tail(context, topic, flags),
    )
}

function addIncidents(program: Command, context: Context): void {
  const load = async () => import('./commands/incident.ts')
  const describe = program.command('describe').description('show one thing whole')
  reading(describe.command('incident').description('what happened, in order'))
    .argument('<id>', 'incident id, `latest`, or `ops` for what happened to tasks')
    .action(async (id: string, flags: ReadFlags) => (await load()).describe(context, id, flags))
  const explain = program.command('explain').description('show why')
  reading(explain.command('instance', { isDefault: true }))
    .description('what is judged of an instance, and its health score stage by stage')
    .argument('<instance>', 'instance id; `explain shop-2` will do')
    .option('--service <name>', 'of this service')
    .action(async (name: string, flags: GetFlags) =>
      (await import('./commands/instance.ts')).explainInstance(context, name, flags),
    )
  reading(explain.command('incident').description('why it acted or did not, clause by clause'))
    .argument('<id>', 'incident id, or `latest`')
    .action(async (id: string, flags: ReadFlags) => (await load()).explain(context, id, flags))
  reading(explain.command('reason').description('the fewest records that were enough for it'))
    .argument('<id>', 'incident id, or `latest`')
    .option('--event <n>', 'number of the event (default: the last decision)', whole(1, 1e9))
    .option('--since <duration>', 'records from so long before it on (default: 65s)', span, 65_000)
    .action(async (id: string, flags: ReasonFlags) => (await load()).reason(context, id, flags))
}

function addDemo(program: Command, context: Context, ending: Ending): void {
  program
    .command('demo')
    .description(
      'break a real service and watch it being healed (embedded log, nothing to install)',
    )
    .addOption(
      new Option('--fault <kind>', 'what to do to one instance of `stock`')
        .choices(['crash', 'hang', 'errors', 'slow'])
        .default('crash'),
    )
    .option('--scenario <name>', 'play one of the scenarios instead; `list` says which there are')
    .option(
      '--brokers <list>',
      'on real Kafka: host:port,host:port; topics of its own, removed after',
    )
    .option('--config <file>', 'on real Kafka: settings with its brokers, TLS and SASL')
    .option('--headless', 'end when the incident closes; the last line is one JSON object')
    .addOption(outputOption())
    .addOption(
      new Option('--port <n>', 'port of the endpoint (0: a free one)')
        .default(0)
        .argParser(whole(0, 65_535)),
    )
    .option('--no-init', 'start without a genesis, as an operator who forgot `healstream init`')
    .addOption(
      new Option('--driver-exit-signal <switch>', 'may agents report exits of their children')
        .choices(['on', 'off'])
        .default('off'),
    )
    .addOption(
      new Option('--log-level <level>', 'log lines of the roles, on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('silent'),
    )
    .action(async (flags: DemoFlags) => {
      ending.code =
        flags.scenario === undefined
          ? await (await import('./commands/demo.ts')).demo(context, flags)
          : await (await import('./commands/scenario.ts')).playScenario(
              context,
              flags,
              flags.scenario,
            )
    })
}
