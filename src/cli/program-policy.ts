// `healstream policy`: files of policies checked and tried without a run; versions in force read,
// compared, promoted and taken back.
import { type Command, Option } from 'commander'
import type { PolicyApplyFlags } from './commands/policy.ts'
import type { PolicyTestFlags } from './commands/policy-tools.ts'
import type { PromoteFlags, RollbackFlags } from './commands/policy-versions.ts'
import type { Context, Output, ReadFlags } from './context.ts'
import { type Ending, outputOption, reading, whole } from './options.ts'

const LADDER = ['observe', 'dry_run', 'canary', 'enforce']

const example = (...lines: readonly string[]): string =>
  ['', 'Examples:', ...lines.map((line) => `  npx healstream policy ${line}`)].join('\n')

export function addPolicies(program: Command, context: Context, ending: Ending): void {
  const policy = program.command('policy').description('policies, detector sets and guard sets')
  addFiles(policy, context, ending)
  addInForce(policy, context)
  addChanges(policy, context)
}

function addFiles(policy: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/policy.ts')
  const tools = async () => import('./commands/policy-tools.ts')
  policy
    .command('lint')
    .description('check files, reach for nothing')
    .argument('<file...>', 'YAML or JSON')
    .addOption(outputOption())
    .addHelpText('after', example('lint policies/*.yaml'))
    .action(async (files: string[], flags: { readonly output: Output }) => {
      ending.code = (await load()).lint(context, files, flags.output)
    })
  policy
    .command('test')
    .description('run tests of policies on the real core, in virtual time')
    .argument('<file...>', 'files of tests, in the shape of promtool')
    .addOption(outputOption())
    .option('--junit <file>', 'also write the outcomes as JUnit XML')
    .option('--coverage', 'fail when a clause was never true, or never false')
    .addHelpText('after', example('test tests/*.test.yaml --coverage --junit report.xml'))
    .action(async (files: string[], flags: PolicyTestFlags) => {
      ending.code = (await tools()).test(context, files, flags)
    })
  policy
    .command('schema')
    .description('the JSON Schema of a kind of document, for editors')
    .argument('<kind>', 'HealPolicy, DetectorSet, GuardSet, …')
    .addHelpText('after', example('schema HealPolicy > heal-policy.json'))
    .action(async (kind: string) => (await tools()).schema(context, kind))
}

function addInForce(policy: Command, context: Context): void {
  const load = async () => import('./commands/policy.ts')
  const versions = async () => import('./commands/policy-versions.ts')
  reading(policy.command('get').description('the policies in force'))
    .argument('[name]', 'only this one, with its document')
    .addHelpText('after', example('get', 'get restart-unhealthy'))
    .action(async (name: string | undefined, flags: ReadFlags) =>
      (await load()).get(context, name ?? null, flags),
    )
  reading(policy.command('explain').description('what a policy reads, when it matches, and now'))
    .argument('<name>', 'a HealPolicy in force')
    .addHelpText('after', example('explain restart-unhealthy'))
    .action(async (name: string, flags: ReadFlags) =>
      (await versions()).explain(context, name, flags),
    )
  reading(policy.command('diff').description('what differs, field by field'))
    .argument('<from>', 'a file, NAME in force, or NAME@VERSION')
    .argument('[to]', 'the same; without it a file is compared with what is in force')
    .addHelpText('after', example('diff policy.yaml', 'diff restart-unhealthy@2 restart-unhealthy'))
    .action(async (from: string, to: string | undefined, flags: ReadFlags) =>
      (await versions()).diff(context, [from, to ?? null], flags),
    )
}

function addChanges(policy: Command, context: Context): void {
  const load = async () => import('./commands/policy.ts')
  const versions = async () => import('./commands/policy-versions.ts')
  reading(policy.command('apply').description('check files and publish what they hold'))
    .argument('<file...>', 'YAML or JSON; several documents per file are fine')
    .option('--dry-run', 'say what would change, change nothing')
    .option('--again', 'publish unchanged documents too, for tasks that passed them by')
    .option('--comment <text>', 'kept with the new version')
    .addHelpText('after', example('apply policy.yaml --dry-run'))
    .action(async (files: string[], flags: PolicyApplyFlags) =>
      (await load()).apply(context, files, flags),
    )
  reading(policy.command('promote').description('the next rung: observe, dry_run, canary, enforce'))
    .argument('<name>', 'a HealPolicy in force')
    .addOption(new Option('--to <rung>', 'this rung; down is always allowed').choices(LADDER))
    .option('--service <name>', 'at this service alone')
    .option('--force', 'skip a rung; needs a reason')
    .option('--reason <text>', 'kept with the new version')
    .addHelpText('after', example('promote restart-unhealthy --to canary'))
    .action(async (name: string, flags: PromoteFlags) =>
      (await versions()).promote(context, name, flags),
    )
  reading(policy.command('rollback').description('publish an older version as a new one'))
    .argument('<name>', 'a document in force')
    .addOption(
      new Option('--to <version>', 'this version (default: the one before)').argParser(
        whole(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addHelpText('after', example('rollback restart-unhealthy', 'rollback careful --to 3'))
    .action(async (name: string, flags: RollbackFlags) =>
      (await versions()).rollback(context, name, flags),
    )
}
