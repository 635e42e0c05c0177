// What is sensed of an instance beside its requests: gauges, series, heartbeats, breakers, metrics
// of its own, and which deviations stand. Only instances have one that told any of it or were found
// to deviate; from behaviour 3 on.
import type { DetectorSettings } from '../../contracts/detector-settings.ts'
import type { HealthScore } from '../../contracts/records.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { DeltaScratch } from '../../contracts/telemetry-decoder.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import {
  type Breaker,
  type FailureLabel,
  type Metrics,
  NO_METRICS,
  type Signs,
} from '../kernel/signs.ts'
import { Fusion } from '../signal/fusion.ts'
import { Beats } from './beats.ts'
import { CPU, FDS, Gauges, LOOP_DELAY, LOSS, MEMORY, RTT, RUN_QUEUE, type Tick } from './gauges.ts'
import { OwnMetrics } from './own-metrics.ts'
import { phaseOf, sampleEveryMs, Series } from './series.ts'
import { loadScore, saveScore } from './scored.ts'
import { Standing } from './standing.ts'

/** What the detectors of a service are made with. */
export interface Tuning {
  readonly settings: DetectorSettings
  readonly limits: DetectorLimits
}

export const FUSED_KINDS: readonly string[] = [
  'probe',
  'errors',
  'latency',
  'heartbeat',
  'rtt',
  'loss',
  'cpu',
  'memory',
  'logs',
  'tasks',
  'config',
]
const BREAKERS_MAX = 16
const BREAKERS = { closed: true, open: true, half_open: true } as const

export class Sense {
  readonly standing: Standing = new Standing()
  readonly beats: Beats
  readonly series: Series | null
  /** Log time of the next sample of the series, and of the next score; 0: none yet. */
  private sampleAtMs = 0
  scoreAtMs: number = 0
  /** As of the last judgement; null: there was nothing to make it of. */
  scored: HealthScore | null = null
  /** Kinds that stood together at the last judgement. */
  fused: readonly string[] = []
  private readonly tuning: Tuning
  private told: Gauges | null = null
  private breakers: Map<string, Breaker> | null = null
  private own: OwnMetrics | null = null
  private held: Fusion | null = null

  constructor(tuning: Tuning) {
    const { settings, limits } = tuning
    this.tuning = tuning
    this.beats = new Beats(settings)
    this.series = sampleEveryMs(settings) === null ? null : new Series(settings, limits)
  }

  /** Made when it is first asked for. */
  get fusion(): Fusion {
    this.held ??= new Fusion(FUSED_KINDS, this.tuning.settings.fusion)
    return this.held
  }

  get hasFusion(): boolean {
    return this.held !== null
  }

  /** null: none was ever told. */
  get gauges(): Gauges | null {
    return this.told
  }

  /** Newest value of each metric with a name of the user's own. */
  get metrics(): Metrics {
    return this.own?.values ?? NO_METRICS
  }

  foldTick(tick: Tick, atMs: number): void {
    this.told ??= new Gauges(this.tuning.settings)
    this.told.fold(tick, atMs, this.standing)
  }

  /**
   * Counts a delta that was appended at `atMs`; the first one behind the end of a sample closes it.
   * The first sample begins with a whole span; the key keeps instances apart.
   */
  count(delta: Pick<DeltaScratch, 'n' | 'errors' | 'sumUs'>, atMs: number, key: string): void {
    const { series } = this
    if (series === null) return
    if (atMs >= this.sampleAtMs) this.close(series, atMs, phaseOf(key))
    series.count(delta.n, delta.errors, delta.sumUs)
  }

  /** A breaker of a name that is not held, beyond the most that are, is passed over. */
  foldBreaker(name: string, state: Breaker): void {
    const breakers = (this.breakers ??= new Map())
    if (breakers.has(name) || breakers.size < BREAKERS_MAX) breakers.set(name, state)
  }

  /** false: more names than are told apart. */
  foldMetric(name: string, value: number, atMs: number): boolean {
    this.own ??= new OwnMetrics()
    const folded = this.own.fold(name, value, atMs)
    // It has to end some time when it is not told again.
    if (folded === 'new') this.standing.moved = true
    return folded !== 'too_many'
  }

  /** Log time at which a metric that is not told again is forgotten, or Infinity. */
  expireMetrics(nowMs: number): number {
    return this.own?.expire(nowMs) ?? Number.POSITIVE_INFINITY
  }

  /** The worst of its breakers. */
  get breaker(): Breaker | null {
    let worst: Breaker | null = null
    for (const state of this.breakers?.values() ?? []) {
      if (state === 'open') return state
      if (state === 'half_open' || worst === null) worst = state
    }
    return worst
  }

  get label(): FailureLabel | null {
    const labels = ['network_partition', 'resource_contention', 'config_drift'] as const
    return labels.find((label) => this.standing.get(label) !== undefined) ?? null
  }

  get signs(): Signs {
    const { told: gauges, breaker, scored, label } = this
    const known = (gauge: number): number | null => {
      const mean = gauges?.mean(gauge) ?? Number.NaN
      return Number.isNaN(mean) ? null : mean
    }
    return {
      cpu: known(CPU),
      memory: known(MEMORY),
      fds: known(FDS),
      runQueueMs: known(RUN_QUEUE),
      loopDelayMs: known(LOOP_DELAY),
      rttMs: known(RTT),
      loss: known(LOSS),
      errorLogs: gauges?.errorLogs ?? null,
      taskSuccess: gauges?.taskSuccess ?? null,
      breaker,
      score: scored?.score ?? null,
      label,
    }
  }

  save(to: ImageWriter): void {
    this.standing.save(to)
    this.beats.save(to)
    this.series?.save(to)
    to.number(this.sampleAtMs).number(this.scoreAtMs).texts(this.fused)
    saveScore(this.scored, to)
    to.flag(this.told !== null)
    this.told?.save(to)
    to.int(this.breakers?.size ?? 0)
    for (const [name, state] of this.breakers ?? []) to.text(name).text(state)
    to.flag(this.own !== null)
    this.own?.save(to)
    to.flag(this.held !== null)
    this.held?.save(to)
  }

  /** Into a new one of the same tuning. */
  load(from: ImageReader): void {
    this.standing.load(from)
    this.beats.load(from)
    this.series?.load(from)
    this.sampleAtMs = from.number()
    this.scoreAtMs = from.number()
    this.fused = from.texts()
    this.scored = loadScore(from)
    if (from.flag()) {
      this.told = new Gauges(this.tuning.settings)
      this.told.load(from)
    }
    for (let left = from.count(); left > 0; left--) {
      this.foldBreaker(from.text(), from.oneOf(BREAKERS))
    }
    if (from.flag()) {
      this.own = new OwnMetrics()
      this.own.load(from)
    }
    if (from.flag()) this.fusion.load(from)
  }

  private close(series: Series, atMs: number, phase: number): void {
    const { told: gauges } = this
    const everyMs = sampleEveryMs(this.tuning.settings) ?? atMs
    const isFirst = this.sampleAtMs === 0
    const offsetMs = Math.floor(phase * everyMs)
    this.sampleAtMs = (Math.floor((atMs - offsetMs) / everyMs) + 1) * everyMs + offsetMs
    if (isFirst) return
    const mean = (gauge: number): number => gauges?.mean(gauge) ?? Number.NaN
    const beside = { cpu: mean(CPU), memory: mean(MEMORY), rttMs: mean(RTT) }
    series.sample(atMs, beside, this.standing)
  }
}
