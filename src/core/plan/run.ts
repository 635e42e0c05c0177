// One rung of a plan under way: which step, what it has ordered, since when. Pure moves along the
// table; who carries the steps out tells it what became of them.
import {
  agentId,
  type AgentId,
  commandId,
  type CommandId,
  instanceId,
  type InstanceId,
  policyName,
} from '../../contracts/ids.ts'
import { ACTIONS, type ActionName } from '../../contracts/action.ts'
import type { PlanStep, Rung } from '../../contracts/plan.ts'
import type { PolicyRef } from '../../contracts/records.ts'
import { present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { go } from '../kernel/machine.ts'
import { type Phase, PLAN_TABLE } from './machine.ts'

/** `vague`: it may have been done or not. */
export type CallState = 'open' | 'done' | 'vague' | 'failed'
const CALL_STATES: Readonly<Record<CallState, true>> = {
  open: true,
  done: true,
  vague: true,
  failed: true,
}

/** A command of a step. */
export interface Ordered {
  readonly id: CommandId
  readonly agent: AgentId
  readonly agentEpoch: number
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

/** One action of the step under way. */
export interface Call {
  readonly action: ActionName
  /** null: the service as a whole. */
  readonly instance: InstanceId | null
  /** null: the task itself does it. */
  readonly command: Ordered | null
  /** Log time at which it is over without an answer. */
  readonly untilMs: number
  state: CallState
}

export interface Run {
  readonly policy: PolicyRef
  readonly rung: number
  readonly verifyMs: number
  phase: Phase
  /** Log time at which the phase began. */
  phaseMs: number
  step: number
  /** Log time at which it became the turn of the step. */
  stepMs: number
  /** The gate of the step has been open since it was done. */
  gateHeld: boolean
  /** A failure edge led back to this step, after which the rung has failed. */
  retreats: boolean
  calls: Call[]
  /** Instances of a rolling rung still to be done, the one under way first; else its target. */
  targets: InstanceId[]
  /** Incarnation of the target as its turn came. */
  incarnation: number
  /** Something was done whose effect can be seen in how it is. */
  wantsWell: boolean
  /** Its acts need a new incarnation to have an effect. */
  wantsAnew: boolean
  /** Every act was confirmed. */
  certain: boolean
}

export function newRun(
  at: Pick<Run, 'policy' | 'rung' | 'verifyMs' | 'targets' | 'incarnation'>,
  nowMs: number,
): Run {
  return {
    ...at,
    phase: 'waiting',
    phaseMs: nowMs,
    step: 0,
    stepMs: nowMs,
    gateHeld: false,
    retreats: false,
    calls: [],
    wantsWell: false,
    wantsAnew: false,
    certain: true,
  }
}

export function stepOf(run: Run, rung: Rung): PlanStep {
  return present(rung.steps[run.step], 'the step of a run')
}

/** The step was ordered. */
export function begin(run: Run, calls: Call[], nowMs: number): void {
  move(run, 'acting', nowMs)
  run.calls = calls
}

/** How a call ended; those that ended before stay as they are. */
export function settle(run: Run, call: Call, state: Exclude<CallState, 'open'>): void {
  if (call.state === 'open' || (call.state === 'vague' && state !== 'vague')) call.state = state
  if (call.state !== 'done') run.certain = false
  else run.certain = run.calls.every((one) => one.state === 'done')
}

/** Once no call of the step is open: on to its gate, to the next step, or along a failure edge. */
export function afterCalls(run: Run, rung: Rung, nowMs: number): void {
  if (run.phase !== 'acting' || run.calls.some(({ state }) => state === 'open')) return
  for (const { action } of run.calls) {
    const { effect } = ACTIONS[action]
    if (effect === 'new_incarnation') run.wantsAnew = true
    if (effect !== 'nothing') run.wantsWell = true
  }
  const step = stepOf(run, rung)
  const isLast = next(run, step) >= rung.steps.length
  // The effect of the last step is watched; that of an earlier one nobody would see.
  const isVague = run.calls.some(({ state }) => state === 'vague') && !isLast
  if (run.calls.some(({ state }) => state === 'failed') || isVague) fail(run, rung, nowMs)
  else if (run.retreats) move(run, 'failed', nowMs)
  else if (step.holdMs > 0 || step.gate !== null) {
    run.gateHeld = false
    move(run, 'holding', nowMs)
  } else succeed(run, rung, nowMs)
}

/** Time at which the hold of the step is over. */
export function holdEndsMs(run: Run, rung: Rung): number {
  return run.phaseMs + stepOf(run, rung).holdMs
}

/** What its condition says now; `unknown`: what it reads is not known. */
export type Gate = 'open' | 'closed' | 'unknown'

/**
 * The gate has to be open when the hold is over, and must not close once it was; that of a step
 * without one is always open.
 */
export function afterHold(run: Run, rung: Rung, at: { nowMs: number; gate: Gate }): void {
  if (run.phase !== 'holding') return
  const { nowMs, gate } = at
  const isOver = nowMs >= holdEndsMs(run, rung)
  if (gate === 'open') run.gateHeld = true
  const hasClosed = gate === 'closed' && run.gateHeld
  if (hasClosed || (isOver && gate !== 'open')) fail(run, rung, nowMs)
  else if (isOver) succeed(run, rung, nowMs)
}

/** The failure edge of the step. */
export function fail(run: Run, rung: Rung, nowMs: number): void {
  const { onFailure } = stepOf(run, rung)
  if (onFailure === 'next' && !run.retreats) return succeed(run, rung, nowMs)
  if (typeof onFailure !== 'number' || run.retreats) return move(run, 'failed', nowMs)
  run.retreats = true
  enter(run, onFailure, nowMs)
}

/** Nothing more is done; what was, is verified. */
export function finish(run: Run, nowMs: number): void {
  run.targets = run.targets.slice(0, 1)
  move(run, 'verifying', nowMs)
}

/** The whole rung is over, whatever was under way. */
export function abort(run: Run, nowMs: number): void {
  move(run, 'failed', nowMs)
}

/**
 * The effect was seen: of a rolling rung the next instance follows. `isLast`: nothing else is
 * waited for behind the last one.
 */
export function verified(run: Run, nowMs: number, isLast: boolean = true): void {
  run.targets = run.targets.slice(1)
  if (run.targets.length === 0) {
    if (isLast) move(run, 'done', nowMs)
    return
  }
  run.wantsWell = false
  run.wantsAnew = false
  run.certain = true
  enter(run, 0, nowMs)
}

function next(run: Run, step: PlanStep): number {
  return step.onSuccess ?? run.step + 1
}

function succeed(run: Run, rung: Rung, nowMs: number): void {
  const to = next(run, stepOf(run, rung))
  if (to >= rung.steps.length) move(run, 'verifying', nowMs)
  else enter(run, to, nowMs)
}

function enter(run: Run, step: number, nowMs: number): void {
  move(run, 'waiting', nowMs)
  run.step = step
  run.stepMs = nowMs
  run.calls = []
}

function move(run: Run, to: Phase, nowMs: number): void {
  // A step that cannot even begin leads back to another one, which waits as well.
  if (run.phase !== 'waiting' || to !== 'waiting') run.phase = go(PLAN_TABLE, run.phase, to)
  run.phaseMs = nowMs
}

export function saveRun(run: Run, to: ImageWriter): void {
  const { policy, targets, calls } = run
  to.text(policy.name).number(policy.version).text(policy.sha256)
  to.int(run.rung).number(run.verifyMs).text(run.phase).number(run.phaseMs)
  to.int(run.step).number(run.stepMs).flag(run.gateHeld).flag(run.retreats)
  to.texts(targets).number(run.incarnation)
  to.flag(run.wantsWell).flag(run.wantsAnew).flag(run.certain)
  to.int(calls.length)
  for (const { action, instance, command, untilMs, state } of calls) {
    to.text(action).textOrNull(instance).number(untilMs).text(state)
    to.flag(command !== null)
    if (command === null) continue
    to.text(command.id).text(command.agent).number(command.agentEpoch)
    to.number(command.issuedAtMs).number(command.expiresAtMs)
  }
}

export function loadRun(from: ImageReader): Run {
  return {
    policy: { name: policyName(from.text()), version: from.number(), sha256: from.text() },
    rung: from.int(),
    verifyMs: from.number(),
    phase: from.oneOf(PLAN_TABLE),
    phaseMs: from.number(),
    step: from.int(),
    stepMs: from.number(),
    gateHeld: from.flag(),
    retreats: from.flag(),
    targets: from.texts().map((text) => instanceId(text)),
    incarnation: from.number(),
    wantsWell: from.flag(),
    wantsAnew: from.flag(),
    certain: from.flag(),
    calls: from.list(() => loadCall(from)),
  }
}

function loadCall(from: ImageReader): Call {
  const action = from.oneOf(ACTIONS)
  const instance = from.textOrNull()
  const untilMs = from.number()
  const state = from.oneOf(CALL_STATES)
  const command = from.flag() ? loadOrdered(from) : null
  return {
    action,
    instance: instance === null ? null : instanceId(instance),
    command,
    untilMs,
    state,
  }
}

function loadOrdered(from: ImageReader): Ordered {
  return {
    id: commandId(from.text()),
    agent: agentId(from.text()),
    agentEpoch: from.number(),
    issuedAtMs: from.number(),
    expiresAtMs: from.number(),
  }
}
