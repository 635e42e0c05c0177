// The smallest reason of a decision (which records were enough for it): the steps that led to it
// are made again by a core from the same state, with fewer and fewer records, as long as the same
// decision comes out, in its step at the latest. What is left is 1-minimal: without any one of
// these records it would not have been made by then.
import { HsError } from '../../contracts/failure.ts'
import type { IncidentEvent } from '../../contracts/records.ts'
import type { Outcome, Slice, Step } from '../../core/kernel/step.ts'
import { type Decision, type DecisionName, decisionOf, isAmong } from './decision.ts'
import type { KeptRecord, KeptStep, Recording } from './recording.ts'
import { smallest } from './smallest.ts'

export interface ReasonOptions {
  /** Between two tries: lets others run. Default: nothing. */
  readonly pause?: () => Promise<void>
  /** The search ends where it is when this says so. */
  readonly isOver?: () => boolean
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
  const { event, signature } = rerun.decision(all, name)
  const { pause, isOver } = options
  const shows = async (kept: readonly number[]): Promise<boolean> => {
    await pause?.()
    return rerun.leadsTo(kept, signature)
  }
  const found = await smallest(all, {
    shows,
    guesses: guessesOf(recording, last.step.nowMs, event),
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
/** A core is taken up again only where that saves as many steps. */
const SAVED_STEPS_MIN = 5
/** Spans before a decision in which its reason often lies. */
const SHORT_MS = 10_000
const LONG_MS = 60_000
/** What the fleet task grants is renewed within this. */
const TOLD_SPAN_MS = 40_000
/** What people and the fleet task have said. */
const TOLD = ['policies', 'operator', 'fleet']

/** What often is enough, narrow guesses first: each try costs as much as is left silent. */
function guessesOf(
  { records }: Recording,
  nowMs: number,
  { service, instance }: Pick<IncidentEvent, 'service' | 'instance'>,
): readonly ((item: number) => boolean)[] {
  const isTold = (item: number): boolean => TOLD.includes(records[item]?.topic ?? '')
  const isSince = (item: number, spanMs: number): boolean =>
    (records[item]?.view.timestampMs ?? 0) >= nowMs - spanMs
  const within = (name: string | null, spanMs: number, toldMs: number) => {
    const bytes = name === null ? null : Buffer.from(name)
    return (item: number): boolean => {
      if (isTold(item)) return isSince(item, toldMs)
      return isSince(item, spanMs) && (bytes === null || holds(records[item], bytes))
    }
  }
  const whom = instance ?? service
  return [
    within(whom, NEAR_MS, TOLD_SPAN_MS),
    within(whom, SHORT_MS, TOLD_SPAN_MS),
    within(whom, LONG_MS, Number.POSITIVE_INFINITY),
    within(service, LONG_MS, Number.POSITIVE_INFINITY),
    within(null, SHORT_MS, Number.POSITIVE_INFINITY),
    within(null, LONG_MS, Number.POSITIVE_INFINITY),
  ]
}

function holds(record: KeptRecord | undefined, bytes: Buffer): boolean {
  if (record === undefined || record.view.valueStart < 0) return false
  const { buffer, valueStart, valueEnd } = record.view
  const from = buffer.byteOffset + valueStart
  return Buffer.from(buffer.buffer, from, valueEnd - valueStart).includes(bytes)
}

/** A core that has made the steps before one of them, without any record. */
interface Start {
  /** Of the step that comes next. */
  readonly index: number
  readonly image: Uint8Array | null
  readonly wakeMs: number
}

/** Makes the steps again, with some of the records. */
class Rerun {
  readonly #recording: Recording
  readonly #steps: readonly KeptStep[]
  /** Before the first of the records that are left, of those with which the decision came out. */
  #start: Start
  #reached: Start | null = null

  constructor(recording: Recording, steps: readonly KeptStep[]) {
    this.#recording = recording
    this.#steps = steps
    this.#start = { index: 0, image: recording.image, wakeMs: 0 }
  }

  /** As all records lead to it. Errors: HS_DIVERGED. */
  decision(all: readonly number[], name: DecisionName): Decision {
    const found: Decision[] = []
    this.#run(all, (step, outputs) => {
      const decision = step.seq === name.stepSeq ? decisionOf(outputs, name) : null
      if (decision !== null) found.push(decision)
      return decision === null
    })
    const [decision] = found
    if (decision !== undefined) return decision
    const what = `event ${name.seq} of incident ${name.incidentId}`
    throw new HsError('HS_DIVERGED', `step ${name.stepSeq}, made again, does not say ${what}`)
  }

  /**
   * The decision comes out, in its step at the latest. When it does, fewer of these records are
   * all that is asked for from then on.
   */
  leadsTo(kept: readonly number[], signature: string): boolean {
    let found = false
    this.#run(kept, (_step, outputs) => {
      found = isAmong(outputs, signature)
      return !found
    })
    if (found && this.#reached !== null) this.#start = this.#reached
    return found
  }

  /**
   * Steps that hold none of the records are made only where time would have woken the core, once
   * a second while nothing is near; the last one always. Ends when `look` says false.
   */
  #run(kept: readonly number[], look: (step: Step, outputs: Outcome['outputs']) => boolean): void {
    const { createCore, context, behaviour, records } = this.#recording
    const steps = this.#steps
    let { index, wakeMs } = this.#start
    const core = createCore({ ...context, behaviour }, this.#start.image)
    this.#reached = null
    let at = 0
    const decidedMs = steps.at(-1)?.step.nowMs ?? 0
    for (; index < steps.length; index++) {
      const held = steps[index]
      if (held === undefined) return
      const from = at
      while ((kept[at] ?? held.end) < held.end) at += 1
      const isLast = index === steps.length - 1
      if (at === from && held.step.nowMs < wakeMs && !isLast) continue
      if (from === 0 && at > 0 && index - this.#start.index >= SAVED_STEPS_MIN)
        this.#reached = { index, image: Buffer.concat(core.image()), wakeMs }
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
