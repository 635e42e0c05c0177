// What was read and is not delivered yet, gathered by group; and up to where everything of a
// partition is. A position never passes what is not delivered, whatever was delivered behind it.
import { partitionOf, type Place } from './place.ts'

export interface Item<T> extends Place {
  readonly group: string
  readonly value: T
}

/** Items of one group, in the order they were read; at least one. */
export interface Batch<T> {
  readonly group: string
  readonly items: readonly Item<T>[]
}

export interface Gathering {
  /** How long the first of a group waits for others. */
  readonly waitMs: number
  /** A batch has no more than this. */
  readonly itemsMax: number
  /** With so many waiting nobody waits any longer: memory is bounded. */
  readonly waitingMax: number
}

interface Group<T> {
  readonly sinceMs: number
  readonly items: Item<T>[]
}

export class Pending<T> {
  private readonly gathering: Gathering
  /** In the order of their first items. */
  private readonly groups = new Map<string, Group<T>>()
  private readonly read = new Map<string, Place>()
  private count = 0

  constructor(gathering: Gathering) {
    this.gathering = gathering
  }

  get isFull(): boolean {
    return this.count >= this.gathering.waitingMax
  }

  /** Everything of the partition before `offset` was read. */
  reached(at: Place): void {
    this.read.set(partitionOf(at), at)
  }

  add(item: Item<T>, nowMs: number): void {
    this.count += 1
    const group = this.groups.get(item.group)
    if (group === undefined) this.groups.set(item.group, { sinceMs: nowMs, items: [item] })
    else group.items.push(item)
  }

  /** The next batch that has waited long enough or is large enough, or null. */
  due(nowMs: number): Batch<T> | null {
    const { waitMs, itemsMax } = this.gathering
    for (const [group, { sinceMs, items }] of this.groups) {
      const isDue = this.isFull || items.length >= itemsMax || nowMs >= sinceMs + waitMs
      if (isDue) return { group, items: items.slice(0, itemsMax) }
    }
    return null
  }

  /** When the next one is due if nothing else comes, or null. */
  nextMs(): number | null {
    const sinceMs = this.oldestMs()
    return sinceMs === null ? null : sinceMs + this.gathering.waitMs
  }

  /** It has been delivered: its items wait no more. */
  done({ group, items }: Batch<T>): void {
    const held = this.groups.get(group)
    if (held === undefined) return
    held.items.splice(0, items.length)
    this.count -= items.length
    if (held.items.length === 0) this.groups.delete(group)
  }

  /** Since when the longest waiting one waits, or null. */
  oldestMs(): number | null {
    let oldestMs: number | null = null
    for (const { sinceMs } of this.groups.values())
      oldestMs = Math.min(oldestMs ?? sinceMs, sinceMs)
    return oldestMs
  }

  /** Per partition the oldest that is not delivered, or the next that was not read. */
  positions(): readonly Place[] {
    const positions = new Map(this.read)
    for (const { items } of this.groups.values()) {
      for (const { topic, partition, offset } of items) {
        const key = partitionOf({ topic, partition })
        const held = positions.get(key)
        if (held === undefined || offset < held.offset)
          positions.set(key, { topic, partition, offset })
      }
    }
    return [...positions.values()]
  }
}
