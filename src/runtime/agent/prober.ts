// Probes one target on a fixed grid of times: tries never overlap, a late try does not shift the
// later ones, a try that outlasts its period is followed at once by the next. Says what changed,
// not every try.
import type { ProbeVerdict } from '../../contracts/records.ts'
import type { Clock } from '../ports.ts'
import {
  type ProbeProfile,
  type ProbeTarget,
  type ProbeTry,
  type TryOutcome,
  Verdict,
} from './probe.ts'

export interface ProbeLoopOptions {
  readonly target: ProbeTarget
  readonly profile: ProbeProfile
  readonly probe: ProbeTry
  readonly clock: Clock
  /**
   * Which process of the instance runs, or null while our own hand starts or ends it: then there
   * are no tries. With every other one the verdict starts anew, however short the change was.
   */
  readonly life: () => number | null
  readonly onTry: (outcome: TryOutcome) => void
  readonly onVerdict: (verdict: ProbeVerdict, last: TryOutcome, failures: number) => void
}

/** Whether our own hand is still on the instance is asked this often. */
const HELD_LOOK_MS = 100

/**
 * Runs until `signal` aborts; rejects only for a defect of a listener. Every process has the
 * initial delay of the profile before its first try (S3-37, S4-24): what fails while it starts says
 * nothing. Each try has the time-out of the profile, there is none without (C-03).
 */
export async function probeLoop(options: ProbeLoopOptions, signal: AbortSignal): Promise<void> {
  const { clock, profile } = options
  const verdict = new Verdict(profile)
  let judged: number | null = null
  let at = clock.monotonicMs()
  while (await slept(clock, at - clock.monotonicMs(), signal)) {
    const life = options.life()
    const isNew = life !== judged
    if (isNew) verdict.reset()
    judged = life
    const waitMs = life === null ? HELD_LOOK_MS : isNew ? profile.initialDelayMs : 0
    if (waitMs > 0) {
      at = clock.monotonicMs() + waitMs
      continue
    }
    const outcome = await options.probe(options.target, profile.timeoutMs)
    if (signal.aborted) return
    // A try that was under way when our own hand took the instance says nothing about it.
    if (options.life() === life) judge(options, verdict, outcome)
    at = Math.max(at + profile.periodMs, clock.monotonicMs())
  }
}

function judge(options: ProbeLoopOptions, verdict: Verdict, outcome: TryOutcome): void {
  options.onTry(outcome)
  const changed = verdict.observe(outcome.reason)
  if (changed !== null) options.onVerdict(changed, outcome, verdict.failures)
}

/**
 * False: aborted. Always gives way to others, so that a target that fails at once cannot starve the
 * rest.
 */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false
  try {
    await clock.sleep(Math.max(0, ms), signal)
    return true
  } catch {
    return false
  }
}
