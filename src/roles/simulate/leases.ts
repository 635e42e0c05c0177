// The budget of the fleet as the records tell it (DESIGN.md section 5, budgets are leases): tokens
// that are out in leases and commands of the last minute are never more than the limit. A lease is
// over by word of its holder alone, so whoever gives its tokens away before that, because of the
// time or of anything else, is found out here, also where the old holder happens not to spend them.
import type { FleetRecord, Observation } from '../../contracts/records.ts'
import { COMMANDS } from './commands.ts'

const SPAN_MS = 60_000

interface Lease {
  readonly partition: number
  /** seq of the record that granted it. */
  readonly seq: number
  /** Tokens that are not spent. */
  left: number
}

/** What the books read of a record of the fleet task, and of an observation of a service task. */
type Grant = Pick<FleetRecord, 'kind' | 'grant' | 'seq'>
type Word = Pick<Observation, 'leases' | 'fleet_seq'>

type Event =
  | { readonly kind: 'grant'; readonly atMs: number; readonly id: string; readonly lease: Lease }
  | {
      readonly kind: 'word'
      readonly atMs: number
      readonly partition: number
      readonly word: Word
    }

/** What happened at the same time: a word first, as nobody can have acted on it yet. */
const RANK = { word: 0, grant: 1 } as const

export class LeaseOrder {
  readonly #events: Event[] = []
  readonly #live = new Map<string, Lease>()
  /** When tokens were spent, by the log's clock; each counts for a minute. */
  #spentMs: number[] = []
  /** Up to when everything has been looked at. */
  #lookedMs = -Infinity

  /** `atMs`: when the log took it. */
  granted(partition: number, { kind, grant, seq }: Grant, atMs: number): void {
    // A renewal names the lease of an earlier record.
    if (kind !== 'grant' || grant?.lease_id !== `lease-${seq}`) return
    const lease = { partition, seq, left: grant.tokens }
    this.#events.push({ kind: 'grant', atMs, id: grant.lease_id, lease })
  }

  heard(partition: number, word: Word, atMs: number): void {
    this.#events.push({ kind: 'word', atMs, partition, word })
  }

  /** What does not hold up to `untilMs`, in sentences; nothing older may be told afterwards. */
  problems(untilMs: number): readonly string[] {
    const due = this.#events.filter(({ atMs }) => atMs < untilMs)
    due.sort((a, b) => a.atMs - b.atMs || RANK[a.kind] - RANK[b.kind])
    const found: string[] = []
    for (const event of due) {
      if (event.atMs < this.#lookedMs) found.push('an event of the budget was told too late')
      if (event.kind === 'word') this.#take(event.partition, event.word, event.atMs)
      else {
        this.#live.set(event.id, event.lease)
        const wrong = this.#excess(event.id, event.atMs)
        if (wrong !== null) found.push(wrong)
      }
    }
    this.#lookedMs = Math.max(this.#lookedMs, untilMs)
    const rest = this.#events.filter(({ atMs }) => atMs >= untilMs)
    this.#events.splice(0, this.#events.length, ...rest)
    return found
  }

  #take(partition: number, { leases, fleet_seq: read }: Word, atMs: number): void {
    const uses = new Map(leases.map((use) => [use.lease_id, use]))
    for (const [id, lease] of this.#live) {
      if (lease.partition !== partition) continue
      const use = uses.get(id)
      if (use !== undefined) {
        const left = use.tokens - use.spent
        for (let i = left; i < lease.left; i++) this.#spentMs.push(atMs)
        lease.left = left
        if (use.settled || left === 0) this.#live.delete(id)
      } else if (lease.seq <= read) {
        // Its holder has read the grant and knows nothing of it.
        this.#live.delete(id)
      }
    }
  }

  #excess(id: string, atMs: number): string | null {
    this.#spentMs = this.#spentMs.filter((spentMs) => atMs - spentMs < SPAN_MS)
    let out = 0
    for (const { left } of this.#live.values()) out += left
    if (out + this.#spentMs.length <= COMMANDS.perMinute) return null
    return (
      `${id} is granted with ${out} tokens out and ${this.#spentMs.length} spent in a minute, ` +
      `${COMMANDS.perMinute} are the limit`
    )
  }
}
