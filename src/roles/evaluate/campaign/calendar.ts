// Virtual time in slots of a fifth of a second: what is due in one slot happens in the order in
// which it was asked for, so that the same asking gives the same run.

export const SLOT_MS = 200

export class Calendar {
  nowMs: number
  readonly #slots = new Map<number, (() => void)[]>()

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  /** In the next slot at the earliest. */
  at(atMs: number, act: () => void): void {
    const slot = Math.max(Math.ceil(atMs / SLOT_MS), this.nowMs / SLOT_MS + 1)
    const due = this.#slots.get(slot)
    if (due === undefined) this.#slots.set(slot, [act])
    else due.push(act)
  }

  in(afterMs: number, act: () => void): void {
    this.at(this.nowMs + afterMs, act)
  }

  /** Goes on by one slot and does what is due in it. */
  advance(): void {
    this.nowMs += SLOT_MS
    const slot = this.nowMs / SLOT_MS
    const due = this.#slots.get(slot) ?? []
    this.#slots.delete(slot)
    for (const act of due) act()
  }
}
