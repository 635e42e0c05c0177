// The life of one rung of a plan as a table, and its picture (S2-46, S0-46).
import { diagram, type Transitions } from '../kernel/machine.ts'

/**
 * `waiting`: the guards of the step are asked. `acting`: it was ordered and is not done. `holding`:
 * it was done; its gate has to hold. `verifying`: all steps are done and the effect is watched; of
 * a rolling rung the next instance follows (`waiting` again). `done`: it has helped. `failed`: it
 * has not, or could not be carried out; all it set is taken back.
 */
export type Phase = 'waiting' | 'acting' | 'holding' | 'verifying' | 'done' | 'failed'

export const PLAN_TABLE: Transitions<Phase> = {
  waiting: ['acting', 'verifying', 'failed'],
  acting: ['holding', 'waiting', 'verifying', 'failed'],
  holding: ['waiting', 'verifying', 'failed'],
  verifying: ['waiting', 'done', 'failed'],
  done: [],
  failed: [],
}

/** The table as a picture, for the documents. */
export const PLAN_DIAGRAM: string = diagram(PLAN_TABLE, 'waiting')
