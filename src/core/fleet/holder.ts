// What a service task holds of the fleet: its leases, the newest pulse, and which of its incidents
// wait for a token. A token is spent in the step of its command, so that both are committed or
// neither; a lease ends here by being spent, by its deadline in the log time of the step, or by
// being asked back, and the next observation says so (DESIGN.md section 5, budgets are leases).
//
//   granted ─► in hand ─► spent ─────────────┐
//                 │ ▲                        ├─► settled in an observation ─► the granter's again
//        renewed  └─┘─► deadline, asked back ┘                       (spent: after a minute)
import type { FleetRecord, LeaseUse, Pulse, ZoneWant } from '../../contracts/records.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import { leaseId } from './budget.ts'
import { HeldVerdicts } from './verdicts.ts'
import { ANY_ZONE, zoneBudget } from './wants.ts'

interface HeldLease {
  readonly id: string
  readonly tokens: number
  /** ANY_ZONE, or that of a zone. */
  readonly budget: string
  spent: number
  deadlineMs: number
}

/** Incidents told apart that wait for a token; the budget is far smaller. */
const WAITING_MAX = 64

export class Holder {
  /** In order of their grants. */
  private leases: HeldLease[] = []
  private settled: LeaseUse[] = []
  /** Incidents that wait for nothing but a token, with the zones it is to be of. */
  private waiting = new Map<string, string>()
  /** gen and seq of the newest record of the fleet task. */
  private gen = 0
  seq: number = 0
  pulse: Pulse | null = null
  /** What holds across services; from behaviour 3 on. */
  readonly verdicts: HeldVerdicts = new HeldVerdicts()
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
    if (record.kind === 'verdict' && record.verdict !== null) {
      this.verdicts.hear(record.verdict, record.at_ms)
    }
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

  /** Tokens that may be spent at `nowMs`, in a zone or, where none is named, in any. */
  tokens(nowMs: number, zone?: string): number {
    let tokens = 0
    for (const { tokens: granted, spent, deadlineMs, budget } of this.leases) {
      if (deadlineMs > nowMs && isOf(budget, zone)) tokens += granted - spent
    }
    return tokens
  }

  /** Spends a token; the lease it was paid from, or null when there is none. */
  spend(nowMs: number, zone?: string): string | null {
    const lease = this.leases.find(({ deadlineMs, budget }) => {
      return deadlineMs > nowMs && isOf(budget, zone)
    })
    if (lease === undefined) return null
    lease.spent += 1
    this.urgent = true
    if (lease.spent === lease.tokens) this.settle(lease)
    this.drop()
    return lease.id
  }

  /** Whether the incident waits for nothing but a token. */
  wait(incident: string, waits: boolean, zone: string = ''): void {
    if (!waits) this.waiting.delete(incident)
    else if (this.waiting.size < WAITING_MAX) this.waiting.set(incident, zone)
  }

  /** Only these go on waiting. */
  keepWaiting(isWaiting: (incident: string) => boolean): void {
    for (const incident of this.waiting.keys()) {
      if (!isWaiting(incident)) this.waiting.delete(incident)
    }
  }

  /** Commands that wait for a token. */
  get demand(): number {
    return this.waiting.size
  }

  /** The same by zone, in order. */
  wants(): readonly ZoneWant[] {
    const byZone = new Map<string, number>()
    for (const zone of this.waiting.values()) byZone.set(zone, (byZone.get(zone) ?? 0) + 1)
    const zones = [...byZone].sort(([a], [b]) => compareText(a, b))
    return zones.map(([zone, waiting]) => ({ zone, waiting }))
  }

  /** Gives back tokens of zones in which nothing waits: they stand in the way of others. */
  giveBackZones(): void {
    const wanted = new Set([...this.waiting.values()].map((zone) => zoneBudget(zone)))
    for (const lease of this.leases) {
      if (lease.budget !== ANY_ZONE && !wanted.has(lease.budget)) this.settle(lease)
    }
    this.drop()
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
    const isZoned = to.form >= FORM_JUDGEMENT
    for (const { id, tokens, spent, deadlineMs, budget } of this.leases) {
      to.text(id).int(tokens).int(spent).number(deadlineMs)
      if (isZoned) to.text(budget)
    }
    to.int(this.settled.length)
    for (const { lease_id: id, tokens, spent, budget = ANY_ZONE } of this.settled) {
      to.text(id).int(tokens).int(spent)
      if (isZoned) to.text(budget)
    }
    to.texts([...this.waiting.keys()])
    if (isZoned) to.texts([...this.waiting.values()])
    if (isZoned) this.verdicts.save(to)
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
    const isZoned = from.form >= FORM_JUDGEMENT
    const budget = (): string => (isZoned ? from.text() : ANY_ZONE)
    this.leases = from.list(() => ({
      id: from.text(),
      tokens: from.int(),
      spent: from.int(),
      deadlineMs: from.number(),
      budget: budget(),
    }))
    this.settled = from.list(() => {
      const lease = { id: from.text(), tokens: from.int(), spent: from.int(), budget: budget() }
      return useOf(lease, true)
    })
    const incidents = from.texts()
    const zones = isZoned ? from.texts() : []
    this.waiting = new Map(incidents.map((incident, i) => [incident, zones[i] ?? '']))
    if (isZoned) this.verdicts.load(from)
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
    const { lease_id: id, tokens, deadline_ms: deadlineMs, budget } = grant
    const held = this.leases.find((lease) => lease.id === id)
    if (held !== undefined) held.deadlineMs = Math.max(held.deadlineMs, deadlineMs)
    else if (id === leaseId(seq) && tokens > 0) {
      this.leases.push({ id, tokens, budget, spent: 0, deadlineMs })
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

/** A budget of no zone is not named: it was there before there were others. */
function useOf(
  { id, tokens, spent, budget }: Omit<HeldLease, 'deadlineMs'>,
  settled: boolean,
): LeaseUse {
  const use = { lease_id: id, tokens, spent, settled }
  return budget === ANY_ZONE ? use : { ...use, budget }
}

function isOf(budget: string, zone: string | undefined): boolean {
  return zone === undefined || budget === ANY_ZONE || budget === zoneBudget(zone)
}
