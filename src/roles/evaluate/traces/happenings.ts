// What happens in a series, drawn before its samples are: faults one after the other, and beside
// them what is no fault (deploys, load steps, bursts, spikes), which may fall together with one.
import type { Random } from '../../simulate/random.ts'
import type { Event, Happening } from './series.ts'

/** In minutes and factors, both ends included. */
interface Kind {
  readonly kind: Happening
  readonly forMin: readonly [number, number]
  readonly factor: readonly [number, number]
}

const LEVEL_SHIFT: Kind = { kind: 'level_shift', forMin: [3, 30], factor: [1.8, 5] }
const DRIFT: Kind = { kind: 'drift', forMin: [30, 90], factor: [2, 4] }
const GRAY: Kind = { kind: 'gray', forMin: [4, 20], factor: [3, 8] }
const ERROR_BURST: Kind = { kind: 'error_burst', forMin: [1, 12], factor: [0.05, 0.6] }
/** Drawn with equal chance each. */
const FAULTS: readonly Kind[] = [LEVEL_SHIFT, LEVEL_SHIFT, LEVEL_SHIFT, DRIFT, GRAY, ERROR_BURST]
const FAULT_GAP_MIN = [20, 90] as const

const LOAD_STEP: Kind = { kind: 'load_step', forMin: [15, 60], factor: [2, 5] }
const BURST: Kind = { kind: 'burst', forMin: [1, 5], factor: [1.5, 4] }
const SPIKE: Kind = { kind: 'spike', forMin: [0, 0], factor: [3, 10] }
const LOAD_STEP_GAP_MIN = [240, 600] as const
const BURST_GAP_MIN = [60, 300] as const
const SPIKE_GAP_MIN = [10, 60] as const
const DEPLOY_GAP_MIN = [360, 1_080] as const
const DEPLOY_FACTOR = [0.7, 1.4] as const
/** One spike in four takes two samples instead of one. */
const LONG_SPIKE = 0.25

export interface Span {
  readonly samples: number
  readonly sampleMs: number
}

type Gap = readonly [number, number]

export function faultsOf(random: Random, span: Span): readonly Event[] {
  return inTurn({ random, span, gap: FAULT_GAP_MIN }, () => random.pick(FAULTS))
}

export function spikesOf(random: Random, span: Span): readonly Event[] {
  return inTurn({ random, span, gap: SPIKE_GAP_MIN }, () => SPIKE).map((event) => {
    const length = random.chance(LONG_SPIKE) ? 2 : 1
    return { ...event, to: Math.min(event.from + length, span.samples) }
  })
}

/** Load steps and bursts. */
export function crowdsOf(random: Random, span: Span): readonly Event[] {
  const steps = { random: random.fork('steps'), span, gap: LOAD_STEP_GAP_MIN }
  const bursts = { random: random.fork('bursts'), span, gap: BURST_GAP_MIN }
  return [...inTurn(steps, () => LOAD_STEP), ...inTurn(bursts, () => BURST)]
}

/** Each holds to the next one, with a factor of the latency of its own. */
export function deploysOf(random: Random, span: Span): readonly Event[] {
  const events: Event[] = []
  for (let from = samplesOf(random, span, DEPLOY_GAP_MIN); from < span.samples; ) {
    const to = Math.min(from + samplesOf(random, span, DEPLOY_GAP_MIN), span.samples)
    events.push({ kind: 'deploy', from, to, factor: random.between(...DEPLOY_FACTOR) })
    from = to
  }
  return events
}

function inTurn(
  { random, span, gap }: { random: Random; span: Span; gap: Gap },
  next: () => Kind,
): readonly Event[] {
  const events: Event[] = []
  for (let from = samplesOf(random, span, gap); from < span.samples; ) {
    const { kind, forMin, factor } = next()
    const to = Math.min(from + samplesOf(random, span, forMin), span.samples)
    events.push({ kind, from, to, factor: random.between(...factor) })
    from = to + samplesOf(random, span, gap)
  }
  return events
}

function samplesOf(random: Random, { sampleMs }: Span, [min, max]: Gap): number {
  return Math.max(1, Math.round((random.between(min, max) * 60_000) / sampleMs))
}
