// The generator of labelled traces. Kinds:
//   dynamic  load ×2…×5 over the day, load steps, bursts, deploys, spikes, and faults (S3-20)
//   steady   constant load, spikes, and the same kinds of faults
//   diurnal  load ×5 over the day and no fault at all (S0-22)
//   drift    load as in diurnal, one fault: latency rises to 3× over 2 h and stays there (S0-22)
// Latency is what a queue makes of the load, base / (1 - utilisation), times noise, times what
// happens. Everything comes from the seed, by + - * / and roots alone. It was written before the
// detectors that are measured on it, and is not tuned to them.
import { Random } from '../../simulate/random.ts'
import { crowdsOf, deploysOf, faultsOf, spikesOf, type Span } from './happenings.ts'
import { normalish, skewed, Wander, wave } from './noise.ts'
import type { Event, Series, Trace } from './series.ts'

export const TRACE_KINDS = ['dynamic', 'steady', 'diurnal', 'drift'] as const
export type TraceKind = (typeof TRACE_KINDS)[number]

export const SAMPLE_MS = 10_000
const DAY_MS = 86_400_000
const DAYS = 2
const SERIES = 4
/** What a drift has to reach until it counts as a fault. */
const DRIFT_BAD_FROM = 1.5
/** Share of the samples of a gray failure that show it. */
const GRAY_SHOWS = 0.7
const GRAY_ERRORS = [0.01, 0.04] as const
/** Beyond it requests are shed; a queue has no end otherwise. */
const UTILISATION_MAX = 0.8
const HOUR = 3_600_000 / SAMPLE_MS

/** What a series is like before anything happens to it. */
interface Character {
  /** Requests per second, at night. */
  readonly load: number
  /** Load at the height of the day over that of the night. */
  readonly peak: number
  readonly utilisation: number
  readonly baseMs: number
  readonly noise: number
  readonly loadNoise: number
  readonly errorShare: number
  /** Of the day, at which the series begins. */
  readonly turn: number
}

/** Deterministic: kind and seed give the same samples on any machine. */
export function traceOf(kind: TraceKind, seed: number): Trace {
  const random = new Random(`healstream trace ${kind} ${seed}`)
  const span = { samples: (DAYS * DAY_MS) / SAMPLE_MS, sampleMs: SAMPLE_MS }
  const series = Array.from({ length: SERIES }, (_, i) => {
    const own = random.fork(`series ${i}`)
    const events = eventsOf(kind, own.fork('happenings'), span)
    return seriesOf({ name: `${kind}-${i + 1}`, events, span }, characterOf(kind, own), own)
  })
  return { kind, seed, series }
}

function characterOf(kind: TraceKind, series: Random): Character {
  const random = series.fork('character')
  const peak = kind === 'steady' ? 1 : kind === 'dynamic' ? random.between(2, 5) : 5
  return {
    load: random.between(20, 200),
    peak,
    utilisation: random.between(0.3, 0.55),
    baseMs: random.between(10, 150),
    noise: random.between(0.05, 0.15),
    loadNoise: kind === 'steady' ? 0.02 : 0.08,
    errorShare: random.between(0, 0.003),
    turn: random.next(),
  }
}

function eventsOf(kind: TraceKind, random: Random, span: Span): readonly Event[] {
  if (kind === 'diurnal') return []
  if (kind === 'drift') return driftOf(random, span)
  const own = (name: string): Random => random.fork(name)
  const events = [...faultsOf(own('faults'), span), ...spikesOf(own('spikes'), span)]
  if (kind === 'steady') return events
  return [...events, ...crowdsOf(own('crowds'), span), ...deploysOf(own('deploys'), span)]
}

/** Two hours up to 3×, from some time of the second day on, then it stays. */
function driftOf(random: Random, { samples }: Span): readonly Event[] {
  const from = samples / 2 + random.int(0, 8 * HOUR)
  const to = from + 2 * HOUR
  return [
    { kind: 'drift', from, to, factor: 3 },
    { kind: 'level_shift', from: to, to: samples, factor: 3 },
  ]
}

interface Drawn {
  readonly name: string
  readonly events: readonly Event[]
  readonly span: Span
}

/** What happens makes of load, latency and errors, sample by sample. */
interface Effect {
  readonly load: Float64Array
  readonly latency: Float64Array
  readonly errors: Float64Array
  readonly latencyBad: Uint8Array
  readonly errorsBad: Uint8Array
}

function seriesOf({ name, events, span }: Drawn, character: Character, own: Random): Series {
  const { samples, sampleMs } = span
  const effect = effectOf(events, samples, own.fork('effect'))
  const requests = new Float64Array(samples)
  const errors = new Float64Array(samples)
  const p99Ms = new Float64Array(samples)
  const loadWander = new Wander(own.fork('load'), character.loadNoise, 0.98)
  const latencyWander = new Wander(own.fork('wander'), character.noise / 2, 0.9)
  const [loads, latencies, failures] = [own.fork('a'), own.fork('b'), own.fork('c')]
  const capacity = (character.load * character.peak) / character.utilisation
  for (let i = 0; i < samples; i++) {
    const day = (1 + wave(character.turn + (i * sampleMs) / DAY_MS)) / 2
    const calm = character.load * (1 + (character.peak - 1) * day) * (1 + loadWander.next())
    const load = calm * at(effect.load, i) * skewed(loads, character.loadNoise / 2)
    const utilisation = Math.min(UTILISATION_MAX, load / capacity)
    const noise = skewed(latencies, character.noise) * (1 + latencyWander.next())
    p99Ms[i] = (character.baseMs / (1 - utilisation)) * at(effect.latency, i) * noise
    const sent = Math.round((load * sampleMs) / 1_000)
    requests[i] = sent
    errors[i] = failed(failures, sent, character.errorShare + at(effect.errors, i))
  }
  const { latencyBad, errorsBad } = effect
  return { name, sampleMs, requests, errors, p99Ms, latencyBad, errorsBad, events }
}

/** How many of so many fail, each with that chance: its mean and deviation, nearly Gaussian. */
function failed(random: Random, requests: number, share: number): number {
  const mean = requests * share
  const deviation = Math.sqrt(mean * (1 - share))
  return Math.min(requests, Math.max(0, Math.round(mean + deviation * normalish(random))))
}

function effectOf(events: readonly Event[], samples: number, random: Random): Effect {
  const ones = (): Float64Array => new Float64Array(samples).fill(1)
  const effect = {
    load: ones(),
    latency: ones(),
    errors: new Float64Array(samples),
    latencyBad: new Uint8Array(samples),
    errorsBad: new Uint8Array(samples),
  }
  for (const event of events) take(effect, event, random)
  return effect
}

function take(effect: Effect, event: Event, random: Random): void {
  const { kind, from, factor } = event
  const { load, latency, errors, latencyBad, errorsBad } = effect
  const grayErrors = random.between(...GRAY_ERRORS)
  for (let i = from; i < event.to; i++) {
    if (kind === 'load_step' || kind === 'burst') load[i] = at(load, i) * factor
    else if (kind === 'error_burst') {
      errors[i] = factor
      errorsBad[i] = 1
    } else if (kind === 'gray') {
      if (random.chance(GRAY_SHOWS)) latency[i] = at(latency, i) * factor
      errors[i] = grayErrors
      latencyBad[i] = 1
      errorsBad[i] = 1
    } else {
      const now = kind === 'drift' ? driftAt(event, i) : factor
      latency[i] = at(latency, i) * now
      if (kind === 'level_shift' || (kind === 'drift' && now >= DRIFT_BAD_FROM)) latencyBad[i] = 1
    }
  }
}

/** From 1 to its factor along a straight line. */
function driftAt({ from, to, factor }: Event, i: number): number {
  return 1 + (factor - 1) * Math.min(1, (i - from + 1) / (to - from))
}

function at(column: Float64Array, i: number): number {
  return column[i] ?? 0
}
