// Judgement and snapshot format are state: they change by an `upgrade` entry alone, between two
// steps, and never back (DESIGN.md section 5, Upgrades).
import type { UpgradeEntry } from '../contracts/journal.ts'

/** What is in force, or shall be. */
export interface Level {
  readonly behaviour: number
  /** Of snapshots. */
  readonly format: number
}

export class Upgrade {
  #inForce: Level
  #wanted: Level

  constructor(inForce: Level) {
    this.#inForce = inForce
    this.#wanted = inForce
  }

  get behaviour(): number {
    return this.#inForce.behaviour
  }

  get format(): number {
    return this.#inForce.format
  }

  /** A group that has lost an older member again does not take back what it wanted. */
  want({ behaviour, format }: Level): void {
    const wanted = this.#wanted
    this.#wanted = {
      behaviour: Math.max(wanted.behaviour, behaviour),
      format: Math.max(wanted.format, format),
    }
  }

  get isDue(): boolean {
    const { behaviour, format } = this.#wanted
    return behaviour > this.#inForce.behaviour || format > this.#inForce.format
  }

  /** The entry to be journalled now, in force from here on; null: nothing changes. */
  take(): UpgradeEntry | null {
    if (!this.isDue) return null
    this.#inForce = this.#wanted
    return { kind: 'upgrade', ...this.#inForce }
  }
}
