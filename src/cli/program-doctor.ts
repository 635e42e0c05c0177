// `healstream doctor` and `healstream acls`, with their flags.
import { type Command, Option } from 'commander'
import { ROLES } from '../config/access.ts'
import type { AclsFlags, DoctorFlags } from './commands/doctor.ts'
import type { Context } from './context.ts'
import { type Ending, outputOption } from './options.ts'
import { clusterFlags } from './settings-flags.ts'

const GROUP = ['--group <name>', 'consumer group of the workers (default: healstream)'] as const

export function addDoctor(program: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/doctor.ts')
  const role = (about: string): Option => new Option('--role <role>', about).choices(ROLES)
  clusterFlags(program.command('doctor').description('what is wrong around a cluster, and the fix'))
    .addOption(role('ask too whether this client may do what the role needs'))
    .option(...GROUP)
    .addOption(outputOption())
    .action(async (flags: DoctorFlags) => {
      ending.code = await (await load()).doctor(context, flags)
    })
  program
    .command('acls')
    .description('what each role has to be allowed on the brokers, for kafka-acls')
    .addOption(role('only this one'))
    .option('--principal <name>', 'who it is allowed to (default: User:ROLE)')
    .option('--prefix <text>', 'before every topic name (default: hs.)')
    .option(...GROUP)
    .addOption(outputOption())
    .action(async (flags: AclsFlags) => (await load()).acls(context, flags))
}
