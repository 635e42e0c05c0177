// What happened, in order: its hash is the identity of a run (the same seed gives the same hash in
// any process), its end is shown when something is wrong.
import type { World } from './world.ts'

const KEPT = 80

export class Trace {
  readonly #world: World
  readonly #say: ((line: string) => void) | null
  readonly #kept: { readonly atMs: number; readonly line: string }[] = []
  #next = 0
  #high = 0x811c9dc5
  #low = 0x2f0b4c47
  count: number = 0

  constructor(world: World, say: ((line: string) => void) | null) {
    this.#world = world
    this.#say = say
  }

  note(line: string): void {
    const atMs = this.#world.nowMs
    this.count++
    this.#mix(Math.floor(atMs * 1_000), line)
    this.#kept[this.#next] = { atMs, line }
    this.#next = (this.#next + 1) % KEPT
    this.#say?.(shown(atMs, line))
  }

  hash(): string {
    return [this.#high, this.#low].map((part) => word(part)).join('')
  }

  /** The last lines, oldest first. */
  last(): readonly string[] {
    const ordered = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
    return ordered.map(({ atMs, line }) => shown(atMs, line))
  }

  /** The time, then the text. */
  #mix(first: number, line: string): void {
    let [high, low] = [this.#high, this.#low]
    for (let i = -1; i < line.length; i++) {
      const value = i < 0 ? first : line.charCodeAt(i)
      high = Math.imul(high ^ value, 0x01000193)
      low = Math.imul(low ^ (value + high), 0x5bd1e995) ^ (low >>> 15)
    }
    this.#high = high
    this.#low = low
  }
}

function shown(atMs: number, line: string): string {
  return `${(atMs / 1_000).toFixed(4).padStart(9)} ${line}`
}

function word(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
