// `healstream simulate` with its flags.
import { type Command, Option } from 'commander'
import type { SimulateFlags } from './commands/simulate.ts'
import type { Context } from './context.ts'
import { type Ending, outputOption, whole } from './options.ts'

const SEED_MAX = 2_147_483_647

export function addSimulate(program: Command, context: Context, ending: Ending): void {
  const count = (flags: string, about: string, max: number): Option =>
    new Option(flags, about).argParser(whole(1, max))
  program
    .command('simulate')
    .description('a whole cluster in virtual time, with faults by seed, checked (needs nothing)')
    .addOption(count('--seed <n>', 'everything random comes from it', SEED_MAX).default(1))
    .addOption(count('--seeds <n>', 'so many, from --seed on', 1_000_000).default(1))
    .option('--for <duration>', 'simulated time of each seed', '120s')
    .addOption(count('--workers <n>', 'workers (default: by seed, 2 or 3)', 5))
    .addOption(count('--partitions <n>', 'partitions (default: by seed, 1 or 2)', 12))
    .option('--trace', 'say everything that happens, on stderr')
    .addOption(outputOption())
    .action(async (flags: SimulateFlags) => {
      ending.code = await (await import('./commands/simulate.ts')).simulate(context, flags)
    })
}
