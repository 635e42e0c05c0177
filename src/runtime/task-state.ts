// The life of a task in one table: the picture in docs/operations.md is printed from it, and a move
// that it does not have is a defect.
import type { Transitions } from '../core/kernel/machine.ts'

export type TaskState = 'Created' | 'Fencing' | 'Restoring' | 'Running' | 'Suspended' | 'Closed'

export const TASK_TRANSITIONS: Transitions<TaskState> = {
  Created: ['Fencing', 'Closed'],
  Fencing: ['Restoring', 'Fencing', 'Closed'],
  Restoring: ['Running', 'Fencing', 'Closed'],
  Running: ['Suspended', 'Fencing', 'Closed'],
  Suspended: ['Running', 'Fencing', 'Closed'],
  Closed: [],
}

/** What a state means to who looks on. */
export const TASK_STATES: Readonly<Record<TaskState, string>> = {
  Created: 'the group has given it to this worker; nothing was done yet',
  Fencing: 'takes the transactional id: whoever had the task before can commit nothing more',
  Restoring: 'reads snapshot and journal, steps what lies behind, compares every digest',
  Running: 'steps, decides, commits',
  Suspended: "steps nothing: the host's clock is more than 2 s away from the broker's",
  Closed: 'given back, or stopped for a reason that a person has to settle',
}
