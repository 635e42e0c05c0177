// The projector: a reader of its own (read_committed, no group, never inside a worker) that folds
// six topics into the read model. Nothing it meets stops it: an undecodable record is counted and
// passed over, an error of the log is waited out, and until it has read to the end once it says so.
import type { Decoder } from '../../contracts/decode.ts'
import type { RecordView } from '../../contracts/record.ts'
import { topicName } from '../../contracts/topics.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, Fetched, LogPort, LogReader, TopicPartition } from '../../runtime/ports.ts'
import { Reach } from './reach.ts'
import { ReadModel, VIEW_TOPICS } from './read-model.ts'
import type { ViewTopic } from './read-model.ts'

const POLL_MS = 1_000
const RETRY_MS = 250

export interface ProjectorOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
}

export interface Projector {
  readonly model: ReadModel
  /** Empty = it has read to the end at least once; else one sentence. */
  notReady(): readonly string[]
  stop(): Promise<void>
}

const utf8 = new TextDecoder()

export function startProjector(options: ProjectorOptions): Projector {
  const running = new Projection(options)
  const loop = running.run()
  return {
    model: running.model,
    notReady: () => running.notReady(),
    async stop(): Promise<void> {
      running.stop()
      await loop
    },
  }
}

class Projection {
  readonly model = new ReadModel()
  private readonly options: ProjectorOptions
  private readonly topics: ReadonlyMap<string, ViewTopic>
  private readonly places: readonly TopicPartition[]
  /** Next offset by topic and partition: survives a new reader, so no record is folded twice. */
  private readonly next = new Map<string, number>()
  /** Partitions short of the end they had at the start. */
  private behind: number
  private readonly stopping = new AbortController()
  private trouble: string | null = null

  constructor(options: ProjectorOptions) {
    this.options = options
    this.topics = new Map(VIEW_TOPICS.map((kind) => [topicName(kind, options.prefix), kind]))
    this.places = [...this.topics.keys()].flatMap((topic) =>
      Array.from({ length: options.partitions }, (_, partition) => ({ topic, partition })),
    )
    this.behind = this.places.length
  }

  notReady(): readonly string[] {
    if (this.trouble !== null) return [`projector: ${this.trouble}`]
    if (this.behind === 0) return []
    return [`projector: still reading ${this.behind} partitions from their start`]
  }

  stop(): void {
    this.stopping.abort()
  }

  async run(): Promise<void> {
    let lost = false
    while (!this.stopping.signal.aborted) {
      const reader = this.reader(lost)
      try {
        await this.read(reader)
      } catch (error) {
        if (this.stopping.signal.aborted) break
        lost = error instanceof LogError && error.code === 'POSITION_LOST'
        this.trouble = error instanceof Error ? error.message : String(error)
      } finally {
        await reader.close().catch(() => undefined)
      }
      await this.options.clock.sleep(RETRY_MS, this.stopping.signal).catch(() => undefined)
    }
  }

  /**
   * Retention cannot be asked which position it passed, so after a loss every partition starts
   * anew.
   */
  private reader(fromStart: boolean): LogReader {
    const reader = this.options.log.reader({ isolation: 'read_committed' })
    for (const at of this.places)
      reader.assign(at, fromStart ? 'earliest' : (this.next.get(placeKey(at)) ?? 'earliest'))
    return reader
  }

  private async read(reader: LogReader): Promise<void> {
    const reach = await Reach.begin(this.options.log, this.places)
    while (!this.stopping.signal.aborted) {
      const answers = await reader.poll(POLL_MS, this.stopping.signal)
      this.trouble = null
      for (const fetched of answers) this.take(fetched)
      if (this.behind > 0) this.behind = reach.missing(reader)
    }
  }

  private take(fetched: Fetched): void {
    const kind = this.topics.get(fetched.topic)
    if (kind === undefined) return
    const key = placeKey(fetched)
    const from = this.next.get(key) ?? 0
    for (const batch of fetched.batches) {
      const reason = batch.unreadable()
      if (reason === null)
        batch.visit((view) => {
          // Noted record by record: a batch that breaks off is read again, its records are not
          // folded again.
          this.next.set(key, view.offset + 1)
          this.fold(kind, fetched.partition, view)
        }, from)
      else this.refused({ topic: kind, partition: fetched.partition }, batch.baseOffset, reason)
    }
    this.next.set(key, Math.max(from, fetched.to))
  }

  private fold(topic: ViewTopic, partition: number, view: RecordView): void {
    const bytes = view.keyStart < 0 ? null : view.buffer.subarray(view.keyStart, view.keyEnd)
    const at = { topic, partition, key: bytes === null ? '' : utf8.decode(bytes) }
    if (view.valueStart < 0) return this.model.fold(at, null)
    const decoded = this.options.decoder.decode(topic, view)
    if (decoded.ok) return this.model.fold(at, decoded.record)
    this.refused(at, view.offset, decoded.reason)
  }

  private refused(at: TopicPartition, offset: number, reason: string): void {
    const { topic, partition } = at
    this.options.instruments.emit('record_refused', { topic, partition, offset, reason })
  }
}

const placeKey = (at: TopicPartition): string => `${at.topic}-${at.partition}`
