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
  /**
   * How long an unstable instance is without anything against it before it is healthy again, and
   * how long it then gets 60 % of its traffic; the first doubles with every relapse in ten minutes
   * (S0-24).
   */
  readonly recoverMs: number
  /** Over this time the traffic of one that had none comes back: 30, 60, 100 % (S0-47). */
  readonly slowStartMs: number
  /** Good probes in a row before one that was down gets any traffic again (S4-25). */
  readonly probesGoodMin: number
  /** Instances of the service that are admitted in one second; more stand by (S1-43). */
  readonly registrationsPerS: number
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
  recoverMs: 10_000,
  slowStartMs: 30_000,
  probesGoodMin: 3,
  registrationsPerS: 100,
}

/** Days of a freeze window, as they are counted: the week begins on Monday. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** A time of the week, UTC, in which nothing disruptive is done. */
export interface FreezeWindow {
  /** Days on which it begins. */
  readonly days: readonly Weekday[]
  /** Minute of the day at which it begins, 0…1,439. */
  readonly fromMinute: number
  /** Minute at which it ends; not after `fromMinute` = on the next day. */
  readonly toMinute: number
  /** Empty: nobody said why. */
  readonly why: string
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
  /**
   * Instances of a service in our hand at once, routable or not: max(1, floor(share × n)); S0-42.
   */
  readonly healShareMax: number
  /** A zone is frozen when at least `zoneSickMin` of its instances and this share are sick. */
  readonly zoneSickShareMax: number
  readonly zoneSickMin: number
  /**
   * Storm: fewer than this share of the instances whose health is known are healthy, from
   * `groupMin` on; over when it has been that share or more for `stormCalmMs`.
   */
  readonly stormHealthyMin: number
  readonly stormCalmMs: number
  /**
   * Common cause: more than this share of a service, a zone or a version, from `commonMin`
   * instances on, fell sick within `commonSpanMs` (F70).
   */
  readonly commonShareMax: number
  readonly commonMin: number
  readonly commonSpanMs: number
  /** Inferred evidence stands at most so many times its settle time while we doubt ourselves. */
  readonly doubtFactorMax: number
  /** People who have to approve each command: 0, 1 or 2; the proposer is not among them. */
  readonly approvals: number
  /** An approval without an end of its own is good for so long. */
  readonly approvalMs: number
  /** Nothing disruptive is done in these times of the week. */
  readonly freeze: readonly FreezeWindow[]
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
  healShareMax: 0.3,
  zoneSickShareMax: 0.55,
  zoneSickMin: 3,
  stormHealthyMin: 0.51,
  stormCalmMs: 120_000,
  commonShareMax: 0.2,
  commonMin: 5,
  commonSpanMs: 30_000,
  doubtFactorMax: 4,
  approvals: 0,
  approvalMs: 900_000,
  freeze: [],
}
