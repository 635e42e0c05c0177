// `healstream topics plan|check`: the topics as they are against what they have to be. Many
// clusters do not let clients create topics: the plan is what to ask their owners for.
import { resolveSettings } from '../../config/settings.ts'
import { EXIT } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { kafkaOptionsOf } from '../../roles/parts/access.ts'
import { connectTo } from '../../roles/parts/parts.ts'
import { planTopics } from '../../roles/parts/topic-plan.ts'
import type { TopicPlan } from '../../roles/parts/topic-plan.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { LogPort, TopicSetup } from '../../runtime/ports.ts'
import { forPeople } from '../../runtime/reaction.ts'
import type { TopicFinding } from '../../runtime/topic-check.ts'
import { show } from '../context.ts'
import type { Context } from '../context.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'
import { table } from '../table.ts'

export interface TopicFlags extends ClusterReadFlags {
  readonly partitions?: number
  readonly replicas?: number
}

/** Calls `use` with what is known of the topics. Errors: HS_CONFIG, HS_LOG. */
export async function withPlan<T>(
  context: Context,
  flags: TopicFlags,
  use: (plan: TopicPlan, log: LogPort) => Promise<T> | T,
): Promise<T> {
  const resolved = resolveSettings(flags, context.env)
  const log = connectTo(resolved, 'operator')
  try {
    const { prefix } = resolved.settings
    const options = kafkaOptionsOf(resolved, { clock: systemClock })
    const { partitions, replicas } = flags
    return await use(await planTopics(log, options, { prefix, partitions, replicas }), log)
  } catch (error) {
    throw forPeople(error)
  } finally {
    await log.close()
  }
}

/** Exit code 1 when something is missing or differs. */
export function plan(context: Context, flags: TopicFlags): Promise<ExitCode> {
  return withPlan(context, flags, (found) => {
    const changes = found.findings.filter(({ severity }) => severity !== 'advice')
    const missing = missingOf(found)
    const differs = changes.filter(({ severity }) => severity === 'differs')
    show(context, flags.output, {
      value: { ...headOf(found), create: missing, differs: differs.map(toJson) },
      lines: () => [
        ...(missing.length === 0 ? [] : creationTable(missing)),
        ...(differs.length === 0 ? [] : ['', ...findingTable(differs, context.terminal.paint)]),
      ],
      next: missing.length === 0 ? [] : ['init --brokers …'],
    })
    if (flags.output === 'table')
      context.terminal.say(
        `${count(found, changes)} of ${found.setups.length} topics are as planned`,
      )
    return changes.length === 0 ? EXIT.ok : EXIT.findings
  })
}

/** Exit code 1 with anything that has to be changed; advice alone is 0. */
export function check(context: Context, flags: TopicFlags): Promise<ExitCode> {
  return withPlan(context, flags, (found) => {
    const { findings } = found
    const wrong = findings.filter(({ severity }) => severity !== 'advice')
    show(context, flags.output, {
      value: { ...headOf(found), findings: findings.map(toJson) },
      lines: () => (findings.length === 0 ? [] : findingTable(findings, context.terminal.paint)),
      next: wrong.some(({ severity }) => severity === 'missing') ? ['topics plan'] : [],
    })
    if (flags.output === 'table') {
      const advice = findings.length - wrong.length
      context.terminal.say(`${wrong.length} to be changed, ${advice} pieces of advice`)
      if (found.brokers < 3)
        context.terminal.say('a cluster of fewer than three brokers stops when one is lost')
    }
    return wrong.length === 0 ? EXIT.ok : EXIT.findings
  })
}

function count({ setups }: TopicPlan, changes: readonly TopicFinding[]): number {
  return setups.length - new Set(changes.map(({ topic }) => topic)).size
}

/** What has to be made. */
export function missingOf({ setups, findings }: TopicPlan): readonly TopicSetup[] {
  const names = new Set(findings.filter((one) => one.severity === 'missing').map((f) => f.topic))
  return setups.filter(({ topic }) => names.has(topic))
}

export function headOf({
  clusterId,
  brokers,
  partitions,
  replicas,
  hasGenesis,
}: TopicPlan): object {
  return { cluster_id: clusterId, brokers, partitions, replicas, genesis: hasGenesis }
}

/** Kafka's own names for settings, ours for the rest. */
const toJson = ({ severity, ...rest }: TopicFinding): object => ({ ...rest, state: severity })

export const creationTable = (rows: readonly TopicSetup[]): readonly string[] =>
  table(rows, [
    { head: 'CREATE', cell: (r) => r.topic },
    { head: 'PARTITIONS', cell: (r) => String(r.partitions) },
    { head: 'REPLICAS', cell: (r) => String(r.replicas ?? '') },
    {
      head: 'SETTINGS',
      cell: (r) =>
        Object.entries(r.config)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
    },
  ])

const findingTable = (
  rows: readonly TopicFinding[],
  paint: Context['terminal']['paint'],
): readonly string[] =>
  table(rows, [
    { head: 'TOPIC', cell: (r) => r.topic },
    {
      head: 'STATE',
      cell: (r) => r.severity,
      paint: (text, r) => paint(r.severity === 'advice' ? 'yellow' : 'red', text),
    },
    { head: 'SETTING', cell: (r) => r.field ?? '-' },
    { head: 'FOUND', cell: (r) => r.found ?? '-' },
    { head: 'EXPECTED', cell: (r) => r.expected ?? '-' },
    { head: 'BECAUSE', cell: (r) => r.why },
  ])
