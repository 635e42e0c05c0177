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

const LEASE = /lease-(\d+)/g
const SEQ = /(lease-|"seq":|"fleetSeq":)(\d+)/g
const TIME = /1[89]\d{11}/g

/**
 * What can come of it is the same where this is: numbers of records count only by which leases they
 * come after, and times by how far they are from now.
 */
export function keyOf({ model, left }: World): string {
  const { fleet, holders, unread, live, commandsMs, nowMs } = model
  const parts = [
    [fleet.text, fleet.gen],
    holders.map(({ text, nowMs: atMs, need, last, unread: records }) => {
      return [
        text,
        atMs,
        need,
        last?.grant,
        records.map(({ record }) => [record.kind, record.gen, record.grant]),
      ]
    }),
    unread.map((held) =>
      held.map(({ atMs, record }) => {
        const { leases, waiting, stock, fleet_seq: fleetSeq } = record
        return { atMs, leases, waiting, stock, fleetSeq }
      }),
    ),
    live,
    commandsMs,
    left,
  ]
  const text = JSON.stringify(parts).replaceAll('\\"', '"')
  const seqs = [...new Set([...text.matchAll(LEASE)].map(([, seq]) => Number(seq)))]
  const rankOf = (seq: number): number => seqs.filter((one) => one <= seq).length
  return text
    .replaceAll(SEQ, (_, what: string, seq: string) => `${what}${rankOf(Number(seq))}`)
    .replaceAll(TIME, (ms) => String(Number(ms) - nowMs))
}

function holderMoves(model: Model, p: number): readonly (readonly [string, Model])[] {
  const holder = model.holders[p]
  if (holder === undefined) return []
  const { nowMs: ownMs, unread } = holder
  const [first] = unread
  const steps: TaskStep[] = [{ count: 0, nowMs: model.nowMs }]
  if (first !== undefined) {
    steps.push({ count: 1, nowMs: model.nowMs })
    // Its log time lags behind: it reads what has been written long ago as if it were new.
    if (ownMs < model.nowMs) steps.push({ count: 1, nowMs: ownMs })
  } else if (ownMs < model.nowMs && holder.need > 0) steps.push({ count: 0, nowMs: ownMs })
  // The same record twice is one record.
  const isLease = (holder.last?.grant ?? null) !== null
  if (isLease) steps.push({ count: 0, nowMs: model.nowMs, again: true })
  return steps.map((step) => {
    const lag = (step.nowMs - model.nowMs) / 1_000
    const again = step.again === true ? ' and the last one again' : ''
    return [`task ${p} reads ${step.count}${again} at ${lag} s`, taskSteps(model, p, step)]
  })
}

function fleetMoves(model: Model): readonly (readonly [string, Model])[] {
  const { nowMs } = model
  const found: (readonly [string, Model])[] = []
  for (const [p, { length }] of model.unread.entries()) {
    if (length > 0) found.push([`fleet reads task ${p}`, fleetReads(model, p, nowMs)])
  }
  return [...found, ['fleet steps', fleetReads(model, 'none', nowMs)]]
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
