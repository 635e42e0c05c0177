// A step of the fleet task for the model (model.ts): from an image and records to an image and
// records, by its whole core or by its budget alone.
import type { Decoder } from '../../../src/contracts/decode.ts'
import type {
  FleetRecord,
  Observation,
  OperatorRecord,
  PolicyRecord,
} from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { Budget } from '../../../src/core/fleet/budget.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import type { CoreContext, Slice } from '../../../src/core/kernel/step.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { sha256 } from '../../support/core-driver.ts'

/** A record and when the log took it. */
export interface Held<T> {
  readonly atMs: number
  readonly record: T
}

type Said = Observation | FleetRecord | PolicyRecord | OperatorRecord

export function toText(pieces: readonly Uint8Array[]): string {
  return pieces.map((piece) => Buffer.from(piece).toString('latin1')).join('')
}

export function fromText(image: string): Uint8Array {
  return Uint8Array.from(Buffer.from(image, 'latin1'))
}

export function textOf(state: unknown): string {
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

export interface Read {
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

export interface FleetSaid {
  readonly image: string
  readonly text: string
  readonly records: readonly { readonly partition: number; readonly record: FleetRecord }[]
}

export interface FleetAt {
  readonly nowMs: number
  /** Observations have been read to their end: there may be pulses. */
  readonly asOf: boolean
}

export interface FleetBefore {
  /** '' = it has none. */
  readonly image: string
  readonly tasks: number
  readonly limit: number
}

/** One step of a fleet task from its image. */
export type FleetStep = (before: FleetBefore, reads: readonly Read[], at: FleetAt) => FleetSaid

/** The whole core. */
export const wholeFleet: FleetStep = ({ image, tasks }, reads, { nowMs, asOf }) => {
  const records = reads.map(({ held }) => held.record)
  const context = contextOf(tasks, records)
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
export const bareFleet: FleetStep = ({ image, tasks, limit }, reads, { nowMs, asOf }) => {
  const budget = new Budget(tasks)
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
    for (let p = 0; p < tasks; p++) {
      say(p, { seq: nextSeq(), kind: 'pulse', pulse, grant: null })
      budget.born(seq)
    }
  }
  for (const order of budget.orders({ nowMs, limit, held: false, nextSeq, picture: null })) {
    const { id, tokens, deadlineMs } = order.lease
    const grant = { lease_id: id, budget: 'fleet', tokens, deadline_ms: deadlineMs }
    say(order.partition, { seq: order.seq, kind: order.kind, pulse: null, grant })
  }
  const to = new ImageWriter()
  budget.save(to.number(seq))
  return { image: toText(to.pieces()), text: textOf(budget), records }
}
