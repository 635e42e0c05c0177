// Reads the input ranges of journalled steps again. Each range must be there, whole and unchanged:
// what cannot be read again, or does not fold to the recorded checksum, is HS_INPUT_CHANGED.
import { HsError } from '../contracts/failure.ts'
import type { JournalSlice } from '../contracts/journal.ts'
import { topicName } from '../contracts/topics.ts'
import { LogError } from './log-error.ts'
import type { Clock, Fetched, LogPort, LogReader, RecordBatch } from './ports.ts'
import { type CheckedSlice, sliceOf, type TaskInput } from './stepper.ts'

const POLL_MS = 100
/** A new leader may not show its last committed records at once; after this they are gone. */
const VANISHED_AFTER_MS = 10_000
/** Records read ahead of an input before it waits for the others. */
const AHEAD_MAX = 50_000

interface Buffer {
  readonly input: TaskInput
  readonly name: string
  batches: RecordBatch[]
  records: number
  readTo: number
  assigned: boolean
  /** It has ended too early once: there is nothing to wait for. */
  ended: boolean
}

export class ReplaySource {
  readonly #reader: LogReader
  readonly #clock: Clock
  readonly #buffers: readonly Buffer[]
  #signal: AbortSignal

  constructor(
    log: LogPort,
    inputs: readonly TaskInput[],
    options: { readonly prefix: string; readonly clock: Clock; readonly signal: AbortSignal },
  ) {
    this.#reader = log.reader({ isolation: 'read_committed' })
    this.#clock = options.clock
    this.#signal = options.signal
    this.#buffers = inputs.map((input) => ({
      input,
      name: topicName(input.topic, options.prefix),
      batches: [],
      records: 0,
      readTo: -1,
      assigned: false,
      ended: false,
    }))
  }

  /**
   * Where slices will begin, by input: all are read at once from here on, instead of each when its
   * first slice comes.
   */
  begin(positions: readonly number[]): void {
    for (const [i, buffer] of this.#buffers.entries()) this.#restart(buffer, positions[i] ?? 0)
  }

  /** The slice as it was stepped. `index`: of its input. Errors: HsError HS_INPUT_CHANGED. */
  async slice(index: number, recorded: JournalSlice): Promise<CheckedSlice> {
    const buffer = this.#buffers[index]
    if (buffer === undefined) throw new HsError('HS_INTERNAL', `no input ${index}`)
    if (buffer.readTo < recorded.from) this.#restart(buffer, recorded.from)
    if (buffer.readTo < recorded.to) await this.#cover(buffer, recorded.to)
    const { from, to } = recorded
    const touching = buffer.batches.filter((b) => b.lastOffset >= from && b.baseOffset < to)
    this.#forget(buffer, to)
    const slice = sliceOf({ ...buffer.input, input: index, from, to }, touching)
    if (slice.crc !== recorded.crc)
      throw changed(`${buffer.name}-${buffer.input.partition}: offsets ${from} to ${to} changed`)
    return slice
  }

  /** In place of a slice that cannot be read again: no records. The next one begins behind it. */
  passOver(index: number, { from, to }: JournalSlice): CheckedSlice {
    const buffer = this.#buffers[index]
    if (buffer === undefined) throw new HsError('HS_INTERNAL', `no input ${index}`)
    if (buffer.readTo < to) this.#restart(buffer, to)
    else this.#forget(buffer, to)
    return sliceOf({ ...buffer.input, input: index, from, to }, [])
  }

  /** From here on this signal ends its waiting. */
  bind(signal: AbortSignal): void {
    this.#signal = signal
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  /** After a skip, a gap, or at the beginning. */
  #restart(buffer: Buffer, from: number): void {
    buffer.readTo = from
    this.#forget(buffer, from)
    this.#assign(buffer)
  }

  #assign(buffer: Buffer): void {
    this.#reader.assign({ topic: buffer.name, partition: buffer.input.partition }, buffer.readTo)
    buffer.assigned = true
  }

  #forget(buffer: Buffer, before: number): void {
    buffer.batches = buffer.batches.filter((batch) => batch.lastOffset >= before)
    buffer.records = buffer.batches.reduce((sum, batch) => sum + batch.recordCount, 0)
  }

  async #cover(wanted: Buffer, to: number): Promise<void> {
    if (!wanted.assigned) this.#assign(wanted)
    let waitingSinceMs: number | null = null
    while (wanted.readTo < to) {
      const before = wanted.readTo
      for (const fetched of await this.#poll(wanted)) this.#take(fetched, wanted)
      if (wanted.readTo > before) waitingSinceMs = null
      else {
        waitingSinceMs ??= this.#clock.monotonicMs()
        const waitedMs = this.#clock.monotonicMs() - waitingSinceMs
        if (!wanted.ended && waitedMs <= VANISHED_AFTER_MS) continue
        wanted.ended = true
        throw changed(
          `${wanted.name}-${wanted.input.partition} ends at ${wanted.readTo}, ` +
            `steps were made up to ${to}`,
        )
      }
    }
  }

  async #poll(wanted: Buffer): Promise<readonly Fetched[]> {
    for (;;) {
      try {
        return await this.#reader.poll(POLL_MS, this.#signal)
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        if (error.code === 'POSITION_LOST') {
          this.#lost(error, wanted)
          continue
        }
        if (error.code !== 'UNAVAILABLE') throw error
        await this.#clock.sleep(POLL_MS, this.#signal)
      }
    }
  }

  /** Reading ahead may run into a gap that the journal explains later. */
  #lost(error: LogError, wanted: Buffer): void {
    const { at } = error
    const buffer = this.#buffers.find(
      (b) => b.name === at?.topic && b.input.partition === at.partition,
    )
    if (buffer === undefined || buffer === wanted) throw changed(error.message, error)
    this.#reader.unassign({ topic: buffer.name, partition: buffer.input.partition })
    buffer.assigned = false
  }

  #take(fetched: Fetched, wanted: Buffer): void {
    const { topic, partition } = fetched
    const buffer = this.#buffers.find((b) => b.name === topic && b.input.partition === partition)
    if (buffer === undefined || fetched.from !== buffer.readTo) return
    if (fetched.gap !== null) {
      // Met again, and told, when it is what is wanted.
      this.#reader.unassign({ topic, partition })
      buffer.assigned = false
      if (buffer !== wanted) return
      const { from, to } = fetched.gap
      throw changed(`${topic}-${partition}: offsets ${from} to ${to} are gone`)
    }
    buffer.batches.push(...fetched.batches)
    buffer.records += fetched.batches.reduce((sum, batch) => sum + batch.recordCount, 0)
    buffer.readTo = fetched.to
    if (buffer !== wanted && buffer.records > AHEAD_MAX) {
      this.#reader.unassign({ topic, partition })
      buffer.assigned = false
    }
  }
}

function changed(what: string, cause?: unknown): HsError {
  return new HsError('HS_INPUT_CHANGED', what, { cause })
}
