const KEPT = 80
export class Trace {
  #world
  #say
  #kept = []
  #next = 0
  #high = 0x811c9dc5
  #low = 0x2f0b4c47
  count = 0
  constructor(world, say) {
    this.#world = world
    this.#say = say
  }
  note(line) {
    const atMs = this.#world.nowMs
    this.count++
    this.#mix(Math.floor(atMs * 1_000))
    for (let i = 0; i < line.length; i++) this.#mix(line.charCodeAt(i))
    this.#kept[this.#next] = { atMs, line }
    this.#next = (this.#next + 1) % KEPT
    this.#say?.(shown(atMs, line))
  }
  hash() {
    return [this.#high, this.#low].map((part) => word(part)).join('')
  }
  /** The last lines, oldest first. */
  last() {
    const ordered = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
    return ordered.map(({ atMs, line }) => shown(atMs, line))
  }
  #mix(value) {
    this.#high = Math.imul(this.#high ^ value, 0x01000193)
    this.#low = Math.imul(this.#low ^ (value + this.#high), 0x5bd1e995) ^ (this.#low >>> 15)
  }
}
function shown(atMs, line) {
  return `${(atMs / 1_000).toFixed(4).padStart(9)} ${line}`
}
function word(value) {
  return (value >>> 0).toString(16).padStart(8, '0')
}
//# sourceMappingURL=trace.js.map
