// What the workers of this user on this machine say of their tasks right now, which no journal can
// tell: how far a restore has come, and why a task stands. Who does not answer at once is left out.
import type { WorkerStatus } from '../roles/worker/worker.ts'
import { liveRuns, workersFolder } from '../runtime/run-file.ts'
import type { TaskState } from '../runtime/task-state.ts'
import type { TaskView } from '../runtime/task-view.ts'
import type { TaskStatus } from '../runtime/task.ts'
import { Client } from './client.ts'
import { findConnection } from './connection.ts'

const ANSWER_MS = 1_000

export type LiveTask = Pick<TaskStatus, 'task' | 'state' | 'restored' | 'reason'>

type Environment = Readonly<Record<string, string | undefined>>

/** By member. `clusterId`: workers of others are not asked for. */
export async function liveTasks(
  env: Environment,
  clusterId: string,
): Promise<ReadonlyMap<string, readonly LiveTask[]>> {
  const answers = await Promise.all(
    liveRuns(workersFolder(env)).map(async ({ url, token_file: tokenFile }) =>
      url === null ? null : await statusAt({ url, tokenFile }, env).catch(() => null),
    ),
  )
  const ours = answers.filter((one) => one?.clusterId === clusterId)
  return new Map(ours.flatMap((one) => (one === null ? [] : [[one.memberId, one.tasks]])))
}

export interface TaskRow extends TaskView {
  /** State of the task as its worker says; null: that could not be asked. */
  readonly live: TaskState | null
  /** 0 to 1 while it restores. */
  readonly restored: number | null
}

/**
 * With what the owner says, which counts more than the journal: a task that has stopped after it
 * had begun is the owner's there all the same.
 */
export function withLive(view: TaskView, live: ReadonlyMap<string, readonly LiveTask[]>): TaskRow {
  const found = live.get(view.owner ?? '')?.find(({ task }) => task === view.task)
  if (found === undefined) return { ...view, live: null, restored: null }
  const { state, restored, reason } = found
  const isKnown = view.condition === 'running' || view.condition === 'opening'
  const condition = !isKnown ? view.condition : state === 'Running' ? 'running' : 'opening'
  return { ...view, condition, live: state, restored, reason: view.reason ?? reason }
}

/** For people. */
export function stateText({ condition, live, restored }: TaskRow): string {
  if (condition !== 'opening' || live === null) return condition
  const percent = restored === null ? '' : ` ${Math.floor(restored * 100)} %`
  return live === 'Closed' ? 'stopped' : `${live.toLowerCase()}${percent}`
}

function statusAt(
  at: { readonly url: string; readonly tokenFile: string },
  env: Environment,
): Promise<WorkerStatus> {
  return new Client(findConnection(at, env)).get<WorkerStatus>('/v1/tasks', ANSWER_MS)
}
