// How old an answer is, as headers of it: the body is the same whether it is old or not. Both ends
// are of one build.
import { printable } from '../../contracts/printable.ts'
import type { ViewAnswer } from './projector.ts'

const AS_OF = 'healstream-as-of'
const STALE = 'healstream-stale-ms'
const SOURCE = 'healstream-views'
const PROBLEM = 'healstream-problem'

export interface ViewRecency {
  readonly source: string
  /** Everything up to then is in the answer, epoch ms; null: not known, it was not read whole. */
  readonly asOfMs: number | null
  /** By the clock of the projector. */
  readonly staleMs: number | null
  readonly problem: string | null
}

export function recencyHeaders(answer: ViewAnswer, nowMs: number): Record<string, string> {
  const { source, asOfMs, problem } = answer
  const age = String(Math.max(0, Math.round(nowMs - asOfMs)))
  return {
    [SOURCE]: source,
    ...(asOfMs === 0 ? {} : { [AS_OF]: new Date(asOfMs).toISOString(), [STALE]: age }),
    // A header holds Latin letters alone.
    ...(problem === null
      ? {}
      : {
          [PROBLEM]: printable(problem)
            .replaceAll(/[^\x20-\x7e]/g, '?')
            .slice(0, 300),
        }),
  }
}

/** null: an answer that says nothing about it. */
export function recencyOf(headers: { get(name: string): string | null }): ViewRecency | null {
  const source = headers.get(SOURCE)
  if (source === null) return null
  const asOf = Date.parse(headers.get(AS_OF) ?? '')
  const stale = Number(headers.get(STALE) ?? Number.NaN)
  return {
    source,
    asOfMs: Number.isFinite(asOf) ? asOf : null,
    staleMs: Number.isFinite(stale) ? stale : null,
    problem: headers.get(PROBLEM),
  }
}
