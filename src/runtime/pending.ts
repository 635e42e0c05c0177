// What has been stepped and not yet committed: the steps for the journal, the sealed outputs, and
// the digest over the outputs before sealing. It knows how large its entry will be, so that an
// entry never exceeds its bound: whoever has no room commits first.
import { createHash } from 'node:crypto'
import { type JournalStep, type StepsEntry } from '../contracts/journal.ts'
import { stepBytes, STEPS_BYTES_MAX } from '../contracts/journal-codec.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { type TopicKind, TOPICS } from '../contracts/topics.ts'
import { canonical } from '../core/kernel/canonical.ts'
import type { Output, Step } from '../core/kernel/step.ts'
import type { AsOf } from './log-time.ts'
import type { CheckedSlice } from './stepper.ts'

/** The fleet task reads a partition of every service task (at most 1,000) and two more. */
const INPUTS_MAX = 1_002
/** Room a step may need, whatever is in it: every input with a slice, every topic with an asOf. */
const LARGEST_STEP: JournalStep = {
  seq: 0,
  nowMs: 0,
  behind: false,
  asOf: Array.from(TOPICS, () => ({ topic: 'fleet', atMs: 0 })),
  slices: Array.from({ length: INPUTS_MAX }, () => ({
    topic: 'fleet',
    partition: 0,
    from: 0,
    to: 0,
    crc: 0,
  })),
}
const STEP_ROOM = stepBytes(LARGEST_STEP)
/**
 * Values of outputs that may wait for a commit, bytes; bounds memory while the log does not answer.
 */
const OUTPUT_BYTES_MAX = 4 * 1_024 * 1_024

/** Digest over the outputs of consecutive steps; steps without outputs add nothing. */
export class OutputsDigest {
  readonly #hash = createHash('sha256')
  count: number = 0

  add(seq: number, outputs: readonly Output[]): void {
    if (outputs.length === 0) return
    this.#hash.update(canonical([seq, outputs]))
    this.count += outputs.length
  }

  done(): Uint8Array {
    return new Uint8Array(this.#hash.digest())
  }
}

export class Pending {
  readonly #digest = new OutputsDigest()
  readonly #steps: JournalStep[] = []
  readonly records: OutgoingRecord[] = []
  #entryBytes = 0
  #outputBytes = 0

  get isEmpty(): boolean {
    return this.#steps.length === 0
  }

  get stepCount(): number {
    return this.#steps.length
  }

  /** seq and log time of the last step; null for none. */
  get last(): { readonly seq: number; readonly nowMs: number } | null {
    return this.#steps.at(-1) ?? null
  }

  get hasRoom(): boolean {
    return this.#entryBytes + STEP_ROOM <= STEPS_BYTES_MAX && this.#outputBytes <= OUTPUT_BYTES_MAX
  }

  add(step: JournalStep, outputs: readonly Output[], sealed: readonly OutgoingRecord[]): void {
    this.#steps.push(step)
    this.#entryBytes += stepBytes(step)
    this.#digest.add(step.seq, outputs)
    for (const record of sealed) {
      this.records.push(record)
      this.#outputBytes += record.value?.length ?? 0
    }
  }

  /**
   * The entry for everything added; nothing may be added afterwards. `snapshot`: offset of the
   * header of one that was finished since the last entry.
   */
  entry(stateDigest: Uint8Array | null, snapshot: number | null = null): StepsEntry {
    return {
      kind: 'steps',
      steps: this.#steps,
      outputs: this.#digest.count,
      outputsDigest: this.#digest.done(),
      stateDigest,
      snapshot,
    }
  }
}

/** A step as the journal keeps it: only what changed of `asOf`, slices without their bytes. */
export function journalStep(
  step: Step,
  slices: readonly CheckedSlice[],
  asOfBefore: AsOf,
): JournalStep {
  const changed: { topic: TopicKind; atMs: number }[] = []
  for (const { kind: topic } of TOPICS) {
    const atMs = step.asOf[topic]
    if (atMs !== undefined && atMs !== asOfBefore[topic]) changed.push({ topic, atMs })
  }
  return {
    seq: step.seq,
    nowMs: step.nowMs,
    behind: step.behind,
    asOf: changed,
    slices: slices.map(({ topic, partition, from, to, crc }) => ({
      topic,
      partition,
      from,
      to,
      crc,
    })),
  }
}
