// Names and times that both sides of the fleet protocol use.
import { type TaskId, taskId } from '../../contracts/ids.ts'

/** First behaviour with pulses and leases. */
export const BEHAVIOUR_FLEET = 2
/** A pulse, or a reading of observations, older than this is no knowledge of now. */
export const PULSE_STALE_MS = 5_000
/** Between two pulses or observations while something changes. */
export const BUSY_EVERY_MS = 1_000
/** The same while nothing does. */
export const QUIET_EVERY_MS = 10_000
/** Many who were only unheard are left alone for so long after; they need not recover. */
export const UNHEARD_CALM_MS = 15_000

export function serviceTask(partition: number): TaskId {
  return taskId(`s${partition}`)
}

/** Key of what goes between the fleet task and a service task. */
export function taskKey(task: string): string {
  return `task:${task}`
}
