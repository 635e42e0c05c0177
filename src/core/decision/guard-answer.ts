// What a guard answers, and the words that several of them use.
import type { GuardVerdict } from '../../contracts/records.ts'

/** A verdict, and what a refusal is told by: told once per cause. */
export interface Asked extends GuardVerdict {
  readonly cause: string
}

export type Answer = Omit<Asked, 'guard' | 'cause' | 'until_ms'> & {
  readonly until_ms?: number | null
  readonly cause?: string
}

/** Passes at `untilMs`. */
export function wait(at: { value: string; limit: string; untilMs: number; nowMs: number }): Answer {
  const { value, limit, untilMs, nowMs } = at
  const passed = nowMs >= untilMs
  return { passed, value, limit, until_ms: passed ? null : untilMs }
}

export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`
}

/** The most of `n` that a share allows: at least one. */
export function atMost(share: number, n: number): number {
  return Math.max(1, Math.floor(share * n))
}
