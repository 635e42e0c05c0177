// Steps kept as they were made, with their records, so that a core can make them again from the
// same state with fewer records.
import type { RecordView } from '../../contracts/record.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import type { CoreContext, CreateCore, Slice, Step, TaskCore } from '../../core/kernel/step.ts'

export interface KeptRecord {
  readonly topic: TopicKind
  readonly partition: number
  readonly view: RecordView
}

/** A slice, and which of `Recording.records` it holds: `first` ≤ number < `end`. */
export interface KeptSlice {
  readonly slice: Slice
  readonly first: number
  readonly end: number
}

export interface KeptStep {
  readonly step: Step
  readonly slices: readonly KeptSlice[]
  /** Number behind its last record. */
  readonly end: number
}

/** What happened from one state of a task on. */
export interface Recording {
  readonly createCore: CreateCore
  readonly context: CoreContext
  /** The state at the beginning; null: an empty one. */
  readonly image: Uint8Array | null
  readonly behaviour: number
  readonly steps: readonly KeptStep[]
  readonly records: readonly KeptRecord[]
}

export interface RecordingBounds {
  readonly spanMs: number
  readonly recordsMax: number
}

interface Growing extends Recording {
  readonly steps: KeptStep[]
  readonly records: KeptRecord[]
}

/**
 * Keeps the newest steps of a core, from a state on that is at least `spanMs` of log time and at
 * most about twice that before the newest, or less where there are more than `recordsMax` records.
 */
export class Recorder {
  readonly #create: CreateCore
  readonly #bounds: RecordingBounds
  #recording: Growing | null = null
  /** From a later state on; it takes the place of the other one once it is long enough. */
  #newer: Growing | null = null

  constructor(create: CreateCore, bounds: RecordingBounds) {
    this.#create = create
    this.#bounds = bounds
  }

  /** Makes a core whose steps are kept. */
  readonly createCore: CreateCore = (context, image) => {
    const core = this.#create(context, image)
    let { behaviour } = context
    const begin = (state: Uint8Array | null): Growing => {
      return { createCore: this.#create, context, image: state, behaviour, steps: [], records: [] }
    }
    this.#recording = begin(image)
    this.#newer = null
    return {
      image: () => core.image(),
      step: (step) => {
        this.#beforeStep(step, () => begin(joined(core)))
        for (const recording of [this.#recording, this.#newer]) {
          if (recording !== null) keep(recording, step)
        }
        return core.step(step)
      },
      setBehaviour: (next) => {
        behaviour = next
        core.setBehaviour(next)
        // A recording is of one behaviour.
        this.#recording = begin(joined(core))
        this.#newer = null
      },
    }
  }

  get recording(): Recording | null {
    return this.#recording
  }

  #beforeStep({ nowMs }: Step, begin: () => Growing): void {
    if (this.#recording === null) return
    if (this.#newer === null) {
      if (this.#isLong(this.#recording, nowMs)) this.#newer = begin()
    } else if (this.#isLong(this.#newer, nowMs)) {
      this.#recording = this.#newer
      this.#newer = begin()
    }
  }

  #isLong({ steps, records }: Recording, nowMs: number): boolean {
    const { spanMs, recordsMax } = this.#bounds
    const beganMs = steps[0]?.step.nowMs ?? nowMs
    return nowMs - beganMs >= spanMs || records.length >= recordsMax
  }
}

function joined(core: TaskCore): Uint8Array {
  return Buffer.concat(core.image())
}

function keep({ steps, records }: Growing, step: Step): void {
  const slices = step.slices.map((slice) => {
    const first = records.length
    const { topic, partition } = slice
    // The bytes stand still: each answer of the log, and each unpacked batch, has its own.
    slice.visit((view) => records.push({ topic, partition, view: { ...view } }))
    return { slice, first, end: records.length }
  })
  steps.push({ step, slices, end: records.length })
}
