// The single-threaded fold of a journal: a fresh core makes the steps that the journal names, over
// the records that lie in the log, and says what must have been written. Whatever does not fit is a
// problem, told in words; nothing of the runtime is used.
import { hash } from 'node:crypto'
import type { Decoder } from '../../contracts/decode.ts'
import type {
  FenceEntry,
  GenesisEntry,
  InputPosition,
  JournalEntry,
  JournalStep,
  StepsEntry,
} from '../../contracts/journal.ts'
import type { RecordVisitor } from '../../contracts/record.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import { canonical, hex } from '../../core/kernel/canonical.ts'
import type { CreateCore, Output, Slice, TaskCore } from '../../core/kernel/step.ts'
import type { SeenBatch, SeenRecord } from './batches.ts'
import type { HeardTopic } from './guard-watch.ts'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

export function stateOf(core: TaskCore): string {
  return hash('sha256', Buffer.concat([...core.image()]), 'hex')
}

export interface FoldOptions {
  readonly task: string
  readonly partition: number
  /** Visible batches of each input, by its place: those of the slices and more. */
  readonly inputs: ReadonlyMap<string, SeenBatch[]>
  readonly createCore: CreateCore
  readonly decoder: Decoder
  readonly problem: (what: string) => void
  /** A record of these topics that a step reads, before anything that the step says. */
  readonly heard: (topic: HeardTopic, record: SeenRecord) => void
  /** An output that must be visible, in order. */
  readonly expect: (output: Output, gen: number) => void
  /** A record that must have a dead letter. */
  readonly expectLetter: (topic: TopicKind, partition: number, to: number) => void
  /** After each step: its log time, and the largest append time of its records (0: none). */
  readonly stepped: (step: JournalStep, appendMs: number) => void
}

/** Where an input lies. */
type Place = Pick<InputPosition, 'topic' | 'partition'>

export function placeOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`
}

interface Input {
  position: number
  /** Batches before this one are used up. */
  used: number
}

export class Fold {
  readonly #options: FoldOptions
  readonly #inputs = new Map<string, Input>()
  #core: TaskCore | null = null
  #asOf: Partial<Record<TopicKind, number>> = {}
  seq: number = 0
  gen: number = 0
  #nowMs = 0
  entries: number = 0

  constructor(options: FoldOptions) {
    this.#options = options
  }

  /** Next offset of an input to be used. */
  position(place: string): number {
    return this.#inputs.get(place)?.position ?? 0
  }

  /** The state's digest, hex; null before genesis. */
  digest(): string | null {
    return this.#core === null ? null : stateOf(this.#core)
  }

  next(entry: JournalEntry): void {
    this.entries++
    if ((entry.kind === 'genesis') !== (this.entries === 1)) this.#problem(`${entry.kind} there`)
    switch (entry.kind) {
      case 'genesis':
        this.#begin(entry)
        return
      case 'fence':
        this.#fence(entry)
        return
      case 'steps':
        this.#steps(entry)
        return
      case 'skip': {
        const { topic, partition, offset } = entry.record
        this.#move('skip', { topic, partition, from: entry.from, to: offset + 1 })
        this.#options.expectLetter(topic, partition, offset + 1)
        return
      }
      case 'gap':
        this.#move('gap', entry)
        return
      case 'upgrade':
        this.#core?.setBehaviour(entry.behaviour)
        return
      case 'override':
        this.#problem('an override that nobody has written')
    }
  }

  #problem(what: string): void {
    this.#options.problem(`${this.#options.task}, entry ${this.entries}: ${what}`)
  }

  #begin(genesis: GenesisEntry): void {
    const { task, partition, inputs, createCore, decoder } = this.#options
    for (const place of inputs.keys()) {
      const found = genesis.positions.find((one) => placeOf(one) === place)
      this.#inputs.set(place, { position: found?.offset ?? 0, used: 0 })
    }
    const { clusterId, partitions: partitionCount, behaviour, scale } = genesis
    this.#nowMs = genesis.atMs
    const context = { clusterId, taskId: task, partition, partitionCount, behaviour, scale }
    this.#core = createCore({ ...context, sha256, decoder }, null)
  }

  #fence(fence: FenceEntry): void {
    // I4: whoever commits later has the higher gen.
    if (fence.gen !== this.gen + 1) this.#problem(`gen ${fence.gen} follows ${this.gen}`)
    this.gen = fence.gen
    for (const one of fence.positions) {
      const position = this.position(placeOf(one))
      if (one.offset !== position)
        this.#problem(`fence at ${placeOf(one)}@${one.offset}, the steps end at ${position}`)
    }
    this.#compare('fence', fence.stateDigest)
  }

  /** I5. */
  #compare(where: string, recorded: Uint8Array): void {
    const found = this.digest() ?? ''
    if (found !== hex(recorded))
      this.#problem(`${where}: state ${hex(recorded).slice(0, 12)}, fold ${found.slice(0, 12)}`)
  }

  /** I2, I3, I8: the steps, their outputs and the digest over them. */
  #steps(entry: StepsEntry): void {
    const pieces: Uint8Array[] = []
    let count = 0
    for (const step of entry.steps) {
      const outputs = this.#step(step)
      if (outputs.length > 0) pieces.push(canonical([step.seq, outputs]))
      count += outputs.length
      for (const output of outputs) this.#options.expect(output, this.gen)
    }
    if (
      count !== entry.outputs ||
      hash('sha256', Buffer.concat(pieces), 'hex') !== hex(entry.outputsDigest)
    )
      this.#problem(`${entry.outputs} outputs recorded, the fold has ${count} or others`)
    if (entry.stateDigest !== null) this.#compare('steps', entry.stateDigest)
  }

  #step(step: JournalStep): readonly Output[] {
    const core = this.#core
    if (core === null) return []
    if (step.seq !== this.seq + 1) this.#problem(`step ${step.seq} follows step ${this.seq}`)
    if (step.nowMs < this.#nowMs) this.#problem(`step ${step.seq} goes back in time`)
    this.seq = step.seq
    this.#nowMs = step.nowMs
    let appendMs = 0
    const slices = step.slices.map((recorded): Slice => {
      const { topic, partition, from, to, crc } = recorded
      const batches = this.#move('slice', recorded)
      const found = batches.reduce(foldCrc, 0)
      if (found !== crc) this.#problem(`${topic} ${from} to ${to}: checksum ${crc}, now ${found}`)
      for (const { timeMs } of batches) appendMs = Math.max(appendMs, timeMs)
      if (topic === 'fleet' || topic === 'operator')
        for (const record of within(batches, { from, to })) this.#options.heard(topic, record)
      const visit = (visitor: RecordVisitor): void => visitAll(batches, { from, to }, visitor)
      return { topic, partition, from, to, visit }
    })
    for (const { topic, atMs } of step.asOf) this.#asOf[topic] = atMs
    const { seq, nowMs, behind } = step
    try {
      const outcome = core.step({ seq, nowMs, behind, asOf: { ...this.#asOf }, slices })
      this.#options.stepped(step, appendMs)
      return outcome.outputs
    } catch (error) {
      this.#problem(`step ${seq} cannot be made again: ${String(error)}`)
      return []
    }
  }

  /** Every offset once, in order (I1, I2); answers the batches that the range touches. */
  #move(
    what: string,
    range: Place & { readonly from: number; readonly to: number },
  ): readonly SeenBatch[] {
    const place = placeOf(range)
    const { from, to } = range
    const input = this.#inputs.get(place)
    const batches = this.#options.inputs.get(place)
    if (input === undefined || batches === undefined) {
      this.#problem(`${what} of ${place}, which is no input`)
      return []
    }
    if (from !== input.position || to < from)
      this.#problem(`${what} of ${place} from ${from} to ${to} follows ${input.position}`)
    input.position = to
    while ((batches[input.used]?.lastOffset ?? Infinity) < from) input.used++
    const touched: SeenBatch[] = []
    for (let i = input.used; i < batches.length; i++) {
      const batch = batches[i]
      if (batch === undefined || batch.baseOffset >= to) break
      touched.push(batch)
    }
    if (input.used > 512) {
      batches.splice(0, input.used)
      input.used = 0
    }
    return touched
  }
}

/** As DESIGN.md section 5 has it: a fold over the batches' own checksums. */
function foldCrc(fold: number, batch: SeenBatch): number {
  return Math.imul(((fold << 5) | (fold >>> 27)) ^ batch.crc, 0x9e3779b1) >>> 0
}

interface Range {
  readonly from: number
  readonly to: number
}

function visitAll(batches: readonly SeenBatch[], range: Range, visitor: RecordVisitor): void {
  for (const record of within(batches, range)) visitor({ ...record })
}

function* within(batches: readonly SeenBatch[], { from, to }: Range): Iterable<SeenRecord> {
  for (const { records } of batches)
    for (const record of records ?? [])
      if (record.offset >= from && record.offset < to) yield record
}
