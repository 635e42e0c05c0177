// The jitter trace by many seeds (S0-28): the whole judgement, and who watches heartbeats alone.
import type { Serde } from '../../adapters/serde/serde.ts'
import { heartbeatOnly, type Windows } from './score/heartbeat.ts'
import { judged } from './score/judged.ts'
import { jitterOf } from './traces/jitter.ts'

/** False alarms in at most so many of the windows. */
const FPR_MAX = 0.01
const BASELINE_PERIODS = [2, 3, 4, 5] as const

export interface JitterRow {
  readonly name: string
  readonly alarmed: number
  readonly all: number
  /** FP / (FP + TN): nothing is wrong anywhere. */
  readonly fpr: number
  /** FP / (FP + TP); null: there was no alarm. */
  readonly fdr: number | null
}

export interface JitterReport {
  readonly judgement: JitterRow
  /** Called unstable at least: suspected, and left alone. */
  readonly suspicion: JitterRow
  readonly heartbeats: readonly JitterRow[]
  readonly commands: number
  readonly ok: boolean
}

export interface JitterOptions {
  readonly seed: number
  readonly seeds: number
  readonly serde: Serde
  readonly ran?: (seed: number) => void
}

export function jitter({ seed, seeds, serde, ran }: JitterOptions): JitterReport {
  const sums = new Map<string, { alarmed: number; all: number }>()
  const add = (name: string, { alarmed, all }: Windows): void => {
    const sum = sums.get(name) ?? { alarmed: 0, all: 0 }
    sums.set(name, { alarmed: sum.alarmed + alarmed, all: sum.all + all })
  }
  let commands = 0
  for (let at = seed; at < seed + seeds; at++) {
    const trace = jitterOf(at)
    const found = judged(trace, serde)
    add('unhealthy', found.unhealthy)
    add('unstable', found.unstable)
    commands += found.commands
    for (const periods of BASELINE_PERIODS) add(beats(periods), heartbeatOnly(trace, periods))
    ran?.(at)
  }
  const row = (name: string): JitterRow => {
    const { alarmed, all } = sums.get(name) ?? { alarmed: 0, all: 0 }
    return { name, alarmed, all, fpr: alarmed / all, fdr: alarmed === 0 ? null : 1 }
  }
  const judgement = row('unhealthy')
  return {
    judgement,
    suspicion: row('unstable'),
    heartbeats: BASELINE_PERIODS.map((periods) => row(beats(periods))),
    commands,
    ok: judgement.fpr < FPR_MAX && commands === 0,
  }
}

const beats = (periods: number): string => `heartbeats alone, ${periods} periods`
