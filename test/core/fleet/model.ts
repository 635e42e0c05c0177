// The budget as a model: the real core of the fleet task and the real holders of service tasks,
// with the log between them in the test's hand. Every step begins from the image of the last
// commit, as a successor's would, so a crash anywhere is nothing but a step that was not made. What
// may happen in which order, with which clocks, is the explorer's choice; whether the budget was
// kept is told by records alone: grants, settlements, commands (reliability.md I16 to I19, M2).
import type { Decoder } from '../../../src/contracts/decode.ts'
import type {
  FleetRecord,
  Observation,
  OperatorRecord,
  PolicyRecord,
} from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { Budget } from '../../../src/core/fleet/budget.ts'
import { Holder } from '../../../src/core/fleet/holder.ts'
import { Observer } from '../../../src/core/fleet/observer.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import type { CoreContext, Slice } from '../../../src/core/kernel/step.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { sha256, START_MS } from '../../support/core-driver.ts'
import { policy } from '../../support/records.ts'

/** A record and when the log took it. */
interface Held<T> {
  readonly atMs: number
  readonly record: T
}

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

type Said = Observation | FleetRecord | PolicyRecord | OperatorRecord
const SPAN_MS = 60_000

function toText(pieces: readonly Uint8Array[]): string {
  return pieces.map((piece) => Buffer.from(piece).toString('latin1')).join('')
}

function fromText(image: string): Uint8Array {
  return Uint8Array.from(Buffer.from(image, 'latin1'))
}

function textOf(state: unknown): string {
  return JSON.stringify(state, (_key, value: unknown) => {
    return value instanceof Map || value instanceof Set ? [...value] : value
  })
}

/** Records as they are: the offset is the place in the list. */
function decoderOf(records: readonly Said[]): Decoder {
  return {
    telemetry: () => 'not_avro',
    decode: (_topic, view) => ({ ok: true, record: records[view.offset] as never }),
  }
}

function contextOf(partitionCount: number, records: readonly Said[]): CoreContext {
  return {
    clusterId: 'cluster-a',
    taskId: 'fleet',
    partition: 0,
    partitionCount,
    behaviour: 2,
    scale: 4,
    sha256,
    decoder: decoderOf(records),
  }
}

interface Read {
  readonly topic: TopicKind
  readonly partition: number
  readonly held: Held<Said>
}

function sliceOf({ topic, partition, held }: Read, offset: number): Slice {
  return {
    topic,
    partition,
    from: offset,
    to: offset + 1,
    visit: (visitor) => {
      visitor({
        buffer: new Uint8Array(0),
        offset,
        timestampMs: held.atMs,
        keyStart: -1,
        keyEnd: -1,
        valueStart: 0,
        valueEnd: 0,
        headersStart: 0,
        headerCount: 0,
      })
    },
  }
}

interface FleetSaid {
  readonly image: string
  readonly text: string
  readonly records: readonly { readonly partition: number; readonly record: FleetRecord }[]
}

interface FleetAt {
  readonly nowMs: number
  /** Observations have been read to their end: there may be pulses. */
  readonly asOf: boolean
}

/** One step of a fleet task from its image; '' = it has none. */
export type FleetStep = (model: Model, reads: readonly Read[], at: FleetAt) => FleetSaid

/** The whole core. */
export const wholeFleet: FleetStep = (model, reads, { nowMs, asOf }) => {
  const { image } = model.fleet
  const records = reads.map(({ held }) => held.record)
  const context = contextOf(model.holders.length, records)
  const core = createFleetCore(context, image === '' ? null : fromText(image))
  const { outputs } = core.step({
    seq: 1,
    nowMs,
    behind: false,
    asOf: { policies: nowMs, operator: nowMs, ...(asOf ? { observations: nowMs } : {}) },
    slices: reads.map(sliceOf),
  })
  const said = outputs.flatMap((output) =>
    output.topic === 'fleet' && output.body !== null
      ? [{ partition: output.partition ?? 0, record: output.body }]
      : [],
  )
  const after = toText(core.image())
  return { image: after, text: after, records: said }
}

/** Its budget alone, some hundred times faster: for the explorer. */
export const bareFleet: FleetStep = (model, reads, { nowMs, asOf }) => {
  const budget = new Budget(model.holders.length)
  const { image } = model.fleet
  const from = new ImageReader(fromText(image))
  let seq = image === '' ? 0 : from.number()
  if (image !== '') budget.load(from)
  for (const { topic, partition, held } of reads) {
    if (topic !== 'observations') continue
    budget.hear(partition, held.record as Observation, Math.max(nowMs, held.atMs))
  }
  const nextSeq = (): number => {
    seq = Math.max(seq + 1, nowMs)
    return seq
  }
  const records: FleetSaid['records'][number][] = []
  const say = (partition: number, said: Pick<FleetRecord, 'seq' | 'kind' | 'pulse' | 'grant'>) => {
    const task = serviceTask(partition)
    records.push({ partition, record: { task, gen: 0, at_ms: nowMs, verdict: null, ...said } })
  }
  if (asOf && !budget.isReady()) {
    const pulse = { as_of_ms: nowMs, reporters_expected: 0, reporters_seen: 0, blind: false }
    for (let p = 0; p < model.holders.length; p++) {
      say(p, { seq: nextSeq(), kind: 'pulse', pulse, grant: null })
      budget.born(seq)
    }
  }
  for (const order of budget.orders({ nowMs, limit: model.limit, held: false, nextSeq })) {
    const { id, tokens, deadlineMs } = order.lease
    const grant = { lease_id: id, budget: 'fleet', tokens, deadline_ms: deadlineMs }
    say(order.partition, { seq: order.seq, kind: order.kind, pulse: null, grant })
  }
  const to = new ImageWriter()
  budget.save(to.number(seq))
  return { image: toText(to.pieces()), text: textOf(budget), records }
}

/** A step of the fleet task. */
function stepFleet(model: Model, reads: readonly Read[], at: FleetAt): Model {
  const { fleet } = model
  const { image, text, records } = model.fleetStep(model, reads, at)
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
 * An observation when it has something to say, and without times of its own: what the explorer needs
 * to see a state again.
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
