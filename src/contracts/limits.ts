// Limits that judgement and guards work with, and their defaults. They come as DetectorSet and
// GuardSet records of hs.policies, never from a file or the environment of a worker.

/** Limits of the detectors (defaults: C-07, S0-21, reliability of small samples). */
export interface DetectorLimits {
  /**
   * Success rate over 60 s at or below which an instance or service deviates (strict: equal =
   * deviates).
   */
  readonly successRateMin: number
  /** It eases again only above this (hysteresis). */
  readonly successRateRecovered: number
  /** P99 over 60 s at or above which it deviates, microseconds. */
  readonly latencyP99MaxUs: number
  readonly latencyP99RecoveredUs: number
  /** Fewer requests in the window than this: rates and quantiles are not judged. */
  readonly samplesMin: number
  /** Failed requests in a row (deltas without any success) that count as a deviation. */
  readonly consecutiveFailuresMax: number
  /** Nothing heard of an instance for the larger of this and 3 × its promised heartbeat period. */
  readonly silenceAfterMs: number
  /** Inferred evidence must stand this long before it may act. */
  readonly settleMs: number
  /** Shortest stay in a state before health eases by one level. */
  readonly dwellMs: number
}

export const DETECTOR_DEFAULTS: DetectorLimits = {
  successRateMin: 0.95,
  successRateRecovered: 0.97,
  latencyP99MaxUs: 1_000_000,
  latencyP99RecoveredUs: 800_000,
  samplesMin: 20,
  consecutiveFailuresMax: 5,
  silenceAfterMs: 5_000,
  settleMs: 1_500,
  dwellMs: 2_000,
}

/**
 * Limits of the guards (DESIGN.md section 7, default guards). Infinity-like values switch one off,
 * visibly.
 */
export interface GuardLimits {
  /**
   * Cool-down per (policy, target) when the policy names none, and its ceiling after doubling on
   * failure.
   */
  readonly cooldownMs: number
  readonly cooldownMaxMs: number
  /** Routable instances of a service out by our hand at once: max(1, floor(share × n)). */
  readonly outShareMax: number
  /** From `groupMin` instances on, this share must stay routable. */
  readonly routableShareMin: number
  readonly groupMin: number
  /** One disruptive action per service in this time. */
  readonly serviceIntervalMs: number
  /**
   * Disruptive actions per minute: of this task, and of the whole fleet (by leases of the fleet
   * task; there the set for all services counts).
   */
  readonly perMinute: number
  /**
   * The fleet is blind when at least `blindMissingMin` of the agents expected and more than
   * `blindShareMax` of them have been missing for `blindAfterMs`.
   */
  readonly blindMissingMin: number
  readonly blindShareMax: number
  readonly blindAfterMs: number
  /** No action on an instance this long after its registration, unless it has been ready before. */
  readonly warmUpMs: number
  readonly flapTransitions: number
  readonly flapSpanMs: number
  /** Ineffective attempts within the span after which only a person acts. */
  readonly ineffectiveMax: number
  readonly ineffectiveSpanMs: number
  readonly commandExpiryMs: number
  /** How long an effect may take to show before the attempt counts as ineffective. */
  readonly verifyMs: number
}

export const GUARD_DEFAULTS: GuardLimits = {
  cooldownMs: 300_000,
  cooldownMaxMs: 600_000,
  outShareMax: 0.1,
  routableShareMin: 0.51,
  groupMin: 4,
  serviceIntervalMs: 60_000,
  perMinute: 6,
  blindMissingMin: 2,
  blindShareMax: 0.15,
  blindAfterMs: 15_000,
  warmUpMs: 120_000,
  flapTransitions: 4,
  flapSpanMs: 600_000,
  ineffectiveMax: 3,
  ineffectiveSpanMs: 14_400_000,
  commandExpiryMs: 60_000,
  verifyMs: 30_000,
}
