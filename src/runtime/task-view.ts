// Tasks as their journals tell of them, for people: who has fenced last, how far it has come, when
// it was heard of, and how much waits for it. Read from the ends of the journals, backwards as far
// as the last fence, so that a long journal costs no more than a short one.
import type { FenceEntry, InputPosition, JournalEntry, StepsEntry } from '../contracts/journal.ts'
import { topicName } from '../contracts/topics.ts'
import { HsError } from '../contracts/failure.ts'
import { type ChainedEntry, journalEnd, journalStart, readJournal } from './journal.ts'
import type { GroupShare, LogPort } from './ports.ts'
import type { TaskSpec } from './replay.ts'
import { allTasks } from './task-spec.ts'

/** Offsets looked at first; four times as many each time until a fence is among them. */
const FIRST_WINDOW = 64
const WINDOW_GROWTH = 4
/** A fence further back than this is not looked for. */
const LAST_WINDOW = 16_384

/** A member of the group that runs the tasks. */
export interface TaskMember {
  readonly memberId: string
  readonly host: string
  readonly share: GroupShare
}

export type TaskCondition =
  /** Its owner has fenced it and goes on. */
  | 'running'
  /** Its owner has not begun: it restores, or has stopped and says why in its log. */
  | 'opening'
  /** Nobody has it. */
  | 'unowned'
  /** The journal has no genesis, or cannot be read. */
  | 'broken'
  /** The group may not be asked who has it. */
  | 'unknown'

export interface TaskView {
  readonly task: string
  readonly condition: TaskCondition
  /** Member that has it now, and its host. */
  readonly owner: string | null
  readonly host: string | null
  readonly standby: readonly string[]
  /** Owners-to-be that catch up. */
  readonly coming: readonly string[]
  readonly gen: number
  /** How often it was begun at the place where it is. */
  readonly attempt: number
  readonly seq: number
  /** null: further back than was looked. */
  readonly behaviour: number | null
  readonly behind: boolean
  /** Records of its inputs that it has not journalled. */
  readonly lag: number
  /** Time of its last entry by the log, epoch ms; null for none. */
  readonly lastEntryMs: number | null
  readonly reason: string | null
}

export interface TaskViewOptions {
  readonly prefix: string
  readonly partitions: number
  /** null: not known. */
  readonly members: readonly TaskMember[] | null
}

/** By number. Errors: LogError of the log. */
export async function taskViews(
  log: LogPort,
  { prefix, partitions, members }: TaskViewOptions,
): Promise<readonly TaskView[]> {
  const views: TaskView[] = []
  for (const [number, spec] of allTasks(partitions).entries()) {
    const group = groupOf(number, members)
    const { member, ...told } = await fromJournal(log, spec, prefix)
    const condition = conditionOf({ ...told, ...group, member }, members)
    views.push({ task: spec.task, condition, ...group, ...told })
  }
  return views
}

type Group = Pick<TaskView, 'owner' | 'host' | 'standby' | 'coming'>

function groupOf(number: number, members: readonly TaskMember[] | null): Group {
  const having = (list: keyof Pick<GroupShare, 'tasks' | 'standby' | 'coming'>): TaskMember[] =>
    (members ?? []).filter(({ share }) => share[list].includes(number))
  const [owner] = having('tasks')
  const coming = having('coming').map(({ memberId }) => memberId)
  const standby = having('standby').map(({ memberId }) => memberId)
  return { owner: owner?.memberId ?? null, host: owner?.host ?? null, standby, coming }
}

type Told = Omit<TaskView, 'task' | 'condition' | keyof Group> & {
  /** Who has fenced last. */
  readonly member: string | null
}

function conditionOf(
  { owner, member, reason, lastEntryMs }: Told & Group,
  members: readonly TaskMember[] | null,
): TaskCondition {
  if (reason !== null || lastEntryMs === null) return 'broken'
  if (members === null) return 'unknown'
  if (owner === null) return 'unowned'
  return owner === member ? 'running' : 'opening'
}

const NOTHING: Told = {
  member: null,
  gen: 0,
  attempt: 0,
  seq: 0,
  behaviour: null,
  behind: false,
  lag: 0,
  lastEntryMs: null,
  reason: null,
}

async function fromJournal(log: LogPort, spec: TaskSpec, prefix: string): Promise<Told> {
  try {
    const entries = await tailOf(log, spec, prefix)
    const last = entries.at(-1)
    if (last === undefined)
      throw new HsError('HS_NO_GENESIS', `the journal of ${spec.task} is empty`)
    const fence = entries.findLast(({ entry }) => entry.kind === 'fence')?.entry
    const told = { ...NOTHING, ...ofFence(fence), lastEntryMs: last.atMs }
    const steps = entries.flatMap(({ entry }) => (entry.kind === 'steps' ? entry.steps : []))
    const step = steps.at(-1)
    const behaviour = entries
      .map(({ entry }) => (entry.kind === 'upgrade' || entry.kind === 'genesis' ? entry : null))
      .findLast((entry) => entry !== null)?.behaviour
    const after = (before: readonly number[], { entry }: ChainedEntry): readonly number[] =>
      positionsAfter(entry, spec, before)
    const lag = await lagOf(log, { spec, prefix, positions: entries.reduce(after, []) })
    return {
      ...told,
      behaviour: behaviour ?? null,
      seq: step?.seq ?? 0,
      behind: step?.behind ?? false,
      lag,
    }
  } catch (error) {
    if (!(error instanceof HsError)) throw error
    return { ...NOTHING, reason: `${error.code}: ${error.message}` }
  }
}

function ofFence(entry: ChainedEntry['entry'] | undefined): Partial<Told> {
  if (entry?.kind !== 'fence') return {}
  const { member, gen, attempt }: FenceEntry = entry
  return { member, gen, attempt }
}

/** Entries from the last fence, or from as far back as is looked, to the end. */
async function tailOf(
  log: LogPort,
  spec: TaskSpec,
  prefix: string,
): Promise<readonly ChainedEntry[]> {
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const [start, end] = [await journalStart(log, at), await journalEnd(log, at)]
  for (let window = FIRST_WINDOW; ; window *= WINDOW_GROWTH) {
    const from = Math.max(start, end - window)
    const entries: ChainedEntry[] = []
    if (from < end) for await (const one of readJournal(log, at, { from })) entries.push(one)
    const isFound = entries.some(({ entry }) => entry.kind === 'fence')
    if (isFound || from === start || window >= LAST_WINDOW) return entries
  }
}

/** Where each input stands after an entry, by input; −1: not told by any up to here. */
export function positionsAfter(
  entry: JournalEntry,
  { inputs }: TaskSpec,
  before: readonly number[],
): readonly number[] {
  const positions = inputs.map((_, i) => before[i] ?? -1)
  const move = ({ topic, partition, offset }: InputPosition): void => {
    const i = inputs.findIndex((input) => input.topic === topic && input.partition === partition)
    if (i >= 0) positions[i] = offset
  }
  if (entry.kind === 'genesis' || entry.kind === 'fence') entry.positions.forEach(move)
  else if (entry.kind === 'steps') slicesOf(entry).forEach(move)
  else if (entry.kind === 'skip') move({ ...entry.record, offset: entry.record.offset + 1 })
  else if (entry.kind === 'gap') move({ ...entry, offset: entry.to })
  return positions
}

function slicesOf({ steps }: StepsEntry): readonly InputPosition[] {
  return steps.flatMap(({ slices }) =>
    slices.map(({ topic, partition, to }) => ({ topic, partition, offset: to })),
  )
}

/** Markers of transactions take offsets too: of what transactions write it is an upper bound. */
async function lagOf(
  log: LogPort,
  {
    spec,
    prefix,
    positions,
  }: {
    readonly spec: TaskSpec
    readonly prefix: string
    readonly positions: readonly number[]
  },
): Promise<number> {
  const places = spec.inputs.map(({ topic, partition }) => ({
    topic: topicName(topic, prefix),
    partition,
  }))
  const admin = log.admin()
  try {
    const ends = await admin.offsets(places, 'latest', 'read_committed')
    return ends.reduce((sum, end, i) => {
      const position = positions[i] ?? -1
      return position < 0 ? sum : sum + Math.max(0, end - position)
    }, 0)
  } finally {
    await admin.close()
  }
}
