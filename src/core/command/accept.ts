// What an agent checks before it acts, in this order, the first failure decides, doubt refuses
// (reliability 4.2). Pure: what the agent knows comes in as a view. The signature is checked
// before, where the key is.
//
//   size and schema → action known → arguments → target: cluster, agent, epoch, instance → in the
//   ledger already → the driver can do it → incarnation → clock: not too early, not expired → gen
//   → seq → one act at a time per instance
//
// The ledger is asked right after the target: a command that was done is answered with its result
// again even though it is expired by now and its own restart has changed the incarnation.
import {
  type ActionName,
  actionOfCommand,
  COMMAND_ACTIONS,
  type CommandAction,
  wireArgsProblem,
} from '../../contracts/action.ts'
import { idProblem } from '../../contracts/ids.ts'
import type { Command } from '../../contracts/records.ts'
import { PREDICATE } from './command.ts'

/** What the agent knows when the command arrives. */
export interface AgentView {
  readonly clusterId: string
  readonly agent: string
  readonly agentEpoch: number
  /** Broker time as the agent knows it, or null before its first record was appended. */
  readonly nowMs: number | null
  /** The instance beside this agent, or null. */
  readonly instance: (service: string, instance: string) => { readonly incarnation: number } | null
  /** From the ledger. */
  readonly command: (id: string) => 'absent' | 'started' | 'done'
  /** What stands beside the agent can carry it out (S0-43). */
  readonly can: (action: ActionName, service: string, instance: string) => boolean
  /** Highest gen and seq of the task a command was begun with; zeros for one never heard. */
  readonly seen: (task: string) => { readonly gen: number; readonly seq: number }
  /** An act on the instance is under way. */
  readonly busy: (service: string, instance: string) => boolean
}

/** Codes of refusals, as they stand in `CommandResult.refusal`. */
export type RefusalCode =
  | 'malformed'
  | 'unknown_action'
  | 'unsupported'
  | 'wrong_cluster'
  | 'wrong_agent'
  | 'wrong_epoch'
  | 'unknown_instance'
  | 'wrong_incarnation'
  | 'clock_unknown'
  | 'too_early'
  | 'expired'
  | 'old_gen'
  | 'old_seq'
  | 'busy'

export type Accept =
  | { readonly verdict: 'act'; readonly action: CommandAction }
  /** Done before: its result is to be sent again. */
  | { readonly verdict: 'answer_again' }
  /** Begun before and not known to have ended: never repeated. */
  | { readonly verdict: 'doubtful' }
  | { readonly verdict: 'refuse'; readonly code: RefusalCode; readonly detail: string }

/** A task may be this much ahead of the agent's idea of the broker's time. */
export const EARLY_TOLERANCE_MS = 2_000
/** No command is valid for longer than this. */
export const VALIDITY_MAX_MS = 3_600_000

const refuse = (code: RefusalCode, detail: string): Accept => ({ verdict: 'refuse', code, detail })

function malformed(command: Command): string | null {
  const { target } = command
  const ids = [command.command_id, command.task, command.incident_id, command.policy]
  for (const id of [...ids, target.cluster_id, target.service, target.instance, target.agent]) {
    const problem = idProblem(id)
    if (problem !== null) return `an id ${problem}`
  }
  const counts = [command.gen, command.seq, command.attempt, target.incarnation, target.agent_epoch]
  const times = [command.issued_at_ms, command.not_before_ms, command.expires_at_ms]
  if (![...counts, ...times].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return 'a count or time is not a whole number'
  }
  if (command.gen < 1 || command.seq < 1) return 'gen and seq count from 1'
  if (command.expires_at_ms <= command.not_before_ms) return 'it expires before it begins'
  if (command.expires_at_ms - command.issued_at_ms > VALIDITY_MAX_MS) return 'it is valid too long'
  if (command.mode !== 'enforce' && command.mode !== 'canary') return `mode ${command.mode}`
  if (command.predicate !== null && command.predicate !== PREDICATE) return 'unknown predicate'
  return null
}

/**
 * A deregistration names the incarnation that failed and leaves a later one alone, so that it may
 * run beside a restart, before or after it (S1-42); anything else is for the one that is there.
 */
function fits(action: CommandAction, wanted: number, found: number): boolean {
  return action === 'deregister' ? wanted <= found : wanted === found
}

/** Refused because it is not for this agent, or null. */
function misdirected({ target }: Command, view: AgentView): Accept | null {
  if (target.cluster_id !== view.clusterId) {
    return refuse('wrong_cluster', `for cluster ${target.cluster_id}, this is ${view.clusterId}`)
  }
  if (target.agent !== view.agent) {
    return refuse('wrong_agent', `for agent ${target.agent}, this is ${view.agent}`)
  }
  if (target.agent_epoch !== view.agentEpoch) {
    const detail = `for epoch ${target.agent_epoch}, this is epoch ${view.agentEpoch}`
    return refuse('wrong_epoch', detail)
  }
  return null
}

function untimely(command: Command, nowMs: number | null): Accept | null {
  if (nowMs === null) return refuse('clock_unknown', 'the time of the broker is not known yet')
  if (command.not_before_ms > nowMs + EARLY_TOLERANCE_MS) {
    return refuse('too_early', `begins in ${command.not_before_ms - nowMs} ms`)
  }
  if (nowMs >= command.expires_at_ms) {
    return refuse('expired', `expired ${nowMs - command.expires_at_ms} ms ago`)
  }
  return null
}

export function acceptCommand(command: Command, view: AgentView): Accept {
  const broken = malformed(command)
  if (broken !== null) return refuse('malformed', broken)
  const name = actionOfCommand(command.action)
  const action = COMMAND_ACTIONS.find((known) => known === command.action)
  if (name === null || action === undefined)
    return refuse('unknown_action', `action ${command.action}`)
  const wrong = wireArgsProblem(name, command.args)
  if (wrong !== null) return refuse('malformed', wrong)
  const elsewhere = misdirected(command, view)
  if (elsewhere !== null) return elsewhere
  const { service, instance, incarnation } = command.target
  const found = view.instance(service, instance)
  // One that is to begin here need not be here yet.
  if (found === null && action !== 'reschedule')
    return refuse('unknown_instance', `${service}/${instance} is not here`)
  const known = view.command(command.command_id)
  if (known === 'done') return { verdict: 'answer_again' }
  if (known === 'started') return { verdict: 'doubtful' }
  if (!view.can(name, service, instance))
    return refuse('unsupported', `${action} cannot be done with what runs ${service}/${instance}`)
  if (found !== null && !fits(action, incarnation, found.incarnation)) {
    const detail = `for incarnation ${incarnation}, found ${found.incarnation}`
    return refuse('wrong_incarnation', detail)
  }
  const late = untimely(command, view.nowMs)
  if (late !== null) return late
  const seen = view.seen(command.task)
  if (command.gen < seen.gen) return refuse('old_gen', `gen ${command.gen}, seen ${seen.gen}`)
  if (command.seq <= seen.seq) return refuse('old_seq', `seq ${command.seq}, seen ${seen.seq}`)
  if (action !== 'deregister' && view.busy(service, instance))
    return refuse('busy', 'an act on the instance is under way')
  return { verdict: 'act', action }
}
