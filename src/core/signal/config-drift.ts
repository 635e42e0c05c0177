// A configuration in force that is not the intended one.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept } from './verdict.ts'

/** A configuration: its version, and a hash of its content where it is told. */
export interface Configuration {
  readonly version: number
  readonly hash: string | null
}

export interface ConfigVerdict {
  readonly deviates: boolean
  /** How long another one than the intended has been in force, milliseconds. */
  readonly value: number
  readonly limit: number
  readonly by: 'none' | 'version' | 'hash'
}

/** Twice the time in which a change is meant to take effect (5 s). */
export const CONFIG_DRIFT_MS = 10_000

/**
 * `config_drift` (S1-15): the configuration in force differs from the intended one, by version or,
 * with the same version, by the hash of its content, for longer than twice the effect target. A
 * configuration that changes while another is intended does not begin anew.
 */
export class ConfigDrift implements Kept {
  private readonly limitMs: number
  private sinceMs: number | null = null

  constructor(limitMs: number = CONFIG_DRIFT_MS) {
    this.limitMs = limitMs
  }

  push(inForce: Configuration, intended: Configuration | null, atMs: number): ConfigVerdict {
    const by = differsBy(inForce, intended)
    if (by === 'none') this.sinceMs = null
    else this.sinceMs ??= atMs
    const value = this.sinceMs === null ? 0 : atMs - this.sinceMs
    return { deviates: value > this.limitMs, value, limit: this.limitMs, by }
  }

  save(to: ImageWriter): void {
    to.numberOrNull(this.sinceMs)
  }

  load(from: ImageReader): void {
    this.sinceMs = from.numberOrNull()
  }
}

function differsBy(inForce: Configuration, intended: Configuration | null): ConfigVerdict['by'] {
  if (intended === null) return 'none'
  if (inForce.version !== intended.version) return 'version'
  const isOther = inForce.hash !== null && intended.hash !== null && inForce.hash !== intended.hash
  return isOther ? 'hash' : 'none'
}
