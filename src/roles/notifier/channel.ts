// One sink and one topic: reads from where the sink has got to, gathers, delivers in the order of
// the log, and keeps on the log up to where everything has been delivered. So a sink that is down
// holds nobody else back, nothing is lost whoever dies, and what is delivered again has the same
// keys. Positions need no fence: whoever saves one has delivered all that lies before it.
import type { Notice } from '../../adapters/notify/sink.ts'
import type { Decoder } from '../../contracts/decode.ts'
import type { RecordOf } from '../../contracts/records.ts'
import { topicName } from '../../contracts/topics.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, Fetched, LogAdmin, LogPort, TopicPartition } from '../../runtime/ports.ts'
import type { Delivery } from './delivery.ts'
import { Pending } from './pending.ts'
import { partitionOf, type Place } from './place.ts'

const POLL_MS = 1_000
const RETRY_MS = 1_000
const FETCH_BYTES = 262_144
const ITEMS_MAX = 100
const WAITING_MAX = 5_000
/** Positions of a group without members are forgotten after days: they are said again before. */
const SAY_AGAIN_MS = 3_600_000
/** Reading on past what is not for this sink is worth saving now and then only. */
const SAVE_MS = 5_000

type Kind = 'alerts' | 'incidents'

export interface ChannelOptions<K extends Kind> {
  /** Of the sink. */
  readonly name: string
  readonly topic: K
  /** Whose positions these are on the log. */
  readonly group: string
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly delivery: Delivery
  /** How long the first of a group waits for others. */
  readonly waitMs: number
  /** How far back a partition begins of which nothing is known. */
  readonly lookbackMs: number
  /** The group that a record is delivered in; null: it is not for this sink. */
  readonly select: (record: RecordOf[K]) => string | null
  readonly noticeOf: (group: string, records: readonly RecordOf[K][]) => Notice
  /** Records of one notice. */
  readonly itemsMax?: number
}

export class Channel<K extends Kind> {
  private readonly options: ChannelOptions<K>
  private readonly stopping = new AbortController()
  private turn = new AbortController()
  private partitions: readonly number[] = []
  private saved = new Map<string, number>()
  private savedMs = 0
  private trouble: string | null = 'nothing is known of the log yet'
  private loop: Promise<void> | null = null

  constructor(options: ChannelOptions<K>) {
    this.options = options
  }

  /** From now on these partitions are read; those that were and stay go on from what was saved. */
  own(partitions: readonly number[]): void {
    const isSame = partitions.join() === this.partitions.join()
    this.partitions = [...partitions]
    this.loop ??= this.run()
    if (!isSame) this.turn.abort()
  }

  /** Empty = all is well; else one sentence each. */
  notReady(): readonly string[] {
    const { name, topic, delivery } = this.options
    const trouble = delivery.trouble ?? this.trouble
    return trouble === null ? [] : [`sink ${name} (${topic}): ${trouble}`]
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.turn.abort()
    await this.loop
  }

  private async run(): Promise<void> {
    const { clock, instruments } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      this.turn = new AbortController()
      try {
        await this.follow(this.partitions, AbortSignal.any([signal, this.turn.signal]))
      } catch (error) {
        if (signal.aborted || this.turn.signal.aborted) continue
        this.trouble = error instanceof Error ? error.message : String(error)
        instruments.emit('read_failed', { reason: this.trouble })
        await clock.sleep(RETRY_MS, signal).catch(() => undefined)
      }
    }
  }

  /** Until the signal. Errors: its reason; LogError. */
  private async follow(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const { log, clock, prefix, waitMs, itemsMax = ITEMS_MAX } = this.options
    const topic = topicName(this.options.topic, prefix)
    const places = partitions.map((partition) => ({ topic, partition }))
    if (places.length === 0) {
      this.trouble = null
      return clock.sleep(2 ** 31, signal)
    }
    const admin = log.admin()
    const reader = log.reader({ isolation: 'read_committed', maxBytesPerPartition: FETCH_BYTES })
    try {
      const pending = new Pending<RecordOf[K]>({ waitMs, itemsMax, waitingMax: WAITING_MAX })
      this.options.delivery.onFailed = () => this.measure(pending)
      this.saved.clear()
      for (const place of await this.starts(admin, places)) {
        reader.assign(place, place.offset)
        pending.reached(place)
      }
      while (!signal.aborted) {
        await this.save(admin, pending.positions())
        const dueMs = (pending.nextMs() ?? Infinity) - clock.monotonicMs()
        const fetched = await reader.poll(Math.max(0, Math.min(POLL_MS, dueMs)), signal)
        this.trouble = null
        for (const one of fetched) this.take(pending, one)
        await this.deliverDue(pending, admin, signal)
        this.measure(pending)
      }
    } finally {
      await reader.close()
      await admin.close()
    }
  }

  /** Where each partition goes on. Records that the log has dropped meanwhile are said aloud. */
  private async starts(
    admin: LogAdmin,
    places: readonly TopicPartition[],
  ): Promise<readonly Place[]> {
    const { group, clock, lookbackMs, instruments, name } = this.options
    const sinceMs = Math.max(0, Math.floor(clock.nowMs() - lookbackMs))
    const [known, first, recent, end] = await Promise.all([
      admin.positions(group, places),
      admin.offsets(places, 'earliest', 'read_committed'),
      admin.offsets(places, { timestampMs: sinceMs }, 'read_committed'),
      admin.offsets(places, 'latest', 'read_committed'),
    ])
    return places.map((at, i) => {
      const earliest = first[i] ?? 0
      const latest = end[i] ?? earliest
      const position = known[i] ?? null
      if (position === null) {
        const from = recent[i] ?? -1
        return { ...at, offset: from < 0 ? latest : from }
      }
      const isLost = position < earliest
      if (!isLost && position <= latest) return { ...at, offset: position }
      const what = `${at.topic}-${at.partition} is at ${earliest} to ${latest}, not at ${position}`
      const detail = `${name}: what lay between is gone, ${what}`
      instruments.emit('process_notice', { code: 'notices_lost', detail })
      return { ...at, offset: isLost ? earliest : latest }
    })
  }

  private take(pending: Pending<RecordOf[K]>, fetched: Fetched): void {
    const { topic, partition } = fetched
    const { decoder, clock, select, instruments } = this.options
    const refuse = (offset: number, reason: string): void =>
      instruments.emit('record_refused', { topic, partition, offset, reason })
    for (const batch of fetched.batches) {
      const reason = batch.unreadable()
      if (reason !== null) {
        refuse(batch.baseOffset, reason)
        continue
      }
      batch.visit((view) => {
        if (view.valueStart < 0) return
        const decoded = decoder.decode(this.options.topic, view)
        if (!decoded.ok) return refuse(view.offset, `${decoded.reason}: ${decoded.detail}`)
        const group = select(decoded.record)
        if (group === null) return
        const item = { topic, partition, offset: view.offset, group, value: decoded.record }
        pending.add(item, clock.monotonicMs())
      }, fetched.from)
    }
    pending.reached({ topic, partition, offset: fetched.to })
  }

  private async deliverDue(
    pending: Pending<RecordOf[K]>,
    admin: LogAdmin,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, delivery, noticeOf } = this.options
    for (;;) {
      const batch = pending.due(clock.monotonicMs())
      if (batch === null) return
      const records = batch.items.map(({ value }) => value)
      await delivery.deliver(noticeOf(batch.group, records), signal)
      pending.done(batch)
      this.savedMs = -Infinity
      await this.save(admin, pending.positions())
    }
  }

  /** Keeps what has moved. The log may be away: then the same is delivered again, under its key. */
  private async save(admin: LogAdmin, positions: readonly Place[]): Promise<void> {
    const { clock, group, instruments } = this.options
    const nowMs = clock.monotonicMs()
    const moved = positions.filter((at) => this.saved.get(partitionOf(at)) !== at.offset)
    const isDue = nowMs - this.savedMs >= (moved.length > 0 ? SAVE_MS : SAY_AGAIN_MS)
    if (!isDue) return
    try {
      await admin.savePositions(group, positions)
      for (const at of positions) this.saved.set(partitionOf(at), at.offset)
      this.savedMs = nowMs
    } catch (error) {
      if (!(error instanceof LogError) || error.code === 'CLOSED') throw error
      instruments.emit('read_failed', { reason: error.message })
    }
  }

  private measure(pending: Pending<RecordOf[K]>): void {
    const { name: sink, clock, instruments } = this.options
    const sinceMs = pending.oldestMs()
    const seconds = sinceMs === null ? 0 : (clock.monotonicMs() - sinceMs) / 1_000
    instruments.emit('notices_waiting', { sink, seconds })
  }
}
