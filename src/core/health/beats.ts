// What heartbeats and probes say of an instance: when each level came, how regularly, with which
// configuration, and who reaches it from where.
import type { DetectorSettings } from '../../contracts/detector-settings.ts'
import type { Signal } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Arrival } from '../signal/arrival.ts'
import { ConfigDrift, type Configuration, type ConfigVerdict } from '../signal/config-drift.ts'
import type { Kept } from '../signal/verdict.ts'
import type { Standing } from './standing.ts'

/** How a prober saw the instance last. */
export interface Sight {
  readonly verdict: 'up' | 'down'
  readonly atMs: number
  readonly local: boolean
}

/** `neither`: it says something else, such as that it restarts. */
export type Says = 'up' | 'down' | 'neither'
const SAYS = { up: true, down: true, neither: true } as const

/** Probers told apart. */
const PROBERS_MAX = 8
export const LEVELS = 3

export class Beats implements Kept {
  private readonly settings: DetectorSettings
  /** Log time of the last heartbeat of each level or a higher one; 0: none. */
  private readonly lastMs = new Float64Array(LEVELS)
  private sights: Map<string, Sight> | null = null
  private readonly drift: ConfigDrift
  private arrival: Arrival | null = null
  /** Event time of the newest heartbeat, and what it says by its state or by coming at all. */
  saidMs: number = 0
  says: Says = 'neither'
  /** The configuration in force, as it said last: another object when another; null: never. */
  config: Configuration | null = null
  /** A second opinion was asked for, and the doubt has not ended since. */
  asked: boolean = false

  constructor(settings: DetectorSettings) {
    this.settings = settings
    this.drift = new ConfigDrift(settings.config_drift.afterMs)
  }

  /** Log time of the last heartbeat of the level or a higher one; 0: none. */
  levelMs(level: number): number {
    return this.lastMs[level - 1] ?? 0
  }

  /** `leastMs`: shortest period promised. */
  foldBeat(
    heartbeat: NonNullable<Signal['heartbeat']>,
    at: { readonly appendMs: number; readonly eventMs: number; readonly leastMs: number },
    standing: Standing,
  ): void {
    const { level, period_ms: periodMs, state } = heartbeat
    for (let i = 0; i < Math.min(level, LEVELS); i++) {
      this.lastMs[i] = Math.max(this.lastMs[i] ?? 0, at.appendMs)
    }
    this.foldConfig(heartbeat)
    if (at.eventMs >= this.saidMs) {
      this.saidMs = at.eventMs
      this.says = state === null || state === 'up' ? 'up' : state === 'down' ? 'down' : 'neither'
    }
    // Levels come at periods of their own; only the most frequent one has a rhythm.
    const { arrival: rule } = this.settings
    if (!rule.enabled || periodMs <= 0 || periodMs !== at.leastMs) return
    this.arrival ??= new Arrival(rule)
    standing.keep('arrival', this.arrival.push(at.appendMs), at.appendMs)
  }

  foldProbe(agent: string, sight: Sight): void {
    const sights = (this.sights ??= new Map())
    const held = sights.get(agent)
    if (held !== undefined && held.atMs > sight.atMs) return
    sights.delete(agent)
    sights.set(agent, sight)
    if (sights.size <= PROBERS_MAX) return
    const [oldest] = sights.keys()
    if (oldest !== undefined) sights.delete(oldest)
  }

  /** Somebody else reached it since. */
  isReachedSince(sinceMs: number): boolean {
    for (const { verdict, atMs, local } of this.sights?.values() ?? []) {
      if (verdict === 'up' && !local && atMs > sinceMs) return true
    }
    return false
  }

  /** Somebody else has not reached it since. */
  isUnreachedSince(sinceMs: number): boolean {
    for (const { verdict, atMs, local } of this.sights?.values() ?? []) {
      if (verdict === 'down' && !local && atMs > sinceMs) return true
    }
    return false
  }

  /** Probers elsewhere that do not reach it. */
  unreachedBy(): number {
    let count = 0
    for (const { verdict, local } of this.sights?.values() ?? []) {
      if (verdict === 'down' && !local) count += 1
    }
    return count
  }

  /** `intended` of version 0: nothing is. */
  drifts(intended: Configuration, nowMs: number): ConfigVerdict | null {
    if (this.config === null) return null
    return this.drift.push(this.config, intended.version === 0 ? null : intended, nowMs)
  }

  /** Deviation of the last interval in its σ; null: not known. */
  get deviation(): number | null {
    return this.arrival?.lastZ ?? null
  }

  save(to: ImageWriter): void {
    for (const one of this.lastMs) to.number(one)
    to.int(this.sights?.size ?? 0)
    for (const [agent, { verdict, atMs, local }] of this.sights ?? []) {
      to.text(agent)
        .flag(verdict === 'up')
        .number(atMs)
        .flag(local)
    }
    this.drift.save(to)
    to.flag(this.arrival !== null)
    this.arrival?.save(to)
    to.number(this.saidMs)
      .text(this.says)
      .flag(this.config !== null)
      .flag(this.asked)
    if (this.config !== null) to.number(this.config.version).textOrNull(this.config.hash)
  }

  load(from: ImageReader): void {
    for (let i = 0; i < LEVELS; i++) this.lastMs[i] = from.number()
    for (let left = from.count(); left > 0; left--) {
      const agent = from.text()
      const verdict = from.flag() ? 'up' : 'down'
      this.foldProbe(agent, { verdict, atMs: from.number(), local: from.flag() })
    }
    this.drift.load(from)
    if (from.flag()) {
      this.arrival = new Arrival(this.settings.arrival)
      this.arrival.load(from)
    }
    this.saidMs = from.number()
    this.says = from.oneOf(SAYS)
    const isConfigured = from.flag()
    this.asked = from.flag()
    if (isConfigured) this.config = { version: from.number(), hash: from.textOrNull() }
  }

  private foldConfig({
    config_version: version,
    config_hash: hash = null,
  }: NonNullable<Signal['heartbeat']>): void {
    if (version === null) return
    const held = this.config
    // A beat that says no hash says nothing of it.
    if (held?.version === version && (hash === null || hash === held.hash)) return
    this.config = { version, hash }
  }
}
