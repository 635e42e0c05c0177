// When a service task tells the fleet task what it holds: once a second while that changes, else
// every ten seconds, and at once when a token was spent, one is waited for, or one was asked back.
import type { TaskId } from '../../contracts/ids.ts'
import type { Observation } from '../../contracts/records.ts'
import { canonical, hex } from '../kernel/canonical.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Holder } from './holder.ts'
import { BUSY_EVERY_MS, QUIET_EVERY_MS } from './term.ts'

/** An agent unheard for so long is worth telling of, though nothing new comes from it. */
const LATE_MS = 2_500

/** What a task sees of its services and agents. */
export type Vector = Pick<Observation, 'services' | 'reporters'>

export interface ObserveAt {
  readonly nowMs: number
  readonly task: TaskId
  /** Tokens it would keep in hand. */
  readonly stock: number
  /** Records were read or something was judged since it was last asked. */
  readonly stirred: boolean
  readonly vector: () => Vector
  /** From behaviour 3 on: tokens are of zones. */
  readonly zoned: boolean
  readonly sha256: (bytes: Uint8Array) => Uint8Array
}

export class Observer {
  private readonly holder: Holder
  private seq = 0
  private sentMs: number | null = null
  private lookedMs = 0
  /** Of what was sent last. */
  private digest = ''
  private demand = 0
  private stirred = false

  constructor(holder: Holder) {
    this.holder = holder
  }

  /** The observation that is due, or null. */
  observe(at: ObserveAt): Observation | null {
    const { holder } = this
    const { nowMs } = at
    holder.expire(nowMs)
    if (at.zoned) holder.giveBackZones()
    holder.giveBack(at.stock + holder.demand, nowMs)
    this.stirred ||= at.stirred || holder.hasSettled
    const isUrgent = holder.urgent || holder.demand !== this.demand
    const isQuietOver = this.sentMs === null || nowMs - this.sentMs >= QUIET_EVERY_MS
    const isLooking = this.stirred && nowMs - this.lookedMs >= BUSY_EVERY_MS
    if (!isUrgent && !isQuietOver && !isLooking) return null
    const vector = at.vector()
    this.lookedMs = nowMs
    const isLate = vector.reporters.some(({ last_ms: lastMs }) => nowMs - lastMs >= LATE_MS)
    // Nobody speaks up for an agent that falls silent: somebody has to look.
    this.stirred = vector.reporters.length > 0
    const parts = [vector.services, vector.reporters, holder.describe(), at.stock]
    const digest = hex(at.sha256(canonical(parts)).subarray(0, 8))
    const isNew = isLate || holder.hasSettled || digest !== this.digest
    if (!isUrgent && !isQuietOver && !isNew) return null
    this.digest = digest
    this.sentMs = nowMs
    this.demand = holder.demand
    // Goes on rising where a journal was lost and counting begins anew.
    this.seq = Math.max(this.seq + 1, nowMs)
    return {
      task: at.task,
      gen: 0,
      seq: this.seq,
      at_ms: nowMs,
      urgent: isUrgent,
      ...vector,
      leases: holder.takeUses(),
      waiting: holder.demand,
      ...(at.zoned ? { wants: holder.wants() } : {}),
      stock: at.stock,
      fleet_seq: holder.seq,
    }
  }

  /** When an observation is due or a lease runs out. */
  nextMs(nowMs: number): number {
    // Nothing has been told yet, because reading is behind: the fleet task waits for it.
    if (this.sentMs === null) return nowMs + BUSY_EVERY_MS
    const dueMs = this.stirred ? this.lookedMs + BUSY_EVERY_MS : this.sentMs + QUIET_EVERY_MS
    return Math.min(dueMs, this.holder.nextMs() ?? dueMs)
  }

  /** Without the holder. */
  save(to: ImageWriter): void {
    to.number(this.seq).numberOrNull(this.sentMs).number(this.lookedMs)
    to.text(this.digest).int(this.demand).flag(this.stirred)
  }

  /** Into a new one. */
  load(from: ImageReader): void {
    this.seq = from.number()
    this.sentMs = from.numberOrNull()
    this.lookedMs = from.number()
    this.digest = from.text()
    this.demand = from.int()
    this.stirred = from.flag()
  }
}
