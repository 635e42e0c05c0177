// `healstream tasks` and `healstream task resume`: tasks as journals and group tell of them, and
// the word of a person to one that has stopped.
import { createInspector } from '../../adapters/kafka/inspect.ts'
import { createSerde } from '../../adapters/serde/serde.ts'
import type { Decoder } from '../../contracts/decode.ts'
import { EXIT, type ExitCode, HsError } from '../../contracts/failure.ts'
import { registryAccessOf } from '../../roles/parts/access.ts'
import { systemClock } from '../../runtime/clock.ts'
import { resumeTask, specNamed } from '../../runtime/resume.ts'
import { type TaskMember, type TaskView, taskViews } from '../../runtime/task-view.ts'
import { type OpenCluster, withCluster } from '../cluster.ts'
import { confirm } from '../confirm.ts'
import { type Context, show } from '../context.ts'
import { operatorName } from '../operator-name.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'
import { age, table } from '../table.ts'
import { withPast } from '../task-past.ts'
import { liveTasks, stateText, type TaskRow, withLive } from '../worker-status.ts'

/** Exit code 1 when a task does not run. Errors: as withCluster. */
export function tasks(context: Context, flags: ClusterReadFlags): Promise<ExitCode> {
  return withCluster(context, flags, async (cluster) => {
    const { log, prefix, partitions, group } = cluster
    const found = await membersOf(cluster)
    const members = found?.members ?? null
    const [views, live] = await Promise.all([
      taskViews(log, { prefix, partitions, members }),
      liveTasks(context.env, cluster.clusterId),
    ])
    const whole = await withPast(views, { log, prefix, partitions, decoder: decoderOf(cluster) })
    const rows = whole.map((view) => withLive(view, live))
    const idle = rows.filter(({ condition }) => condition !== 'running')
    show(context, flags.output, {
      value: {
        cluster_id: cluster.clusterId,
        group,
        stable: found?.isStable ?? null,
        members: members?.map(memberJson) ?? null,
        tasks: rows.map(taskJson),
      },
      lines: () => [
        ...taskTable(rows, context.terminal.paint),
        ...rows.flatMap(({ task, reason }) => (reason === null ? [] : [`${task}: ${reason}`])),
      ],
      next: nextOf(idle),
    })
    if (flags.output === 'table') for (const line of talk(found, group)) context.terminal.say(line)
    return idle.some(({ condition }) => condition !== 'unknown') ? EXIT.findings : EXIT.ok
  })
}

/** Of what snapshots hold; null where the schema registry does not answer. */
function decoderOf({ resolved, prefix, clusterId }: OpenCluster): () => Promise<Decoder | null> {
  return async () => {
    const registry = registryAccessOf(resolved)
    const { cacheDir } = resolved.settings
    const ids = registry === null ? {} : { registry, cacheDir }
    return await createSerde({ ...ids, prefix, clusterId }).catch((error: unknown) => {
      if (error instanceof HsError) return null
      throw error
    })
  }
}

interface Members {
  readonly isStable: boolean
  readonly members: readonly TaskMember[]
}

/** null: the group may not be described. */
async function membersOf({ kafka, group }: OpenCluster): Promise<Members | null> {
  const inspector = createInspector(kafka)
  try {
    return await inspector.group(group)
  } finally {
    inspector.close()
  }
}

function talk(found: Members | null, group: string): readonly string[] {
  if (found === null) return [`who has what is not known: allow Describe on group ${group}`]
  const count = found.members.length
  const rounds = found.isStable || count === 0 ? '' : ', in a round just now'
  return [`group ${group}: ${count} ${count === 1 ? 'worker' : 'workers'}${rounds}`]
}

function nextOf(idle: readonly TaskView[]): readonly string[] {
  const [first] = idle
  if (first === undefined) return ['journal show --task s0']
  const { condition, task } = first
  if (condition === 'unowned') return ['worker']
  if (condition === 'broken') return ['journal verify']
  return [`journal show --task ${task}`]
}

const memberJson = ({ memberId, host, share }: TaskMember): object => {
  const { behaviour, format } = share
  return { member: memberId, host, supports: { behaviour, format } }
}

const taskJson = (row: TaskRow): object => {
  const { condition, lastEntryMs, live, ...rest } = row
  return { ...rest, state: condition, at_worker: live, last_entry_at_ms: lastEntryMs }
}

const taskTable = (
  rows: readonly TaskRow[],
  paint: Context['terminal']['paint'],
): readonly string[] =>
  table(rows, [
    { head: 'TASK', cell: (r) => r.task },
    {
      head: 'STATE',
      cell: stateText,
      paint: (text, r) => paint(r.condition === 'running' ? 'green' : 'red', text),
    },
    { head: 'GEN', cell: (r) => String(r.gen) },
    { head: 'SEQ', cell: (r) => String(r.seq) },
    { head: 'LAG', cell: (r) => `${r.lag}${r.behind ? ' behind' : ''}` },
    { head: 'BEHAVIOUR', cell: (r) => (r.behaviour === null ? '-' : String(r.behaviour)) },
    {
      head: 'LAST ENTRY',
      cell: (r) => (r.lastEntryMs === null ? '-' : age(r.lastEntryMs, Date.now())),
    },
    { head: 'OWNER', cell: (r) => ownerText(r) },
    { head: 'STANDBY', cell: (r) => standbyText(r) },
  ])

const name = (member: string): string => member.slice(-8)

function ownerText({ owner, host }: TaskView): string {
  return owner === null ? '-' : `${name(owner)} ${host ?? ''}`.trim()
}

function standbyText({ standby, coming }: TaskView): string {
  if (standby.length === 0) return '-'
  return standby.map((one) => `${name(one)}${coming.includes(one) ? ' (coming)' : ''}`).join(' ')
}

export interface ResumeFlags extends ClusterReadFlags {
  readonly acceptDivergence?: boolean
  readonly why?: string
  readonly who?: string
  readonly yes?: boolean
}

/** Errors: HS_USAGE without both flags or agreement, HS_NOT_FOUND, and those of resumeTask. */
export function resume(context: Context, task: string, flags: ResumeFlags): Promise<void> {
  return withCluster(context, flags, async ({ log, prefix, partitions }) => {
    specNamed(task, partitions)
    const why = flags.why ?? ''
    const who = operatorName(flags.who, context)
    const plan = [
      `${task}: what differs between its journal and this program is accepted for good, and so is`,
      'the loss of records that were deleted before they were used;',
      'whoever runs it is fenced; it goes on with the state as it is computed now.',
      `The journal will say: ${who}: ${why}`,
    ]
    const command = `task resume ${task} --accept-divergence --why TEXT`
    await confirm(context, { plan, word: task, command }, flags.yes === true)
    const how = { clock: systemClock, prefix, partitions, why, who }
    const { offset, lost } = await resumeTask(log, task, how)
    show(context, flags.output, {
      value: { task, offset, why, who, lost },
      lines: () => [
        ...lost.map((gap) => `${task}: ${gap.topic}-${gap.partition} goes on at ${gap.to}: lost`),
        `${task}: accepted at offset ${offset}; its worker begins it within 5 s`,
      ],
      next: ['tasks'],
    })
  })
}
