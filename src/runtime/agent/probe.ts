// Probing without a network: profiles (requirements, profile table), what one try may find, and the
// verdict over several tries. The tries themselves are adapters/http/probe.ts, the schedule is
// prober.ts.
import type { ProbeReason, ProbeVerdict } from '../../contracts/records.ts'

export type ProfileName = 'fast' | 'isolate' | 'default' | 'conservative'

export interface ProbeProfile {
  readonly name: ProfileName
  readonly periodMs: number
  /** Failures in a row until the verdict is `down`. */
  readonly failures: number
  /** Of one try. */
  readonly timeoutMs: number
  readonly initialDelayMs: number
}

/** The articles' differing figures as named profiles: S0-31; S3-37; S0-15, S3-18, S4-41; S4-24. */
export const PROFILES: Readonly<Record<ProfileName, ProbeProfile>> = {
  fast: { name: 'fast', periodMs: 100, failures: 3, timeoutMs: 200, initialDelayMs: 0 },
  isolate: {
    name: 'isolate',
    periodMs: 3_000,
    failures: 2,
    timeoutMs: 2_000,
    initialDelayMs: 5_000,
  },
  default: { name: 'default', periodMs: 10_000, failures: 3, timeoutMs: 3_000, initialDelayMs: 0 },
  conservative: {
    name: 'conservative',
    periodMs: 10_000,
    failures: 3,
    timeoutMs: 1_000,
    initialDelayMs: 30_000,
  },
}

export interface ProbeTarget {
  readonly protocol: 'http' | 'tcp'
  readonly host: string
  readonly port: number
  /** Path of the HTTP health check. */
  readonly path: string
}

/**
 * What one try found. `unavailable`: the prober could not try (no descriptors, no ports); it says
 * nothing.
 */
export interface TryOutcome {
  readonly reason: ProbeReason
  readonly latencyUs: number
  /** HTTP status, where one came. */
  readonly status: number | null
}

/** One try; never rejects and never takes much longer than `timeoutMs`. */
export type ProbeTry = (target: ProbeTarget, timeoutMs: number) => Promise<TryOutcome>

/** Counts failures in a row. `down` after the profile's number of them, `up` after one success. */
export class Verdict {
  readonly #limit: number
  #verdict: ProbeVerdict = 'unknown'
  #failures = 0

  constructor(profile: ProbeProfile) {
    this.#limit = profile.failures
  }

  get failures(): number {
    return this.#failures
  }

  /** The new verdict when it changed by this try, else null. */
  observe(reason: ProbeReason): ProbeVerdict | null {
    if (reason === 'unavailable') return null
    if (reason === 'ok') this.#failures = 0
    else this.#failures += 1
    const next = reason === 'ok' ? 'up' : this.#failures >= this.#limit ? 'down' : this.#verdict
    if (next === this.#verdict) return null
    this.#verdict = next
    return next
  }

  /** Forgets everything: the next success is an `up` again. */
  reset(): void {
    this.#verdict = 'unknown'
    this.#failures = 0
  }
}
