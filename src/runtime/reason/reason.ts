// The smallest reason of a decision (which records were enough for it): the steps that led to it
// are made again by a core from the same state, with fewer and fewer records, as long as the same
// decision comes out, in its step at the latest. What is left is 1-minimal: without any one of
// these records it would not have been made by then.
import { HsError } from '../../contracts/failure.ts'
import type { Outcome, Slice, Step } from '../../core/kernel/step.ts'
import { type DecisionName, isAmong, signatureOf } from './decision.ts'
import type { KeptRecord, KeptStep, Recording } from './recording.ts'
import { smallest } from './smallest.ts'

export interface ReasonOptions {
  /** Between two tries: lets others run. Default: nothing. */
  readonly pause?: () => Promise<void>
  /** The search ends where it is when this says so. */
  readonly isOver?: () => boolean
  /** Whether a record speaks of what was decided about; tried first. */
  readonly concerns?: (record: KeptRecord) => boolean
}

export interface Reason {
  /** In the order in which they were read. */
  readonly records: readonly KeptRecord[]
  /** Records that there were. */
  readonly among: number
  /** Log time of the state from which on records were looked at. */
  readonly sinceMs: number
  readonly decidedMs: number
  readonly tests: number
  readonly isMinimal: boolean
}

/**
 * Errors: HsError HS_NOT_FOUND when the recording does not hold the decision; HS_DIVERGED when the
 * steps made again do not lead to it.
 */
export async function reasonOf(
  recording: Recording,
  name: DecisionName,
  options: ReasonOptions = {},
): Promise<Reason> {
  const steps = stepsUpTo(recording, name.stepSeq)
  const last = steps.at(-1)
  const first = steps[0]
  if (first === undefined || last?.step.seq !== name.stepSeq)
    throw new HsError('HS_NOT_FOUND', `step ${name.stepSeq} is not among those that were read`)
  const all = Array.from({ length: last.end }, (_, i) => i)
  const rerun = new Rerun(recording, steps)
  const signature = rerun.signature(all, name)
  const { pause, isOver, concerns } = options
  const shows = async (kept: readonly number[]): Promise<boolean> => {
    await pause?.()
    return rerun.leadsTo(kept, signature)
  }
  const found = await smallest(all, {
    shows,
    guesses: guessesOf(recording, last.step.nowMs, concerns),
    ...(isOver === undefined ? {} : { isOver }),
  })
  return {
    records: found.kept.flatMap((i) => recording.records[i] ?? []),
    among: all.length,
    sinceMs: first.step.nowMs,
    decidedMs: last.step.nowMs,
    tests: found.tests,
    isMinimal: found.isMinimal,
  }
}

function stepsUpTo({ steps }: Recording, seq: number): readonly KeptStep[] {
  return steps.filter(({ step }) => step.seq <= seq)
}

/** So long before a record, or the decision, time is as fine as it was; else it goes by this. */
const NEAR_MS = 2_500
const FAR_EVERY_MS = 1_000

/** Spans before a decision in which its reason often lies, ms. */
const SPANS_MS = [300_000, 60_000, 10_000] as const

/** What people, and who speaks for them, have said is kept by every guess. */
const TOLD = ['policies', 'operator', 'fleet']

function guessesOf(
  { records }: Recording,
  nowMs: number,
  concerns: ReasonOptions['concerns'],
): readonly ((item: number) => boolean)[] {
  const isTold = (item: number): boolean => TOLD.includes(records[item]?.topic ?? '')
  const isRecent = (spanMs: number) => (item: number) =>
    isTold(item) || (records[item]?.view.timestampMs ?? 0) >= nowMs - spanMs
  const recent = SPANS_MS.map(isRecent)
  if (concerns === undefined) return recent
  const about = (item: number): boolean => {
    const record = records[item]
    return isTold(item) || (record !== undefined && concerns(record))
  }
  return [about, ...recent]
}

/** Makes the steps again, with some of the records. */
class Rerun {
  readonly #recording: Recording
  readonly #steps: readonly KeptStep[]

  constructor(recording: Recording, steps: readonly KeptStep[]) {
    this.#recording = recording
    this.#steps = steps
  }

  /** Of the decision, as all records lead to it. Errors: HS_DIVERGED. */
  signature(all: readonly number[], name: DecisionName): string {
    let signature: string | null = null
    this.#run(all, (step, outputs) => {
      if (step.seq === name.stepSeq) signature = signatureOf(outputs, name)
      return true
    })
    if (signature !== null) return signature
    const what = `event ${name.seq} of incident ${name.incidentId}`
    throw new HsError('HS_DIVERGED', `step ${name.stepSeq}, made again, does not say ${what}`)
  }

  /** The decision comes out, in its step at the latest. */
  leadsTo(kept: readonly number[], signature: string): boolean {
    let found = false
    this.#run(kept, (_step, outputs) => {
      found = isAmong(outputs, signature)
      return !found
    })
    return found
  }

  /**
   * Steps that hold none of the records are made only where time would have woken the core, once
   * a second while nothing is near; the last one always. Ends when `look` says false.
   */
  #run(kept: readonly number[], look: (step: Step, outputs: Outcome['outputs']) => boolean): void {
    const { createCore, context, image, behaviour, records } = this.#recording
    const core = createCore({ ...context, behaviour }, image)
    let at = 0
    const decidedMs = this.#steps.at(-1)?.step.nowMs ?? 0
    let wakeMs = 0
    for (const held of this.#steps) {
      const from = at
      while ((kept[at] ?? held.end) < held.end) at += 1
      const isLast = held === this.#steps.at(-1)
      if (at === from && held.step.nowMs < wakeMs && !isLast) continue
      const step = { ...held.step, slices: this.#slices(held, kept.slice(from, at)) }
      const { outputs, wakeAtMs } = core.step(step)
      wakeMs = wakeAtMs ?? Number.POSITIVE_INFINITY
      const nextMs = (records[kept[at] ?? -1]?.view.timestampMs ?? decidedMs) - NEAR_MS
      if (step.nowMs < nextMs) wakeMs = Math.max(wakeMs, step.nowMs + FAR_EVERY_MS)
      if (!look(held.step, outputs)) return
    }
  }

  #slices({ slices }: KeptStep, kept: readonly number[]): readonly Slice[] {
    const { records } = this.#recording
    return slices.flatMap(({ slice, first, end }) => {
      const mine = kept.filter((item) => item >= first && item < end)
      if (mine.length === 0) return []
      const { topic, partition, from, to } = slice
      const visit: Slice['visit'] = (visitor) => {
        for (const item of mine) {
          const record = records[item]
          if (record !== undefined) visitor(record.view)
        }
      }
      return [{ topic, partition, from, to, visit }]
    })
  }
}
