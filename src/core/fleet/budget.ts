// The granter's side of the fleet's budget: who holds which tokens, which were spent, and what is
// given next (DESIGN.md section 5, budgets are leases; reliability.md I17, I19). Rules:
//   - a token is free, in a lease, or spent; their sum is the limit
//   - a lease ends only by word of its holder: settled in an observation, or not known any more to
// a
//     holder that has read its grant. Time ends nothing here; a deadline stops only the holder
//   - a spent token is free again a minute after the word of it was read
//   - from behaviour 3 on a token is of a zone: given only while nobody is at work in another, and
//     none lies where it could be spent in any
//   - before the first grant every task has answered this life of the fleet task and said what it
//     holds, so that a fleet task without its journal takes over what an earlier one gave
import type { LeaseUse, Observation } from '../../contracts/records.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'

import { LOOKS_MAX, type Picture, UNCLEAR_MS } from './picture.ts'
import { ANSWER_MS, ANY_ZONE, isLoose, loadWants, mayGive, saveWants } from './wants.ts'
import { type Want, wantsOf, zoneBudget } from './wants.ts'

/** The span of the limit: so many disruptive actions per minute. */
export const BUDGET_SPAN_MS = 60_000
/** From a grant or a renewal to the deadline. */
export const LEASE_MS = 60_000
/** Renewed when so much is left. */
const RENEW_MS = 40_000
/** A holder unheard for longer is not renewed. */
const HEARD_MS = 15_000
export interface Lease {
  readonly id: string
  /** seq of the record that granted it; 0 for one taken over. */
  readonly seq: number
  readonly partition: number
  /** ANY_ZONE, or that of a zone. */
  readonly budget: string
  readonly tokens: number
  spent: number
  deadlineMs: number
  /** When it was asked back, or null. */
  askedMs: number | null
}

/** What a task said last. */
interface Holder {
  atMs: number
  waiting: number
  stock: number
  fleetSeq: number
  /** Since when it waits, or null. */
  waitsSinceMs: number | null
  /** What waits, by zone; before behaviour 3 it does not say. */
  wants: readonly Want[]
}

/** What the budget reads of an observation. */
export type Word = Pick<
  Observation,
  'at_ms' | 'waiting' | 'stock' | 'fleet_seq' | 'leases' | 'wants'
>

/** A grant or renewal, or a lease asked back, as the record with this seq says it. */
export interface Order {
  readonly kind: 'grant' | 'take_back'
  readonly partition: number
  readonly seq: number
  readonly lease: Readonly<Lease>
}

export interface OrderAt {
  readonly nowMs: number
  readonly limit: number
  /** A person holds the fleet: nothing is given. */
  readonly held: boolean
  /** The next seq of a record. */
  readonly nextSeq: () => number
  /** From behaviour 3 on: the fleet as it was told last. */
  readonly picture: Picture | null
}

export function leaseId(seq: number): string {
  return `lease-${seq}`
}

export class Budget {
  private readonly partitions: number
  /** In order of their grants. */
  private leases: Lease[] = []
  /** Spent tokens, and when they are free again. */
  private spent: { freeAtMs: number; tokens: number }[] = []
  private readonly holders = new Map<number, Holder>()
  /** seq of the first record of this life, or null. */
  private bornSeq: number | null = null
  /** Log time until which nothing is given, because more than one service has just fallen sick. */
  private unclearUntilMs = 0
  /** An earlier life has granted something somewhere: its minute has to pass. */
  private heirUntilMs = 0

  constructor(partitions: number) {
    this.partitions = partitions
  }

  /** The first record of this life is written. */
  born(seq: number): void {
    this.bornSeq ??= seq
  }

  /** A task says what became of its leases and what it wants. `nowMs`: when this is read. */
  hear(partition: number, word: Word, nowMs: number): void {
    const before = this.holders.get(partition)
    const isHeir = this.bornSeq === null && word.fleet_seq > 0
    if (isHeir) this.heirUntilMs = Math.max(this.heirUntilMs, nowMs + BUDGET_SPAN_MS)
    const { fleet_seq: fleetSeq, at_ms: atMs } = word
    const [waiting, stock] = [Math.max(0, word.waiting), Math.max(0, word.stock)]
    const waitsSinceMs = waiting > 0 ? (before?.waitsSinceMs ?? atMs) : null
    const wants = word.wants ?? []
    this.holders.set(partition, { atMs, waiting, stock, fleetSeq, waitsSinceMs, wants })
    const uses = new Map(word.leases.map((use) => [use.lease_id, use]))
    this.leases = this.leases.filter((lease) => {
      if (lease.partition !== partition) return true
      const use = uses.get(lease.id)
      uses.delete(lease.id)
      if (use !== undefined) return this.use(lease, use, nowMs)
      if (lease.seq > fleetSeq) return true
      // Its holder has read the grant and knows nothing of it: what it did with it is not known.
      this.spend(lease.tokens - lease.spent, nowMs)
      return false
    })
    for (const use of uses.values()) this.takeOver(partition, use, nowMs)
  }

  /** Tokens that are in leases, or were spent in the last minute. */
  taken(nowMs: number): number {
    this.spent = this.spent.filter(({ freeAtMs }) => freeAtMs > nowMs)
    let taken = 0
    for (const { tokens } of this.spent) taken += tokens
    for (const lease of this.leases) taken += lease.tokens - lease.spent
    return taken
  }

  /** Every task has answered a record of this life. */
  isReady(): boolean {
    const { bornSeq } = this
    if (bornSeq === null || this.holders.size < this.partitions) return false
    for (const { fleetSeq } of this.holders.values()) if (fleetSeq < bornSeq) return false
    return true
  }

  /** What is given and asked back now. */
  orders(at: OrderAt): readonly Order[] {
    if (!this.isReady() || at.nowMs < this.heirUntilMs) return []
    const orders: Order[] = []
    let free = at.limit - this.taken(at.nowMs)
    if (!at.held && at.picture !== null) {
      const given = this.ofZones(at, at.picture, free)
      for (const { lease } of given) free -= lease.tokens
      orders.push(...given, ...this.renewals(at))
    } else if (!at.held) {
      for (const [partition, { waiting }] of this.inTurn()) {
        const tokens = Math.min(waiting - this.heldBy(partition), free)
        if (tokens <= 0) continue
        orders.push(this.grant({ partition, tokens, budget: ANY_ZONE }, at))
        free -= tokens
      }
      for (const [partition, { stock, waiting }] of this.inOrder()) {
        // Half of the budget stays for those who wait.
        if (stock + waiting <= this.heldBy(partition) || free <= Math.ceil(at.limit / 2)) continue
        orders.push(this.grant({ partition, tokens: 1, budget: ANY_ZONE }, at))
        free -= 1
      }
      orders.push(...this.renewals(at))
    }
    const wanted = this.wanted()
    // A token that lies idle may stand in the way of one of a zone, however many are free.
    const isZoned = at.picture !== null && at.picture.zones.size > 0
    const isInTheWay = wanted > 0 || this.leases.filter(isLoose).length > 1
    const short = isZoned && isInTheWay ? at.limit : wanted - free
    return [...orders, ...this.takeBacks(short, at)]
  }

  /** When `orders` may say something by time alone: the first such time after `nowMs`, or null. */
  nextMs(nowMs: number): number | null {
    const times = [
      this.heirUntilMs,
      this.unclearUntilMs,
      ...this.spent.map(({ freeAtMs }) => freeAtMs),
    ]
    for (const lease of this.leases) {
      if (this.isWanted(lease)) times.push(lease.deadlineMs - RENEW_MS)
      if (lease.askedMs !== null) times.push(lease.askedMs + ANSWER_MS)
    }
    for (const { waitsSinceMs, wants } of this.holders.values()) {
      if (waitsSinceMs === null || wants.length === 0) continue
      for (let looks = 1; looks <= LOOKS_MAX; looks++) times.push(waitsSinceMs + looks * UNCLEAR_MS)
    }
    const later = times.filter((atMs) => atMs > nowMs)
    return later.length === 0 ? null : later.reduce((least, atMs) => Math.min(least, atMs))
  }

  save(to: ImageWriter): void {
    to.numberOrNull(this.bornSeq).number(this.heirUntilMs)
    to.int(this.leases.length)
    for (const lease of this.leases) {
      const { id, seq, partition, budget, tokens, spent, deadlineMs, askedMs } = lease
      to.text(id).number(seq).int(partition).int(tokens).int(spent)
      if (to.form >= FORM_JUDGEMENT) to.text(budget)
      to.number(deadlineMs).numberOrNull(askedMs)
    }
    to.int(this.spent.length)
    for (const { freeAtMs, tokens } of this.spent) to.number(freeAtMs).int(tokens)
    to.int(this.holders.size)
    for (const [partition, holder] of this.inOrder()) {
      const { atMs, waiting, stock, fleetSeq, waitsSinceMs, wants } = holder
      to.int(partition).number(atMs).int(waiting).int(stock).number(fleetSeq)
      to.numberOrNull(waitsSinceMs)
      if (to.form < FORM_JUDGEMENT) continue
      saveWants(wants, to)
    }
    if (to.form >= FORM_JUDGEMENT) to.number(this.unclearUntilMs)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.bornSeq = from.numberOrNull()
    this.heirUntilMs = from.number()
    this.leases = from.list(() => ({
      id: from.text(),
      seq: from.number(),
      partition: from.int(),
      tokens: from.int(),
      spent: from.int(),
      budget: from.form < FORM_JUDGEMENT ? ANY_ZONE : from.text(),
      deadlineMs: from.number(),
      askedMs: from.numberOrNull(),
    }))
    this.spent = from.list(() => ({ freeAtMs: from.number(), tokens: from.int() }))
    const holders = from.list((): [number, Holder] => [
      from.int(),
      {
        atMs: from.number(),
        waiting: from.int(),
        stock: from.int(),
        fleetSeq: from.number(),
        waitsSinceMs: from.numberOrNull(),
        wants: from.form < FORM_JUDGEMENT ? [] : loadWants(from),
      },
    ])
    for (const [partition, holder] of holders) this.holders.set(partition, holder)
    if (from.form >= FORM_JUDGEMENT) this.unclearUntilMs = from.number()
  }

  /** Whether the lease goes on after what its holder says of it. */
  private use(lease: Lease, { spent, settled }: LeaseUse, nowMs: number): boolean {
    // Spent can only rise, and never above what was granted.
    const said = Math.min(Math.max(spent, lease.spent), lease.tokens)
    this.spend(said - lease.spent, nowMs)
    lease.spent = said
    return !settled && lease.spent < lease.tokens
  }

  /** A lease that an earlier life has granted. */
  private takeOver(partition: number, use: LeaseUse, nowMs: number): void {
    const { lease_id: id } = use
    const tokens = Math.max(0, use.tokens)
    const lease: Lease = {
      id,
      seq: 0,
      partition,
      budget: use.budget ?? ANY_ZONE,
      tokens,
      spent: 0,
      deadlineMs: nowMs,
      askedMs: null,
    }
    if (this.use(lease, use, nowMs)) this.leases.push(lease)
  }

  private spend(tokens: number, nowMs: number): void {
    if (tokens > 0) this.spent.push({ freeAtMs: nowMs + BUDGET_SPAN_MS, tokens })
  }

  /**
   * What is given by zone to those who wait. Where zones are told apart one token lies ready to be
   * spent in any of them, so that its holder can act at once; before anybody else is given one it
   * is asked back.
   */
  private ofZones(at: OrderAt, picture: Picture, room: number): readonly Order[] {
    this.unclearUntilMs = picture.unclearUntilMs
    const isUnclear = at.nowMs < this.unclearUntilMs
    const orders: Order[] = []
    let free = room
    for (const [partition, holder] of this.inTurn()) {
      // Long enough for the others to have been heard of.
      const waitsSinceMs = holder.waitsSinceMs ?? at.nowMs
      if (isUnclear && at.nowMs < waitsSinceMs + picture.unclearForMs) continue
      for (const { zone, waiting } of wantsOf(holder)) {
        const tokens = Math.min(waiting - this.heldFor(partition, zoneBudget(zone)), free)
        if (tokens <= 0 || !mayGive(zone, { leases: this.leases, picture, nowMs: at.nowMs }))
          continue
        orders.push(this.grant({ partition, tokens, budget: zoneBudget(zone) }, at))
        free -= tokens
      }
    }
    if (isUnclear) return orders
    if (picture.zones.size > 0) {
      const isIdle = this.leases.length === 0 && [...picture.inHand].every((zone) => zone === '')
      if (!isIdle) return orders
    }
    for (const [partition, { stock, waiting }] of this.inOrder()) {
      if (stock + waiting <= this.heldBy(partition) || free <= Math.ceil(at.limit / 2)) continue
      orders.push(this.grant({ partition, tokens: 1, budget: ANY_ZONE }, at))
      free -= 1
      if (picture.zones.size > 0) break
    }
    return orders
  }

  private grant(
    given: Pick<Lease, 'partition' | 'tokens' | 'budget'>,
    at: Pick<OrderAt, 'nowMs' | 'nextSeq'>,
  ): Order {
    const { partition } = given
    const seq = at.nextSeq()
    const deadlineMs = at.nowMs + LEASE_MS
    const id = leaseId(seq)
    const lease: Lease = { ...given, id, seq, spent: 0, deadlineMs, askedMs: null }
    this.leases.push(lease)
    return { kind: 'grant', partition, seq, lease: { ...lease } }
  }

  private renewals({ nowMs, nextSeq }: OrderAt): readonly Order[] {
    return this.leases.flatMap((lease): readonly Order[] => {
      const { partition } = lease
      const heardMs = this.holders.get(partition)?.atMs ?? 0
      const isDue = lease.deadlineMs - RENEW_MS <= nowMs
      if (!isDue || !this.isWanted(lease) || nowMs - heardMs > HEARD_MS) return []
      lease.deadlineMs = nowMs + LEASE_MS
      return [{ kind: 'grant', partition, seq: nextSeq(), lease: { ...lease } }]
    })
  }

  private isWanted({ partition, askedMs }: Lease): boolean {
    const holder = this.holders.get(partition)
    return askedMs === null && holder !== undefined && holder.stock + holder.waiting > 0
  }

  /** Tokens that somebody waits for and does not hold. */
  private wanted(): number {
    let wanted = 0
    for (const [partition, { waiting }] of this.holders) {
      wanted += Math.max(0, waiting - this.heldBy(partition))
    }
    return wanted
  }

  /** Idle stock of others, asked back until what is `short` is covered by what is on its way. */
  private takeBacks(short: number, { nowMs, nextSeq }: OrderAt): readonly Order[] {
    let left = short
    for (const { askedMs, tokens, spent } of this.leases) {
      if (askedMs !== null && nowMs - askedMs < ANSWER_MS) left -= tokens - spent
    }
    const orders: Order[] = []
    for (const lease of this.leases) {
      const { partition, askedMs } = lease
      if (left <= 0) break
      if (askedMs !== null || (this.holders.get(partition)?.waiting ?? 0) > 0) continue
      lease.askedMs = nowMs
      left -= lease.tokens - lease.spent
      orders.push({ kind: 'take_back', partition, seq: nextSeq(), lease: { ...lease } })
    }
    return orders
  }

  /** Tokens in its hand that it may spend on this budget. */
  private heldFor(partition: number, budget: string): number {
    let held = 0
    for (const lease of this.leases) {
      if (lease.partition !== partition) continue
      if (lease.budget === budget || lease.budget === ANY_ZONE) held += lease.tokens - lease.spent
    }
    return held
  }

  private heldBy(partition: number): number {
    let held = 0
    for (const lease of this.leases) {
      if (lease.partition === partition) held += lease.tokens - lease.spent
    }
    return held
  }

  private inOrder(): readonly (readonly [number, Holder])[] {
    return [...this.holders].sort(([a], [b]) => a - b)
  }

  /** Who waits longest comes first. */
  private inTurn(): readonly (readonly [number, Holder])[] {
    return this.inOrder()
      .filter(([, { waiting }]) => waiting > 0)
      .sort(([, a], [, b]) => (a.waitsSinceMs ?? 0) - (b.waitsSinceMs ?? 0))
  }
}
