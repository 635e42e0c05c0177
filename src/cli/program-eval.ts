// `healstream eval` with its commands and flags.
import { type Command, Option } from 'commander'
import { EXPERIMENTS, RUNS_WHOLE } from '../roles/evaluate/campaign/plan.ts'
import type { CampaignFlags, DetectorsFlags } from './commands/eval.ts'
import type { JitterFlags } from './commands/eval-jitter.ts'
import type { Context } from './context.ts'
import { type Ending, outputOption, whole } from './options.ts'

const SEED_MAX = 2_147_483_647
const SEEDS_DEFAULT = 20
const JITTER_SEEDS = 5

export function addEval(program: Command, context: Context, ending: Ending): void {
  const load = async () => import('./commands/eval.ts')
  const evaluate = program
    .command('eval')
    .description('how well it detects and acts, measured on what a seed makes (needs nothing)')
  const count = (flags: string, about: string, max: number): Option =>
    new Option(flags, about).argParser(whole(1, max))
  const seed = (): Option =>
    count('--seed <n>', 'everything random comes from it', SEED_MAX).default(1)
  evaluate
    .command('detectors')
    .description('detectors on labelled traces, the best fixed threshold beside them')
    .addOption(seed())
    .addOption(count('--seeds <n>', 'so many, from --seed on', 10_000).default(SEEDS_DEFAULT))
    .addOption(outputOption())
    .action(async (flags: DetectorsFlags) => {
      ending.code = await (await load()).detectors(context, flags)
    })
  evaluate
    .command('jitter')
    .description('false alarms over a bad network on which nothing is wrong')
    .addOption(seed())
    .addOption(count('--seeds <n>', 'so many, from --seed on', 10_000).default(JITTER_SEEDS))
    .addOption(outputOption())
    .action(async (flags: JitterFlags) => {
      ending.code = await (await import('./commands/eval-jitter.ts')).jitters(context, flags)
    })
  evaluate
    .command('campaign')
    .description('thousands of faults in simulated fleets: what is healed, and what is harmed')
    .addOption(seed())
    .addOption(
      count('--runs <n>', 'runs of each experiment, from --seed on', 10_000).default(RUNS_WHOLE),
    )
    .addOption(new Option('--experiment <name>', 'only this one').choices(EXPERIMENTS))
    .option('--trace', 'say every fault and every decision, on stderr')
    .addOption(outputOption())
    .action(async (flags: CampaignFlags) => {
      ending.code = await (await load()).campaigns(context, flags)
    })
}
