// The budget as a model: the real core of the fleet task and the real holders of service tasks,
// with the log between them in the test's hand. Every step begins from the image of the last
// commit, as a successor's would, so a crash anywhere is nothing but a step that was not made. What
// may happen in which order, with which clocks, is the explorer's choice; whether the budget was
// kept is told by records alone: grants, settlements, commands (reliability.md I16 to I19, M2).
import type { FleetRecord, Observation } from '../../../src/contracts/records.ts'
import { Holder } from '../../../src/core/fleet/holder.ts'
import { Observer } from '../../../src/core/fleet/observer.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { sha256, START_MS } from '../../support/core-driver.ts'
import { policy } from '../../support/records.ts'
import {
  bareFleet,
  type FleetAt,
  type FleetStep,
  fromText,
  type Held,
  type Read,
  textOf,
  toText,
  wholeFleet,
} from './fleet-steps.ts'

interface Actor {
  readonly image: string
  /** What of its state can change what it does. */
  readonly text: string
  /** Log time of its last step. */
  readonly nowMs: number
}

interface Member extends Actor {
  readonly gen: number
  /** Records of hs.fleet not read yet. */
  readonly unread: readonly Held<FleetRecord>[]
  /** The newest record that it has read. */
  readonly last: FleetRecord | null
  /** Commands it wants to give. */
  readonly need: number
}

export interface Model {
  readonly fleetStep: FleetStep
  /** Observations are made without the observer's pace. */
  readonly lean: boolean
  /** Demand that was told last, by task. */
  readonly told: readonly string[]
  /** The broker's clock. */
  readonly nowMs: number
  readonly limit: number
  readonly fleet: Actor & { readonly gen: number }
  /** Observations the fleet task has not read yet, by partition. */
  readonly unread: readonly (readonly Held<Observation>[])[]
  readonly holders: readonly Member[]
  /** By the records that were committed: tokens in leases that are not settled. */
  readonly live: Readonly<Record<string, number>>
  /** When the log took each command of the last minute, and how many there were. */
  readonly commandsMs: readonly number[]
  readonly commands: number
  /** A command without a token, or more than the limit; null while all is well. */
  readonly wrong: string | null
}

const SPAN_MS = 60_000

/** A step of the fleet task. */
function stepFleet(model: Model, reads: readonly Read[], at: FleetAt): Model {
  const { fleet } = model
  const before = { image: fleet.image, tasks: model.holders.length, limit: model.limit }
  const { image, text, records } = model.fleetStep(before, reads, at)
  const unread = model.unread.map((held, partition) =>
    held.slice(reads.filter((r) => r.topic === 'observations' && r.partition === partition).length),
  )
  const holders = model.holders.map((holder, p) => {
    const sent = records
      .filter(({ partition }) => partition === p)
      .map(({ record }) => ({ atMs: model.nowMs, record: { ...record, gen: fleet.gen } }))
    return sent.length === 0 ? holder : { ...holder, unread: [...holder.unread, ...sent] }
  })
  const live = { ...model.live }
  for (const { record } of records) {
    const { grant, kind, seq } = record
    // A renewal names a lease of an earlier record.
    if (grant === null || kind !== 'grant' || grant.lease_id !== `lease-${seq}`) continue
    live[grant.lease_id] = grant.tokens
  }
  return judged({
    ...model,
    fleet: { ...fleet, image, text, nowMs: at.nowMs },
    unread,
    holders,
    live,
  })
}

/** The fleet task reads the next observation of a partition, or all of all, or nothing. */
export function fleetReads(model: Model, which: number | 'all' | 'none', nowMs: number): Model {
  const at = { nowMs: Math.max(nowMs, model.fleet.nowMs), asOf: which === 'all' }
  const reads = model.unread.flatMap((held, partition) => {
    const count = which === 'all' ? held.length : which === partition ? 1 : 0
    return held.slice(0, count).map((one): Read => {
      return { topic: 'observations', partition, held: one }
    })
  })
  return stepFleet(model, reads, at)
}

export interface TaskStep {
  /** Records it reads. */
  readonly count: number
  readonly nowMs: number
  readonly stock?: number
  /** Before anything else it reads the newest record that it has read a second time. */
  readonly again?: boolean
}

/** A step of a service task: every command it wants is given as soon as there is a token. */
export function taskSteps(model: Model, p: number, step: TaskStep): Model {
  const before = model.holders[p]
  if (before === undefined) return model
  const nowMs = Math.max(step.nowMs, before.nowMs)
  const holder = new Holder()
  const observer = new Observer(holder)
  if (before.image !== '') {
    const from = new ImageReader(fromText(before.image))
    holder.load(from)
    observer.load(from)
  }
  const reads = before.unread.slice(0, step.count).map(({ record }) => record)
  const again = step.again === true && before.last !== null ? [before.last] : []
  for (const record of [...again, ...reads]) holder.evolve(record, nowMs)
  const last = reads.at(-1) ?? before.last
  holder.expire(nowMs)
  const paid: string[] = []
  for (let i = before.need; i > 0; i--) {
    const lease = holder.spend(nowMs)
    if (lease !== null) paid.push(lease)
  }
  const need = before.need - paid.length
  for (let i = 0; i < need; i++) holder.wait(`command-${i}`, true)
  holder.keepWaiting((key) => Number(key.slice('command-'.length)) < need)
  const stock = step.stock ?? 1
  const observation = model.lean
    ? leanWord(holder, { p, nowMs, stock, before: model.told[p] ?? '' })
    : observer.observe({
        nowMs,
        task: serviceTask(p),
        stock,
        zoned: false,
        stirred: step.count > 0,
        vector: () => ({ services: [], reporters: [] }),
        sha256,
      })
  const to = new ImageWriter()
  holder.save(to)
  observer.save(to)
  const image = toText(to.pieces())
  const text = textOf(holder)
  const after: Member = {
    ...before,
    image,
    text,
    last,
    nowMs,
    need,
    unread: before.unread.slice(step.count),
  }
  return commit(model, p, { after, observation, paid })
}

/**
 * An observation when it has something to say, and without times of its own: what the explorer
 * needs to see a state again.
 */
function leanWord(
  holder: Holder,
  at: { p: number; nowMs: number; stock: number; before: string },
): Observation | null {
  holder.giveBack(at.stock + holder.demand, at.nowMs)
  if (!holder.urgent && !holder.hasSettled && at.before === `${holder.demand}`) return null
  return {
    task: serviceTask(at.p),
    gen: 0,
    seq: 0,
    at_ms: START_MS,
    urgent: true,
    services: [],
    reporters: [],
    leases: holder.takeUses(),
    waiting: holder.demand,
    stock: at.stock,
    fleet_seq: holder.seq,
  }
}

/** Commands and observation of a step become visible together. */
function commit(
  model: Model,
  p: number,
  said: { after: Member; observation: Observation | null; paid: readonly string[] },
): Model {
  const { after, observation, paid } = said
  const live = { ...model.live }
  let wrong = model.wrong
  for (const lease of paid) {
    const left = live[lease] ?? 0
    if (left <= 0)
      wrong ??= `a command of task ${p} was paid from ${lease}, which has no token left`
    live[lease] = left - 1
  }
  if (paid.length > 0 && observation === null) wrong ??= 'a token was spent and nobody was told'
  for (const { lease_id: id, settled } of observation?.leases ?? []) if (settled) delete live[id]
  const sent = observation === null ? [] : [{ ...observation, gen: after.gen }]
  return judged({
    ...model,
    told: model.told.map((told, i) => {
      return i === p && observation !== null ? `${observation.waiting}` : told
    }),
    holders: model.holders.map((holder, i) => (i === p ? after : holder)),
    unread: model.unread.map((held, i) => {
      return i === p ? [...held, ...sent.map((record) => ({ atMs: model.nowMs, record }))] : held
    }),
    live,
    commandsMs: [...model.commandsMs, ...paid.map(() => model.nowMs)],
    commands: model.commands + paid.length,
    wrong,
  })
}

/** The monitor: tokens in leases plus commands of the last minute. */
function judged(model: Model): Model {
  const commandsMs = model.commandsMs.filter((atMs) => atMs > model.nowMs - SPAN_MS)
  const live = Object.values(model.live).reduce((sum, tokens) => sum + tokens, 0)
  const sum = live + commandsMs.length
  const over = `${live} tokens out and ${commandsMs.length} commands in a minute, of ${model.limit}`
  return { ...model, commandsMs, wrong: model.wrong ?? (sum > model.limit ? over : null) }
}

export function advance(model: Model, ms: number): Model {
  return judged({ ...model, nowMs: model.nowMs + ms })
}

/** The fleet task has a new owner. */
export function fleetRestarts(model: Model): Model {
  return { ...model, fleet: { ...model.fleet, gen: model.fleet.gen + 1 } }
}

/** Its journal is lost: it begins anew, with the same gen counted on. */
export function fleetForgets(model: Model): Model {
  return limited({ ...model, fleet: { ...model.fleet, image: '', gen: model.fleet.gen + 1 } })
}

export function wants(model: Model, p: number, need: number = 1): Model {
  const holders = model.holders.map((holder, i) =>
    i === p ? { ...holder, need: holder.need + need } : holder,
  )
  return { ...model, holders }
}

/** Everybody reads everything, at the broker's time, round after round. */
export function settleDown(model: Model, rounds: number, everyMs: number = 1_000): Model {
  let next = model
  for (let round = 0; round < rounds; round++) {
    next = advance(next, everyMs)
    for (const [p, { unread }] of next.holders.entries()) {
      next = taskSteps(next, p, { count: unread.length, nowMs: next.nowMs })
    }
    next = fleetReads(next, 'all', next.nowMs)
  }
  return next
}

function limited(model: Model): Model {
  const document = {
    apiVersion: 'healstream.io/v1',
    kind: 'GuardSet',
    metadata: { name: 'fleet' },
    spec: { match: { services: ['*'] }, perMinute: model.limit },
  }
  const record = policy({ kind: 'GuardSet', name: 'fleet', version: 1, document })
  const read: Read = { topic: 'policies', partition: 0, held: { atMs: model.nowMs, record } }
  return stepFleet(model, [read], { nowMs: model.nowMs, asOf: false })
}

/** A fleet of `tasks` tasks that have all answered the first pulse. */
export function newModel(tasks: number, limit: number, fleetStep = wholeFleet): Model {
  const actor = { image: '', text: '', nowMs: START_MS, gen: 1 }
  const model: Model = {
    fleetStep,
    lean: fleetStep === bareFleet,
    told: Array.from({ length: tasks }, () => ''),
    nowMs: START_MS,
    limit,
    fleet: actor,
    unread: Array.from({ length: tasks }, () => []),
    holders: Array.from({ length: tasks }, () => ({ ...actor, unread: [], last: null, need: 0 })),
    live: {},
    commandsMs: [],
    commands: 0,
    wrong: null,
  }
  return settleDown(limited(model), 4)
}
