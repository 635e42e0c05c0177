// The truth about one instance: what is wrong with it, what its requests come to, and what a
// restart does. Its agent tells of it what can be seen from outside.
import type { Random } from '../../simulate/random.ts'
import type { Counts } from '../../simulate/records.ts'

/** How it can be ill. All of it is cured by a restart, unless its cause lies elsewhere. */
export const ILLNESSES = ['crash', 'hang', 'refuse', 'errors', 'slow'] as const
export type IllnessKind = (typeof ILLNESSES)[number]

export interface Illness {
  readonly kind: IllnessKind
  /** Share of failed requests, or their latency. */
  readonly failed: number
  readonly latencyUs: number
  /** A restart cures it; else it stays until its cause is gone. */
  readonly curable: boolean
}

export interface InstanceSpec {
  readonly service: string
  readonly name: string
  readonly zone: string
  /** Requests a second. */
  readonly rate: number
  readonly latencyUs: number
  /** Share of requests that fail while nothing is wrong. */
  readonly errorShare: number
}

export class SimInstance {
  readonly spec: InstanceSpec
  incarnation: number = 1
  /** Of its registration; begins anew with every incarnation. */
  version: number = 1
  appVersion: string = 'v1'
  illness: Illness | null = null
  /** A restart is under way. */
  inHand: boolean = false
  readonly #random: Random

  constructor(spec: InstanceSpec, random: Random) {
    this.spec = spec
    this.#random = random
  }

  /** A process that answers. */
  get serves(): boolean {
    const kind = this.illness?.kind
    return !this.inHand && kind !== 'crash' && kind !== 'hang' && kind !== 'refuse'
  }

  /** What a probe says of it. */
  get probe(): { readonly verdict: 'up' | 'down'; readonly why: 'refused' | 'timeout' } {
    const why = this.illness?.kind === 'hang' ? 'timeout' : 'refused'
    return { verdict: this.serves ? 'up' : 'down', why }
  }

  counts(overMs: number): Counts {
    if (!this.serves) return { ok: 0, failed: 0, latencyUs: 0 }
    const { rate, latencyUs, errorShare } = this.spec
    const n = Math.max(1, Math.round((rate * overMs * this.#random.between(0.8, 1.2)) / 1_000))
    const share = this.illness?.kind === 'errors' ? this.illness.failed : errorShare
    const mean = n * share
    const failed = Math.min(n, Math.floor(mean) + (this.#random.chance(mean % 1) ? 1 : 0))
    const slow = this.illness?.kind === 'slow' ? this.illness.latencyUs : latencyUs
    return { ok: n - failed, failed, latencyUs: Math.round(slow * this.#random.between(0.85, 1.2)) }
  }

  /** A new process; what a restart cures is gone. */
  restarted(): void {
    this.inHand = false
    this.incarnation += 1
    this.version = 1
    if (this.illness?.curable === true) this.illness = null
  }
}
