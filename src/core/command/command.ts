// Makes a command: one step for one agent, named by a hash of where it was decided and what it
// says, so that the same journal gives the same command and no two are taken for one.
import type { CommandAction } from '../../contracts/action.ts'
import { clusterId, commandId, taskId } from '../../contracts/ids.ts'
import type { Command } from '../../contracts/records.ts'
import { canonical, hex } from '../kernel/canonical.ts'
import type { CoreContext } from '../kernel/step.ts'

/** What the agent checks again before acting. */
export const PREDICATE = 'incarnation_is'

/** What decides about a command; the rest follows. */
export interface CommandDraft
  extends Pick<
    Command,
    | 'seq'
    | 'step_seq'
    | 'issued_at_ms'
    | 'expires_at_ms'
    | 'incident_id'
    | 'attempt'
    | 'policy'
    | 'policy_version'
    | 'policy_sha256'
    | 'mode'
    | 'behaviour'
    | 'lease_id'
  > {
  readonly action: CommandAction
  readonly args?: Command['args']
  /** Step of the plan, from 0. */
  readonly plan_step?: number
  readonly target: Omit<Command['target'], 'cluster_id' | 'host'>
}

/** `index`: place among the outputs of the step. `gen` and signature are put on at sealing. */
export function makeCommand(context: CoreContext, draft: CommandDraft, index: number): Command {
  const body = {
    ...draft,
    kid: null,
    signature: null,
    target: { ...draft.target, cluster_id: clusterId(context.clusterId), host: null },
    args: draft.args ?? {},
    task: taskId(context.taskId),
    gen: 0,
    predicate: PREDICATE,
    not_before_ms: draft.issued_at_ms,
    plan_step: draft.plan_step ?? 0,
  }
  const place = [context.clusterId, context.taskId, draft.step_seq, index, body]
  const digest = hex(context.sha256(canonical(place)))
  return { ...body, command_id: commandId(digest.slice(0, 32)) }
}
