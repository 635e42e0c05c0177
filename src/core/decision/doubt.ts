// Self-doubt: reasons to believe less of what is only inferred. While the task reads late, was
// stalled, hears clocks that are wrong or misses agents elsewhere, inferred evidence has to stand
// longer: once more its settle time for each reason, up to a bound (DESIGN.md sections 5 and 7).
import type { Pulse } from '../../contracts/records.ts'
import { formatDuration } from '../../contracts/duration.ts'
import type { Doubts } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** Reading, or the loop, this late is worth a doubt. */
export const LATE_MS = 2_000
/** A stall is remembered for so long. */
export const STALL_KEPT_MS = 10_000

/** What the task knows of its own steps. */
export interface Rhythm {
  /** Log time of the step that it asked for last; null: none, or it was behind. */
  promisedMs: number | null
  /** How late a step came, and when. */
  stallMs: number
  stalledAtMs: number
}

export interface Doubt {
  /** Inferred evidence has to stand so many times its settle time. */
  readonly factor: number
  readonly why: readonly string[]
}

export const NO_DOUBT: Doubt = { factor: 1, why: [] }

export function newRhythm(): Rhythm {
  return { promisedMs: null, stallMs: 0, stalledAtMs: 0 }
}

/** A step begins. One that is behind says nothing of the loop. */
export function noteStep(rhythm: Rhythm, nowMs: number, behind: boolean): void {
  const { promisedMs } = rhythm
  if (behind) rhythm.promisedMs = null
  if (behind || promisedMs === null || nowMs - promisedMs < LATE_MS) return
  rhythm.stallMs = nowMs - promisedMs
  rhythm.stalledAtMs = nowMs
}

/** A step ends and wants the next one at `wakeAtMs` at the latest. */
export function notePromise(rhythm: Rhythm, wakeAtMs: number | null, behind: boolean): void {
  rhythm.promisedMs = behind ? null : wakeAtMs
}

export function doubtOf(
  rhythm: Rhythm,
  { lagMs, skewed }: Doubts,
  at: { readonly pulse: Pulse | null; readonly nowMs: number; readonly factorMax: number },
): Doubt {
  const { pulse, nowMs, factorMax } = at
  const why: string[] = []
  if (lagMs === null) why.push('nothing was read yet')
  else if (lagMs >= LATE_MS) why.push(`reading is ${formatDuration(lagMs)} late`)
  if (rhythm.stallMs > 0 && nowMs - rhythm.stalledAtMs < STALL_KEPT_MS) {
    const ago = formatDuration(nowMs - rhythm.stalledAtMs)
    why.push(`it stood still for ${formatDuration(rhythm.stallMs)}, ${ago} ago`)
  }
  if (skewed) why.push('a clock of an agent is not believed')
  const missing = pulse === null ? 0 : pulse.reporters_expected - pulse.reporters_seen
  if (missing > 0) why.push(`${missing} of ${pulse?.reporters_expected} agents are missing`)
  return { factor: Math.min(1 + why.length, factorMax), why }
}

export function saveRhythm({ promisedMs, stallMs, stalledAtMs }: Rhythm, to: ImageWriter): void {
  to.numberOrNull(promisedMs).number(stallMs).number(stalledAtMs)
}

export function loadRhythm(from: ImageReader): Rhythm {
  return {
    promisedMs: from.numberOrNull(),
    stallMs: from.number(),
    stalledAtMs: from.number(),
  }
}
