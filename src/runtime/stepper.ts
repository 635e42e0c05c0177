// From fetched batches to the slices of a step. Inputs keep one fixed order (contracts/topics.ts);
// a slice goes from where the last one ended to where the reader stands, so that every offset of an
// input lies in exactly one slice, skip or gap (invariant I2), and ends at a batch's end except in
// the poison search. `crc` folds the checksums of the batches it touches, whole ones always, so
// that changed input is told apart from nondeterminism. Batches whose records cannot be read are
// never stepped: they are passed over, once everything before them has been stepped.
import type { LogRecord, RecordVisitor } from '../contracts/record.ts'
import type { TopicKind } from '../contracts/topics.ts'
import type { Slice } from '../core/kernel/step.ts'
import type { Fetched, RecordBatch } from './ports.ts'
import { headersOf, MAX_HEADERS } from './record-batch.ts'

/** A partition that a task reads. */
export interface TaskInput {
  readonly topic: TopicKind
  readonly partition: number
}

export interface CheckedSlice extends Slice {
  /** Place of the input in the task's order. */
  readonly input: number
  /** Fold of the checksums, unsigned 32 bits. */
  readonly crc: number
  /** Records in the batches it touches. */
  readonly records: number
  /** Size of these batches as stored. */
  readonly bytes: number
}

export interface SliceRange extends TaskInput {
  readonly input: number
  readonly from: number
  readonly to: number
}

/** Order matters: the same batches in another order fold to another number. */
export function foldCrc(fold: number, batch: RecordBatch): number {
  const turned = (fold << 5) | (fold >>> 27)
  return Math.imul(turned ^ batch.crc, 0x9e3779b1) >>> 0
}

/** `batches`: those that touch the range, in order. */
export function sliceOf(range: SliceRange, batches: readonly RecordBatch[]): CheckedSlice {
  const { from, to } = range
  return {
    ...range,
    crc: batches.reduce(foldCrc, 0),
    records: batches.reduce((sum, batch) => sum + batch.recordCount, 0),
    bytes: batches.reduce((sum, batch) => sum + batch.bytes.length, 0),
    visit(visitor: RecordVisitor): void {
      for (const batch of batches) {
        if (batch.lastOffset < to) batch.visit(visitor, from)
        else
          batch.visit((view) => {
            if (view.offset < to) visitor(view)
          }, from)
      }
    },
  }
}

/** Batches, one after another, that cannot be read: a range of offsets to be skipped. */
export interface Unreadable extends TaskInput {
  readonly from: number
  readonly to: number
  /** Of the first one. */
  readonly reason: string
  readonly first: RecordBatch
  /** Records they claim to hold. */
  readonly records: number
}

/** How far the visible end of an input is ahead of what was stepped. */
export interface Lag extends TaskInput {
  /** Offsets, as exporters of Kafka count: markers of transactions are among them. */
  readonly offsets: number
}

interface Intake extends TaskInput {
  /** Next offset to be stepped. */
  position: number
  /** Visible end when the log was last asked. */
  endOffset: number
  /** Next offset to be read. */
  readTo: number
  batches: RecordBatch[]
  /** Of `batches`, with the reason. */
  readonly unreadable: Map<RecordBatch, string>
}

export class Stepper {
  readonly #intakes: readonly Intake[]

  constructor(inputs: readonly TaskInput[], positions: readonly number[]) {
    this.#intakes = inputs.map((input, i) => {
      const position = positions[i] ?? 0
      return {
        ...input,
        position,
        readTo: position,
        endOffset: 0,
        batches: [],
        unreadable: new Map(),
      }
    })
  }

  /** Place of a partition in the order of inputs; -1 for a stranger. */
  indexOf(topic: TopicKind | null, partition: number): number {
    return this.#intakes.findIndex((i) => i.topic === topic && i.partition === partition)
  }

  /** false: it does not go on where the last one ended, and nothing was taken. */
  take(index: number, fetched: Fetched): boolean {
    const intake = this.#intakes[index]
    if (intake === undefined || fetched.from !== intake.readTo) return false
    for (const batch of fetched.batches) {
      const reason = batch.unreadable()
      if (reason !== null) intake.unreadable.set(batch, reason)
    }
    intake.batches.push(...fetched.batches)
    intake.readTo = fetched.to
    intake.endOffset = fetched.endOffset
    return true
  }

  /** Of some input everything is stepped up to a batch that cannot be read. */
  get isBlocked(): boolean {
    return this.#intakes.some((intake) => readableOf(intake) === 0 && intake.batches.length > 0)
  }

  /** Leaves behind what blocks, of every input. */
  passOver(): readonly Unreadable[] {
    return this.#intakes.flatMap((intake) => passedOver(intake) ?? [])
  }

  get hasRecords(): boolean {
    return this.#intakes.some((intake) => intake.batches.length > 0)
  }

  /** Positions up to which steps were made. */
  positions(): readonly number[] {
    return this.#intakes.map((intake) => intake.position)
  }

  /** Positions up to which was read. */
  readPositions(): readonly number[] {
    return this.#intakes.map((intake) => intake.readTo)
  }

  /** Of every input; 0 for one that was not read yet. */
  lags(): readonly Lag[] {
    return this.#intakes.map(({ topic, partition, readTo, endOffset, batches }) => {
      const next = batches[0]?.baseOffset ?? readTo
      return { topic, partition, offsets: Math.max(0, endOffset - next) }
    })
  }

  /** Everything that was taken, as the slices of one step. */
  slices(): readonly CheckedSlice[] {
    const slices: CheckedSlice[] = []
    for (const [input, intake] of this.#intakes.entries()) {
      // Offsets without records (markers, aborted ones) wait for the next record of their input.
      const readable = readableOf(intake)
      if (readable === 0) continue
      const to = intake.batches[readable]?.baseOffset ?? intake.readTo
      const batches = intake.batches.splice(0, readable)
      slices.push(sliceOf(this.#range(input, intake, to), batches))
      intake.position = to
    }
    return slices
  }

  /**
   * The first record in the order of inputs (of one input only, when named) as a slice of its own.
   */
  single(only: number | null = null): CheckedSlice | null {
    for (const [input, intake] of this.#intakes.entries()) {
      if (only !== null && only !== input) continue
      for (;;) {
        const batch = intake.batches[0]
        if (batch === undefined || intake.unreadable.has(batch)) break
        const offsets = offsetsFrom(batch, intake.position)
        if (offsets.count < 2) intake.batches.shift()
        if (offsets.count === 0) continue
        const to = offsets.first + 1
        const slice = sliceOf(this.#range(input, intake, to), [batch])
        intake.position = to
        return slice
      }
    }
    return null
  }

  #range(input: number, intake: Intake, to: number): SliceRange {
    const { topic, partition, position } = intake
    return { input, topic, partition, from: position, to }
  }
}

/** Batches before the first one that cannot be read. */
function readableOf({ batches, unreadable }: Intake): number {
  if (unreadable.size === 0) return batches.length
  const first = batches.findIndex((batch) => unreadable.has(batch))
  return first < 0 ? batches.length : first
}

function passedOver(intake: Intake): Unreadable | null {
  const [first] = intake.batches
  const reason = first === undefined ? undefined : intake.unreadable.get(first)
  if (first === undefined || reason === undefined) return null
  const { topic, partition, position: from } = intake
  let records = 0
  for (let batch = intake.batches[0]; batch !== undefined; batch = intake.batches[0]) {
    if (!intake.unreadable.delete(batch)) break
    intake.batches.shift()
    intake.position = batch.lastOffset + 1
    records += batch.recordCount
  }
  return { topic, partition, from, to: intake.position, reason, first, records }
}

function offsetsFrom(batch: RecordBatch, from: number): { first: number; count: number } {
  let first = -1
  let count = 0
  batch.visit((view) => {
    if (first < 0) first = view.offset
    count++
  }, from)
  return { first, count }
}

/** The first record of a slice, copied with its headers (none of an absurd number). */
export function firstRecord(slice: CheckedSlice): Omit<LogRecord, 'topic' | 'partition'> | null {
  const found: Omit<LogRecord, 'topic' | 'partition'>[] = []
  slice.visit((view) => {
    if (found.length > 0) return
    const { offset, timestampMs, buffer } = view
    const bytes = (start: number, end: number): Uint8Array | null =>
      start < 0 ? null : new Uint8Array(buffer.subarray(start, end))
    found.push({
      offset,
      timestampMs,
      key: bytes(view.keyStart, view.keyEnd),
      value: bytes(view.valueStart, view.valueEnd),
      headers: view.headerCount > MAX_HEADERS ? [] : headersOf(view),
    })
  })
  return found[0] ?? null
}
