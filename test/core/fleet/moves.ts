// What can happen to the model, one thing at a time, with a bound on each kind of thing.
import type { Move } from './explore.ts'
import {
  advance,
  fleetReads,
  fleetRestarts,
  type Model,
  type TaskStep,
  taskSteps,
  wants,
} from './model.ts'

/** What may still happen. */
export interface Left {
  /** Times log time goes on by `TICK_MS`, */
  readonly ticks: number
  /** and times it jumps by `JUMP_MS`. */
  readonly jumps: number
  /** Commands that will be wanted, by task. */
  readonly needs: readonly number[]
  readonly restarts: number
}

export interface World {
  readonly model: Model
  readonly left: Left
}

export const TICK_MS = 30_000
export const JUMP_MS = 300_000

export function keyOf({ model, left }: World): string {
  const { fleetStep: _step, commands: _commands, ...rest } = model
  return JSON.stringify([rest, left])
}

function holderMoves(model: Model, p: number): readonly (readonly [string, Model])[] {
  const holder = model.holders[p]
  if (holder === undefined) return []
  const [first] = holder.unread
  const steps: TaskStep[] = []
  const clocks = holder.nowMs === model.nowMs ? [model.nowMs] : [model.nowMs, holder.nowMs]
  for (const nowMs of clocks) {
    if (first !== undefined) steps.push({ count: 1, nowMs })
    steps.push({ count: 0, nowMs })
  }
  // The same record twice is one record.
  if (first !== undefined) steps.push({ count: 1, nowMs: model.nowMs, again: first.record })
  return steps.map((step) => [
    `task ${p} reads ${step.count}${step.again ? ' twice' : ''} at ${step.nowMs % 1_000_000}`,
    taskSteps(model, p, step),
  ])
}

function fleetMoves(model: Model): readonly (readonly [string, Model])[] {
  const clocks =
    model.fleet.nowMs === model.nowMs ? [model.nowMs] : [model.nowMs, model.fleet.nowMs]
  const found: (readonly [string, Model])[] = []
  for (const nowMs of clocks) {
    const at = nowMs % 1_000_000
    for (const [p, { length }] of model.unread.entries()) {
      if (length === 0) continue
      found.push([`fleet reads task ${p} at ${at}`, fleetReads(model, p, nowMs)])
    }
    found.push([`fleet reads nothing at ${at}`, fleetReads(model, 'none', nowMs)])
  }
  return found
}

export function* moves({ model, left }: World): Generator<Move<World>> {
  for (const p of model.holders.keys()) {
    for (const [name, to] of holderMoves(model, p)) yield { name, to: { model: to, left } }
  }
  for (const [name, to] of fleetMoves(model)) yield { name, to: { model: to, left } }
  const { ticks, jumps, needs, restarts } = left
  if (ticks > 0) {
    const to = { model: advance(model, TICK_MS), left: { ...left, ticks: ticks - 1 } }
    yield { name: 'time goes on', to }
  }
  if (jumps > 0) {
    const to = { model: advance(model, JUMP_MS), left: { ...left, jumps: jumps - 1 } }
    yield { name: 'time jumps', to }
  }
  for (const [p, need] of needs.entries()) {
    if (need === 0) continue
    const after = needs.map((held, i) => (i === p ? held - 1 : held))
    yield {
      name: `task ${p} wants`,
      to: { model: wants(model, p), left: { ...left, needs: after } },
    }
  }
  if (restarts > 0) {
    const to = { model: fleetRestarts(model), left: { ...left, restarts: restarts - 1 } }
    yield { name: 'the fleet task restarts', to }
  }
}
