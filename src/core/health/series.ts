// Samples of an instance's requests that do not overlap, and the detectors over them. Requests are
// added up between two samples; with too few of them the sample goes on until there are enough.
import type { DetectorSettings } from '../../contracts/detector-settings.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import { AdaptiveLoad } from '../signal/adaptive-load.ts'
import { Adaptive } from '../signal/adaptive.ts'
import { BurnRate } from '../signal/burn-rate.ts'
import { Ewma3s } from '../signal/ewma3s.ts'
import { JointScore } from '../signal/joint-score.ts'
import { MedianMad } from '../signal/median-mad.ts'
import { Seasonal } from '../signal/seasonal.ts'
import type { Kept, Verdict } from '../signal/verdict.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { SensedName } from './sensed.ts'
import type { Standing } from './standing.ts'

export type SeriesRule =
  | 'ewma3s'
  | 'adaptive'
  | 'adaptive_load'
  | 'median_mad'
  | 'seasonal'
  | 'joint'
  | 'burn_rate'
const RULES: readonly SeriesRule[] = [
  'ewma3s',
  'adaptive',
  'adaptive_load',
  'median_mad',
  'seasonal',
  'joint',
  'burn_rate',
]

/** Share of errors below this never deviates from what was usual. */
const ERRORS_FLOOR = 0.01
/** Least σ of the share of errors, and of the mean latency, microseconds. */
const ERRORS_SIGMA = 0.005
const LATENCY_SIGMA_US = 100
/** σ of the mean latency is taken for at least this share of it: less is no concern of anybody. */
const LATENCY_SIGMA_SHARE = 0.05
/** Errors, latency, CPU, memory, round trip. */
const DIMENSIONS = 5

/** Time between two samples: the shortest of the detectors that are on; null: none is. */
export function sampleEveryMs(settings: DetectorSettings): number | null {
  const on = RULES.filter((rule) => settings[rule].enabled)
  if (on.length === 0) return null
  return Math.min(...on.map((rule) => settings[rule].everyMs))
}

interface Machine extends Kept {
  push(value: number, atMs: number): Verdict
}

interface Watching {
  readonly name: SensedName
  readonly machine: Machine
  readonly of: 'errors' | 'latency'
}

/** Gauges that are judged together with the requests; NaN: not measured. */
export interface Beside {
  readonly cpu: number
  readonly memory: number
  readonly rttMs: number
}

export class Series implements Kept {
  /** Requests since the last sample: n, errors, sum of latencies in microseconds. */
  private readonly sums = new Float64Array(3)
  private readonly watching: readonly Watching[]
  private readonly byLoad: AdaptiveLoad | null
  private readonly joint: JointScore | null
  /** Log time of the last sample; 0: none. */
  private lastMs = 0
  private readonly burn: BurnRate | null
  private readonly least: number

  constructor(settings: DetectorSettings, limits: DetectorLimits) {
    this.watching = machinesOf(settings, limits)
    const { adaptive_load: load, joint, burn_rate: burn } = settings
    const ceiling = limits.latencyP99MaxUs
    this.byLoad = load.enabled ? new AdaptiveLoad({ ...load, ceiling }) : null
    this.joint = joint.enabled ? new JointScore({ ...joint, dimensions: DIMENSIONS }) : null
    const { objective, samplesMin: least } = burn
    this.burn = burn.enabled ? new BurnRate({ objective, least }) : null
    this.least = limits.samplesMin
  }

  count(n: number, errors: number, sumUs: number): void {
    const { sums } = this
    sums[0] = (sums[0] ?? 0) + n
    sums[1] = (sums[1] ?? 0) + errors
    sums[2] = (sums[2] ?? 0) + sumUs
  }

  /** Takes a sample; with too few requests it goes on. */
  sample(nowMs: number, beside: Beside, standing: Standing): void {
    const [n = 0, failed = 0, sumUs = 0] = this.sums
    if (n < this.least) return
    this.sums.fill(0)
    const errors = failed / n
    const latency = sumUs / n
    for (const { name, machine, of } of this.watching) {
      standing.keep(name, machine.push(of === 'errors' ? errors : latency, nowMs), nowMs)
    }
    const spanMs = nowMs - this.lastMs
    if (this.byLoad !== null && this.lastMs > 0 && spanMs > 0) {
      const verdict = this.byLoad.push(latency, (1_000 * n) / spanMs)
      standing.keep('adaptive_load', verdict, nowMs)
    }
    this.lastMs = nowMs
    const { cpu, memory, rttMs } = beside
    if (this.joint !== null) {
      standing.keep('joint', this.joint.push([errors, latency, cpu, memory, rttMs]), nowMs)
    }
    if (this.burn !== null) standing.keep('burn_rate', this.burn.push(n, failed, nowMs), nowMs)
  }

  save(to: ImageWriter): void {
    for (const sum of this.sums) to.number(sum)
    for (const { machine } of this.watching) machine.save(to)
    this.byLoad?.save(to)
    to.number(this.lastMs)
    this.joint?.save(to)
    this.burn?.save(to)
  }

  load(from: ImageReader): void {
    for (let i = 0; i < this.sums.length; i++) this.sums[i] = from.number()
    for (const { machine } of this.watching) machine.load(from)
    this.byLoad?.load(from)
    this.lastMs = from.number()
    this.joint?.load(from)
    this.burn?.load(from)
  }
}

function machinesOf(settings: DetectorSettings, limits: DetectorLimits): readonly Watching[] {
  const { ewma3s, adaptive, median_mad: mad, seasonal } = settings
  const sigma = { errors: ERRORS_SIGMA, latency: LATENCY_SIGMA_US }
  const share = { errors: 0, latency: LATENCY_SIGMA_SHARE }
  const ceiling = { errors: 1 - limits.successRateMin, latency: limits.latencyP99MaxUs }
  const found: Watching[] = []
  const both = (
    names: readonly [SensedName, SensedName],
    make: (of: Watching['of']) => Machine,
  ) => {
    found.push({ name: names[0], machine: make('errors'), of: 'errors' })
    found.push({ name: names[1], machine: make('latency'), of: 'latency' })
  }
  if (ewma3s.enabled) {
    both(['ewma3s_errors', 'ewma3s_latency'], (of) => {
      return new Ewma3s({ ...ewma3s, sigmaMin: sigma[of], sigmaShare: share[of] })
    })
  }
  if (adaptive.enabled) {
    both(['adaptive_errors', 'adaptive_latency'], (of) => {
      const floor = of === 'errors' ? ERRORS_FLOOR : null
      const driftFactor = adaptive.driftFactor > 0 ? adaptive.driftFactor : null
      const hard = { floor, ceiling: ceiling[of], driftFactor, sides: 'above' } as const
      const least = { sigmaMin: sigma[of], sigmaShare: share[of] }
      return new Adaptive({ ...adaptive, ...hard, ...least })
    })
  }
  if (mad.enabled) {
    both(['median_mad_errors', 'median_mad_latency'], (of) => {
      return new MedianMad({ ...mad, spreadMin: sigma[of], spreadShare: share[of] })
    })
  }
  if (seasonal.enabled) {
    both(['seasonal_errors', 'seasonal_latency'], (of) => {
      return new Seasonal({ ...seasonal, sigmaMin: sigma[of] })
    })
  }
  return found
}

const MODULUS = 65_521

/**
 * A share (0 … 1) of the span of samples that differs from instance to instance: Adler's sum of its
 * key.
 */
export function phaseOf(key: string): number {
  let a = 1
  let b = 0
  for (let i = 0; i < key.length; i++) {
    a = (a + key.charCodeAt(i)) % MODULUS
    b = (b + a) % MODULUS
  }
  return b / MODULUS
}
