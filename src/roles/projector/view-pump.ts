// Folds the log into one store of views, with a reader of its own (read_committed, no group, never
// inside a worker). Whatever the store or the log does, it waits longer and goes on: where the
// store says that it stands, or with a new generation from the start of the topics.
import { setImmediate as turn } from 'node:timers/promises'
import type { Decoder } from '../../contracts/decode.ts'
import { topicName } from '../../contracts/topics.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, Fetched, LogPort, LogReader, TopicPartition } from '../../runtime/ports.ts'
import {
  VIEW_TOPICS,
  ViewError,
  viewPlace,
  type ViewSlice,
  type ViewStore,
  type ViewTopic,
} from '../../runtime/view-port.ts'
import { Reach } from './reach.ts'
import { Recency } from './recency.ts'
import { viewSlices } from './view-slices.ts'

const POLL_MS = 1_000
const RETRY_MS = 250
/** All partitions may answer at once, and what they bring is checked in one go. */
const FETCH_BYTES = 131_072
/** Rows of one write, but for the last slice of it. */
const CHUNK_MIN = 300
const TELL_EVERY = 20
/** A store that is broken again sooner than this is given ever more time. */
const STEADY_MS = 10_000

export interface PumpOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
  readonly store: ViewStore
  /** Longest pause after failures. */
  readonly retryMaxMs: number
  /** Heard after every write that readers can see. */
  readonly onShown: () => Promise<void>
  /** Hears of records that cannot be read. */
  readonly onRefused: (at: TopicPartition, offset: number, reason: string) => void
}

interface Building {
  readonly id: string
  readonly next: Map<string, number>
  readonly sinceMs: number
  shown: boolean
}

export class ViewPump {
  private readonly options: PumpOptions
  private readonly topics: ReadonlyMap<string, ViewTopic>
  private readonly places: readonly TopicPartition[]
  private readonly stopping = new AbortController()
  /** Partitions short of the end they had at the start. */
  private behind: number
  private generation: Building | null = null
  private failures = 0
  private steadyMs = 0
  private trouble: string | null = null
  private told: string | null = null
  private everShown = false

  constructor(options: PumpOptions) {
    this.options = options
    this.topics = new Map(VIEW_TOPICS.map((kind) => [topicName(kind, options.prefix), kind]))
    this.places = [...this.topics.keys()].flatMap((topic) =>
      Array.from({ length: options.partitions }, (_, partition) => ({ topic, partition })),
    )
    this.behind = this.places.length
  }

  /** Empty = it has read to the end at least once; else one sentence. */
  notReady(): readonly string[] {
    if (this.trouble !== null) return [`projector: ${this.trouble}`]
    if (this.everShown) return []
    return [`projector: still reading ${this.behind} partitions from their start`]
  }

  stop(): void {
    this.stopping.abort()
  }

  /** What is shown is no use: another generation is built from the start of the topics. */
  rebuild(): void {
    if (this.generation?.shown !== true) return
    this.generation = this.begun()
    this.failures++
  }

  async run(): Promise<void> {
    const { clock, retryMaxMs } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        await this.fold()
      } catch (error) {
        if (signal.aborted) break
        this.failed(error)
      }
      const pauseMs = Math.min(RETRY_MS * 2 ** Math.min(this.failures, 16), retryMaxMs)
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  private failed(error: unknown): void {
    const known = error instanceof LogError || error instanceof ViewError
    const code = known ? error.code : 'DEFECT'
    this.trouble = error instanceof Error ? error.message : String(error)
    // Retention cannot be asked which position it passed: every partition starts anew.
    if (code === 'POSITION_LOST') this.generation = this.begun()
    const { store, instruments } = this.options
    // What goes on for long is told of now and then.
    if (this.failures++ % TELL_EVERY !== 0 && code === this.told) return
    this.told = code
    instruments.emit('views_failed', { store: store.name, code, reason: this.trouble })
  }

  private begun(): Building {
    const sinceMs = this.options.clock.monotonicMs()
    return { id: '', next: new Map(), sinceMs, shown: false }
  }

  /** What was under construction goes on; else what is shown; else something new. */
  private async openOrBegin(): Promise<Building> {
    const { store } = this.options
    const isLost = this.generation?.id === ''
    if (this.generation !== null && !isLost && !this.generation.shown) return this.generation
    this.generation = isLost ? this.generation : null
    const held = isLost ? null : await store.open()
    const { id, next } = held ?? (await store.begin())
    return { ...this.begun(), id, next: new Map(next), shown: held !== null }
  }

  /** Ends when the store has to be opened anew. Errors: LogError, ViewError. */
  private async fold(): Promise<void> {
    const { log, clock } = this.options
    const generation = await this.openOrBegin()
    this.generation = generation
    const reader = log.reader({
      isolation: 'read_committed',
      maxBytesPerPartition: FETCH_BYTES,
    })
    try {
      for (const at of this.places)
        reader.assign(at, generation.next.get(this.placeOf(at)) ?? 'earliest')
      const reach = await Reach.begin(log, this.places)
      const recency = new Recency(this.places, clock)
      this.steadyMs = clock.monotonicMs() + STEADY_MS
      while (await this.turn({ reader, reach, recency, generation }));
    } finally {
      await reader.close().catch(() => undefined)
    }
  }

  private async turn(at: {
    readonly reader: LogReader
    readonly reach: Reach
    readonly recency: Recency
    readonly generation: Building
  }): Promise<boolean> {
    const { reader, reach, recency, generation } = at
    const { clock, onShown } = this.options
    const { signal } = this.stopping
    if (signal.aborted || this.generation !== generation) return false
    const answers = await reader.poll(POLL_MS, signal)
    for (const fetched of answers) recency.heard(fetched)
    if (!(await this.write(generation, answers, recency))) {
      this.generation = null
      this.failures++
      return false
    }
    this.trouble = null
    if (clock.monotonicMs() > this.steadyMs) this.failures = 0
    if (!this.everShown || !generation.shown) this.behind = reach.missing(reader)
    if (!generation.shown && this.behind === 0 && !(await this.publish(generation))) return false
    if (generation.shown) {
      await onShown()
      this.everShown = true
    }
    this.measure(recency)
    return true
  }

  /** False: the store is no longer what it was. The next piece is encoded while one is written. */
  private async write(
    generation: Building,
    answers: readonly Fetched[],
    recency: Recency,
  ): Promise<boolean> {
    const { store, instruments } = this.options
    let before: Promise<boolean> = Promise.resolve(true)
    let records = 0
    const asOfMs = recency.asOfMs()
    for (const slices of this.chunks(answers)) {
      const outcome = store.write(generation.id, slices, asOfMs)
      const now = outcome.then((written) => {
        if (written !== 'written') return false
        for (const { topic, partition, to } of slices)
          generation.next.set(viewPlace(topic, partition), to)
        return true
      })
      now.catch(() => undefined)
      if (!(await before)) return false
      before = now
      records += slices.reduce((sum, { changes }) => sum + changes.length, 0)
      // Other work of this process has its turn between two pieces.
      await turn()
    }
    const isWritten = await before
    if (records > 0) instruments.emit('views_folded', { store: store.name, records })
    return isWritten
  }

  private *chunks(answers: readonly Fetched[]): Generator<readonly ViewSlice[]> {
    const { decoder, onRefused } = this.options
    let slices: ViewSlice[] = []
    for (const fetched of answers) {
      const topic = this.topics.get(fetched.topic)
      if (topic === undefined) continue
      const { partition } = fetched
      const refused = (offset: number, reason: string): void =>
        onRefused({ topic, partition }, offset, reason)
      for (const slice of viewSlices(fetched, { topic, decoder, refused })) {
        slices.push(slice)
        if (slices.reduce((sum, { changes }) => sum + changes.length, 0) < CHUNK_MIN) continue
        yield slices
        slices = []
      }
    }
    if (slices.length > 0) yield slices
  }

  private async publish(generation: Building): Promise<boolean> {
    const { store, clock, instruments } = this.options
    const outcome = await store.publish(generation.id)
    generation.shown = outcome === 'published'
    if (!generation.shown) {
      this.generation = null
      return false
    }
    const seconds = (clock.monotonicMs() - generation.sinceMs) / 1_000
    instruments.emit('views_rebuilt', { store: store.name, seconds })
    return true
  }

  private measure(recency: Recency): void {
    const { store, instruments } = this.options
    for (const { partition, seconds } of recency.lags())
      instruments.emit('views_lag', { store: store.name, partition, seconds })
  }

  private placeOf(at: TopicPartition): string {
    const topic = this.topics.get(at.topic)
    return topic === undefined ? '' : viewPlace(topic, at.partition)
  }
}
