// The outputs of a task once more: its journal walked entry by entry, a fresh core stepped in one
// thread over batches that the checker decoded itself, and everything the journal claims compared:
// chain, order, ranges, checksums, digests of outputs and of states.
import { createHash } from 'node:crypto'
import type {
  FenceEntry,
  GenesisEntry,
  JournalEntry,
  JournalSlice,
  JournalStep,
  StepsEntry,
} from '../../../src/contracts/journal.ts'
import { decodeEntry } from '../../../src/contracts/journal-codec.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { canonical } from '../../../src/core/kernel/canonical.ts'
import type { SnapshotHeader } from '../../../src/contracts/records.ts'
import type { Output, Slice, TaskCore } from '../../../src/core/kernel/step.ts'
import type { Avro } from './avro.ts'
import { type Batch, isVisible, recordsOf, type Settled, visit } from './batches.ts'
import type { Collected } from './collect.ts'
import { type Place, placeName, type TaskShape } from './tasks.ts'
import type { CheckName, Violation } from './violation.ts'

/** An output that the log must hold, as it has to lie there. */
export interface Expected {
  readonly topic: Output['topic']
  readonly partition: number
  /** Header `ce_id`. */
  readonly id: string
  readonly key: string
  readonly value: Buffer | null
}

export interface Folded {
  readonly task: string
  readonly violations: readonly Violation[]
  /** By input (topic and partition): next offset after everything stepped or skipped. */
  readonly positions: ReadonlyMap<string, number>
  readonly outputs: readonly Expected[]
  readonly entries: readonly { readonly entry: JournalEntry; readonly atMs: number }[]
  /** Records from outside that were stepped. */
  readonly inputs: number
  readonly commits: number
  readonly skipped: number
  readonly snapshots: number
}

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())
const short = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').slice(0, 12)
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** One input, read along its slices. */
class Input {
  readonly batches: readonly Settled[]
  position: number
  /** First batch that is not wholly behind the position. */
  #at = 0

  constructor(settled: readonly Settled[], position: number) {
    this.batches = settled.filter(isVisible)
    this.position = position
  }

  touching(from: number, to: number): readonly Settled[] {
    while ((this.batches[this.#at]?.batch.last ?? Infinity) < from) this.#at++
    let end = this.#at
    while ((this.batches[end]?.batch.base ?? Infinity) < to) end++
    return this.batches.slice(this.#at, end)
  }
}

interface ImageHead {
  readonly topic: TopicKind
  readonly digest: string
  readonly offset: number
  readonly seq: number
}

/** Thrown when nothing that follows could be judged. */
class Stop extends Error {}

export function foldTask(collected: Collected, task: TaskShape, avro: Avro): Folded {
  return new Fold(collected, task, avro).run()
}

class Fold {
  readonly #collected: Collected
  readonly #avro: Avro
  readonly #shape: TaskShape
  readonly #task: string
  readonly #violations: Violation[] = []
  readonly #inputs = new Map<string, Input>()
  readonly #outputs: Expected[] = []
  readonly #entries: { entry: JournalEntry; atMs: number }[] = []
  /** By offset of the entry whose state they are of. */
  readonly #snapshots = new Map<number, readonly ImageHead[]>()
  #core: TaskCore | null = null
  #asOf: Partial<Record<TopicKind, number>> = {}
  #gen = 0
  #seq = 0
  #place = ''
  #counts = { inputs: 0, commits: 0, skipped: 0, snapshots: 0 }

  constructor(collected: Collected, shape: TaskShape, avro: Avro) {
    this.#collected = collected
    this.#shape = shape
    this.#avro = avro
    this.#task = shape.name
  }

  run(): Folded {
    this.#readSnapshots()
    try {
      this.#journal()
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
    const positions = [...this.#inputs].map(([name, input]) => [name, input.position] as const)
    return {
      task: this.#task,
      violations: this.#violations,
      positions: new Map(positions),
      outputs: this.#outputs,
      entries: this.#entries,
      ...this.#counts,
    }
  }

  #journal(): void {
    let previous: Uint8Array = new Uint8Array(32)
    const { journal, partition } = this.#shape
    for (const settled of this.#collected.log(journal, partition).settled) {
      if (!isVisible(settled)) continue
      for (const record of recordsOf(settled.batch)) {
        this.#place = `${journal}-${partition}@${record.offset}`
        const decoded = this.#decoded(record.value ?? Buffer.alloc(0))
        if (!equal(decoded.previous, previous)) throw this.#stop('chain', 'does not follow')
        previous = decoded.hash
        this.#entries.push({ entry: decoded.entry, atMs: record.timestampMs })
        this.#apply(decoded.entry)
        this.#checkSnapshot(record.offset)
      }
    }
    if (this.#core === null) this.#found('chain', 'the journal has no genesis')
  }

  #decoded(value: Uint8Array): ReturnType<typeof decodeEntry> {
    try {
      return decodeEntry(value, sha256)
    } catch (error) {
      throw this.#stop('chain', String(error))
    }
  }

  #apply(entry: JournalEntry): void {
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
      case 'skip':
        this.#move({ ...entry.record, from: entry.from, to: entry.record.offset + 1 })
        this.#counts.skipped++
        return
      case 'gap':
        throw this.#stop('I2 input-order', `a gap from ${entry.from} to ${entry.to}`)
      case 'upgrade':
        this.#living().setBehaviour(entry.behaviour)
        return
      case 'override':
        this.#found('I8 replay', `an override: ${entry.why}`)
    }
  }

  #begin(genesis: GenesisEntry): void {
    if (this.#entries.length !== 1) throw this.#stop('chain', 'a second genesis')
    const first = ({ topic, partition }: Place): number =>
      genesis.positions.find((p) => p.topic === topic && p.partition === partition)?.offset ?? 0
    for (const place of this.#shape.inputs) {
      const { settled } = this.#collected.log(place.topic, place.partition)
      this.#inputs.set(placeName(place), new Input(settled, first(place)))
    }
    const context = {
      clusterId: genesis.clusterId,
      taskId: genesis.task,
      partition: this.#shape.partition,
      partitionCount: genesis.partitions,
      behaviour: genesis.behaviour,
      scale: genesis.scale,
      ...(genesis.lastTip === null ? {} : { afterLossMs: genesis.atMs }),
      sha256,
      decoder: this.#avro,
    }
    this.#core = this.#shape.create(context, null)
  }

  #fence(entry: FenceEntry): void {
    if (entry.gen !== this.#gen + 1) this.#found('I4 epochs', `gen ${entry.gen} after ${this.#gen}`)
    this.#gen = entry.gen
    for (const { offset, ...place } of entry.positions) {
      const position = this.#inputs.get(placeName(place))?.position
      if (position !== offset)
        this.#found('I2 input-order', `fence at ${placeName(place)}@${offset}, not ${position}`)
    }
    this.#checkState(entry.stateDigest, 'fence')
  }

  #steps(entry: StepsEntry): void {
    const hash = createHash('sha256')
    let count = 0
    for (const step of entry.steps) {
      const outputs = this.#step(step)
      if (outputs.length > 0) hash.update(canonical([step.seq, outputs]))
      count += outputs.length
    }
    if (entry.steps.length > 0) this.#counts.commits++
    const digest = hash.digest()
    const { outputs, outputsDigest } = entry
    if (count !== outputs || !equal(digest, outputsDigest))
      throw this.#stop(
        'I8 replay',
        `${count} outputs ${short(digest)}, recorded ${outputs} ${short(outputsDigest)}`,
      )
    if (entry.stateDigest !== null) this.#checkState(entry.stateDigest, 'steps')
    if (entry.snapshot !== null) this.#pointsTo(entry.snapshot)
  }

  #step(recorded: JournalStep): readonly Output[] {
    if (recorded.seq !== this.#seq + 1)
      this.#found('chain', `step ${recorded.seq} after step ${this.#seq}`)
    this.#seq = recorded.seq
    const slices = recorded.slices.map((slice) => this.#slice(slice))
    for (const { topic, atMs } of recorded.asOf) this.#asOf[topic] = atMs
    const { seq, nowMs, behind } = recorded
    const outputs = this.#stepped({ seq, nowMs, behind, asOf: { ...this.#asOf }, slices })
    for (const [i, output] of outputs.entries()) this.#outputs.push(this.#expected(output, i))
    return outputs
  }

  #stepped(step: Parameters<TaskCore['step']>[0]): readonly Output[] {
    try {
      return this.#living().step(step).outputs
    } catch (error) {
      throw this.#stop('I8 replay', `step ${step.seq} fails: ${String(error)}`)
    }
  }

  #slice(recorded: JournalSlice): Slice {
    const { topic, partition, from, to } = recorded
    const touching = this.#move(recorded)
    const crc = touching.reduce(foldCrc, 0)
    if (crc !== recorded.crc)
      throw this.#stop(
        'I2 input-changed',
        `${topic}@${from}..${to}: checksum ${crc}, recorded ${recorded.crc}`,
      )
    // What the fleet task says is no input from outside.
    if (topic !== 'fleet')
      for (const { batch } of touching) this.#counts.inputs += countIn(batch, from, to)
    return {
      topic,
      partition,
      from,
      to,
      visit: (visitor) => {
        for (const { batch } of touching) visit(batch, visitor, { from, to })
      },
    }
  }

  /** Every offset of an input lies in exactly one range. */
  #move(range: {
    readonly topic: TopicKind
    readonly partition: number
    readonly from: number
    readonly to: number
  }): readonly Settled[] {
    const { topic, partition, from, to } = range
    const input = this.#inputs.get(placeName({ topic, partition }))
    if (input === undefined)
      throw this.#stop('I2 input-order', `${topic}-${partition} is no input of this task`)
    if (input.position !== from || to < from)
      throw this.#stop('I2 input-order', `${topic} from ${from} to ${to} follows ${input.position}`)
    input.position = to
    return input.touching(from, to)
  }

  #expected(output: Output, index: number): Expected {
    const { topic, key, body } = output
    const hasGen = topic === 'commands' || topic === 'observations' || topic === 'fleet'
    const sealed = hasGen && body !== null ? { ...body, gen: this.#gen } : body
    return {
      topic,
      partition: output.partition ?? this.#shape.partition,
      id: `${this.#task}-${this.#seq}-${index}`,
      key,
      value: sealed === null ? null : this.#avro.write(topic, sealed),
    }
  }

  #readSnapshots(): void {
    const { images, partition } = this.#shape
    const settled = images.flatMap((topic) =>
      this.#collected.log(topic, partition).settled.map((one) => ({ topic, one })),
    )
    for (const { topic, one } of settled) {
      if (!isVisible(one)) continue
      for (const { offset, value } of recordsOf(one.batch)) {
        const header = value === null ? null : this.#headerOf(topic, value)
        if (header === null || header.task !== this.#task) continue
        const { state_digest: digest, step_seq: seq, journal_offset: of } = header
        const known = this.#snapshots.get(of) ?? []
        this.#snapshots.set(of, [...known, { topic, digest, offset, seq }])
      }
    }
  }

  #headerOf(topic: TopicKind, value: Buffer): SnapshotHeader | null {
    const kind = topic.endsWith('checkpoints') ? 'checkpoints' : 'snapshots'
    return this.#avro.read(kind, value)?.header ?? null
  }

  #checkSnapshot(journalOffset: number): void {
    for (const { topic, digest, offset, seq } of this.#snapshots.get(journalOffset) ?? []) {
      this.#counts.snapshots++
      const own = Buffer.from(this.#digest()).toString('hex')
      if (own !== digest || seq !== this.#seq)
        this.#found('snapshot', `${topic}@${offset}: ${digest} at ${seq}, not ${own}`)
    }
  }

  #pointsTo(offset: number): void {
    const [full] = this.#shape.images
    const found = [...this.#snapshots.values()]
      .flat()
      .some((each) => each.topic === full && each.offset === offset)
    if (!found) this.#found('snapshot', `no header lies at snapshots@${offset}`)
  }

  #digest(): Uint8Array {
    const hash = createHash('sha256')
    for (const piece of this.#living().image()) hash.update(piece)
    return hash.digest()
  }

  #checkState(recorded: Uint8Array, where: string): void {
    const found = this.#digest()
    if (!equal(found, recorded))
      this.#found('I5 state', `${where}: state ${short(found)}, recorded ${short(recorded)}`)
  }

  #living(): TaskCore {
    if (this.#core === null) throw this.#stop('chain', 'no genesis before')
    return this.#core
  }

  #found(check: CheckName, what: string): void {
    this.#violations.push({ check, place: `${this.#task} ${this.#place}`, what })
  }

  #stop(check: CheckName, what: string): Stop {
    this.#found(check, what)
    return new Stop(what)
  }
}

/** Records of the batch in the range; a core may look at a slice more than once. */
function countIn(batch: Batch, from: number, to: number): number {
  if (batch.base >= from && batch.last < to) return batch.count
  let count = 0
  visit(batch, () => count++, { from, to })
  return count
}

/** As the journal folds the checksums of the batches a slice touches. */
function foldCrc(fold: number, { batch }: Settled): number {
  const turned = (fold << 5) | (fold >>> 27)
  return Math.imul(turned ^ batch.crc, 0x9e3779b1) >>> 0
}
