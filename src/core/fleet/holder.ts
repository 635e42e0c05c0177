// What a service task holds of the fleet: its leases, the newest pulse, and which of its incidents
// wait for a token. A token is spent in the step of its command, so that both are committed or
// neither; a lease ends here by being spent, by its deadline in the log time of the step, or by
// being asked back, and the next observation says so (DESIGN.md section 5, budgets are leases).
//
//   granted ─► in hand ─► spent ─────────────┐
//                 │ ▲                        ├─► settled in an observation ─► the granter's again
//        renewed  └─┘─► deadline, asked back ┘                       (spent: after a minute)
import type { FleetRecord, LeaseUse, Pulse } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { leaseId } from './budget.ts'

interface HeldLease {
  readonly id: string
  readonly tokens: number
  spent: number
  deadlineMs: number
}

/** Incidents told apart that wait for a token; the budget is far smaller. */
const WAITING_MAX = 64

export class Holder {
  /** In order of their grants. */
  private leases: HeldLease[] = []
  private settled: LeaseUse[] = []
  /** Incidents that wait for nothing but a token. */
  private waiting = new Set<string>()
  /** gen and seq of the newest record of the fleet task. */
  private gen = 0
  seq: number = 0
  pulse: Pulse | null = null
  /** The fleet task has to be told at once. */
  urgent: boolean = false

  /** Takes in a record of the fleet task for this task; older ones and repeats change nothing. */
  evolve(record: FleetRecord, nowMs: number): void {
    if (record.gen < this.gen || record.seq <= this.seq) return
    // A fleet task that took over learns at once what is held here.
    if (record.gen > this.gen) this.urgent = true
    this.gen = record.gen
    this.seq = record.seq
    if (record.kind === 'pulse' && record.pulse !== null) this.pulse = record.pulse
    if (record.grant === null) return
    if (record.kind === 'grant') this.granted(record.grant, record.seq)
    if (record.kind === 'take_back') this.askedBack(record.grant.lease_id)
    this.expire(nowMs)
  }

  /** Leases whose deadline has come are settled. */
  expire(nowMs: number): void {
    for (const lease of this.leases) if (lease.deadlineMs <= nowMs) this.settle(lease)
    this.drop()
  }

  /** Tokens that may be spent at `nowMs`. */
  tokens(nowMs: number): number {
    let tokens = 0
    for (const { tokens: granted, spent, deadlineMs } of this.leases) {
      if (deadlineMs > nowMs) tokens += granted - spent
    }
    return tokens
  }

  /** Spends a token; the lease it was paid from, or null when there is none. */
  spend(nowMs: number): string | null {
    const lease = this.leases.find(({ deadlineMs }) => deadlineMs > nowMs)
    if (lease === undefined) return null
    lease.spent += 1
    this.urgent = true
    if (lease.spent === lease.tokens) this.settle(lease)
    this.drop()
    return lease.id
  }

  /** Whether the incident waits for nothing but a token. */
  wait(incident: string, waits: boolean): void {
    if (!waits) this.waiting.delete(incident)
    else if (this.waiting.size < WAITING_MAX) this.waiting.add(incident)
  }

  /** Only these go on waiting. */
  keepWaiting(isWaiting: (incident: string) => boolean): void {
    for (const incident of this.waiting) {
      if (!isWaiting(incident)) this.waiting.delete(incident)
    }
  }

  /** Commands that wait for a token. */
  get demand(): number {
    return this.waiting.size
  }

  /** Gives back what is more than `wanted`. */
  giveBack(wanted: number, nowMs: number): void {
    for (const lease of [...this.leases].reverse()) {
      const left = lease.tokens - lease.spent
      if (this.tokens(nowMs) - left < wanted) continue
      this.settle(lease)
    }
    this.drop()
  }

  /** Leases in hand, and those settled since it was last asked. */
  takeUses(): readonly LeaseUse[] {
    const held = this.leases.map((lease) => useOf(lease, false))
    const uses = [...held, ...this.settled]
    this.settled = []
    this.urgent = false
    return uses
  }

  /** What it holds, as plain values. */
  describe(): unknown {
    return this.leases.map(({ id, spent }) => [id, spent])
  }

  get hasSettled(): boolean {
    return this.settled.length > 0
  }

  /** The earliest deadline, or null. */
  nextMs(): number | null {
    let next: number | null = null
    for (const { deadlineMs } of this.leases) next = Math.min(next ?? deadlineMs, deadlineMs)
    return next
  }

  save(to: ImageWriter): void {
    to.number(this.gen).number(this.seq).flag(this.urgent)
    to.int(this.leases.length)
    for (const { id, tokens, spent, deadlineMs } of this.leases) {
      to.text(id).int(tokens).int(spent).number(deadlineMs)
    }
    to.int(this.settled.length)
    for (const { lease_id: id, tokens, spent } of this.settled) to.text(id).int(tokens).int(spent)
    to.texts([...this.waiting])
    to.flag(this.pulse !== null)
    if (this.pulse === null) return
    const { as_of_ms, reporters_expected, reporters_seen, blind } = this.pulse
    to.number(as_of_ms).number(reporters_expected).number(reporters_seen).flag(blind)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.gen = from.number()
    this.seq = from.number()
    this.urgent = from.flag()
    this.leases = from.list(() => ({
      id: from.text(),
      tokens: from.int(),
      spent: from.int(),
      deadlineMs: from.number(),
    }))
    this.settled = from.list(() => ({
      lease_id: from.text(),
      tokens: from.int(),
      spent: from.int(),
      settled: true,
    }))
    this.waiting = new Set(from.texts())
    this.pulse = from.flag()
      ? {
          as_of_ms: from.number(),
          reporters_expected: from.number(),
          reporters_seen: from.number(),
          blind: from.flag(),
        }
      : null
  }

  /**
   * A lease is new when it carries the seq of its own record; else it is a renewal, which finds
   * nothing when the lease has been settled meanwhile.
   */
  private granted(grant: NonNullable<FleetRecord['grant']>, seq: number): void {
    const { lease_id: id, tokens, deadline_ms: deadlineMs } = grant
    const held = this.leases.find((lease) => lease.id === id)
    if (held !== undefined) held.deadlineMs = Math.max(held.deadlineMs, deadlineMs)
    else if (id === leaseId(seq) && tokens > 0) {
      this.leases.push({ id, tokens, spent: 0, deadlineMs })
    }
  }

  private askedBack(id: string): void {
    const lease = this.leases.find((held) => held.id === id)
    if (lease === undefined) return
    this.settle(lease)
    this.drop()
    this.urgent = true
  }

  private settle(lease: HeldLease): void {
    if (this.settled.some(({ lease_id: id }) => id === lease.id)) return
    this.settled.push(useOf(lease, true))
    // No token of it counts from here on.
    lease.deadlineMs = 0
  }

  private drop(): void {
    this.leases = this.leases.filter(({ deadlineMs }) => deadlineMs > 0)
  }
}

export function loadHolder(from: ImageReader): Holder {
  const holder = new Holder()
  holder.load(from)
  return holder
}

function useOf({ id, tokens, spent }: HeldLease, settled: boolean): LeaseUse {
  return { lease_id: id, tokens, spent, settled }
}
