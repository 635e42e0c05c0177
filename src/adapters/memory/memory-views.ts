// Views in this process: what a projector answers from when it shares nothing. Its rows are in the
// order of their last change, so that a reader takes only what is new to it.
import {
  REMOVALS_MAX,
  VIEW_LIMITS,
  VIEW_TOPICS,
  viewPlace,
  type ViewCursor,
  type ViewGeneration,
  type ViewLimits,
  type ViewPage,
  type ViewPublished,
  type ViewRow,
  type ViewSlice,
  type ViewStore,
  type ViewTopic,
  type ViewWritten,
} from '../../runtime/view-port.ts'

export function createMemoryViews(limits: ViewLimits = VIEW_LIMITS): ViewStore {
  return new MemoryViews(limits)
}

class MemoryViews implements ViewStore {
  readonly name = 'memory'
  private readonly limits: ViewLimits
  private readonly building = new Map<string, { generation: Generation; instead: string | null }>()
  private shown: Generation | null = null
  private count = 0

  constructor(limits: ViewLimits) {
    this.limits = limits
  }

  open(): Promise<ViewGeneration | null> {
    return Promise.resolve(this.shown?.copy() ?? null)
  }

  begin(): Promise<ViewGeneration> {
    const generation = new Generation(`m${++this.count}`, this.limits)
    this.building.set(generation.id, { generation, instead: this.shown?.id ?? null })
    return Promise.resolve(generation.copy())
  }

  write(id: string, slices: readonly ViewSlice[], asOfMs: number): Promise<ViewWritten> {
    const generation = this.shown?.id === id ? this.shown : this.building.get(id)?.generation
    if (generation === undefined) return Promise.resolve('gone')
    return Promise.resolve(generation.write(slices, asOfMs))
  }

  publish(id: string): Promise<ViewPublished> {
    const built = this.building.get(id)
    if (built === undefined) return Promise.resolve('gone')
    this.building.delete(id)
    if ((this.shown?.id ?? null) !== built.instead) return Promise.resolve('overtaken')
    this.shown = built.generation
    return Promise.resolve('published')
  }

  read(cursor: ViewCursor | null, limit: number): Promise<ViewPage | null> {
    return Promise.resolve(this.shown?.read(cursor, limit) ?? null)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class Generation {
  readonly id: string
  private readonly next = new Map<string, number>()
  private readonly tables: readonly Table[]
  private asOfMs = 0
  private revision = 0

  constructor(id: string, limits: ViewLimits) {
    this.id = id
    this.tables = VIEW_TOPICS.map((topic) => new Table(topic, limits[topic]))
  }

  copy(): ViewGeneration {
    return { id: this.id, next: new Map(this.next) }
  }

  write(slices: readonly ViewSlice[], asOfMs: number): ViewWritten {
    const place = (slice: ViewSlice): string => viewPlace(slice.topic, slice.partition)
    const reached = new Map(this.next)
    for (const slice of slices) {
      const position = reached.get(place(slice)) ?? slice.from
      if (slice.from > position) return 'gap'
      reached.set(place(slice), Math.max(position, slice.to))
    }
    for (const slice of slices) {
      const position = this.next.get(place(slice)) ?? slice.from
      const table = this.tables.find(({ topic }) => topic === slice.topic)
      for (const change of slice.changes)
        if (change.offset >= position)
          table?.change({ ...change, partition: slice.partition, revision: ++this.revision })
      this.next.set(place(slice), Math.max(position, slice.to))
    }
    for (const table of this.tables) table.trim()
    this.asOfMs = Math.max(this.asOfMs, asOfMs)
    return 'written'
  }

  read(cursor: ViewCursor | null, limit: number): ViewPage {
    const known = cursor?.generation === this.id ? cursor : null
    const isLost =
      known === null ||
      this.tables.some(
        ({ forgotten }, i) => forgotten > Math.max(known.revisions[i] ?? 0, known.floors[i] ?? 0),
      )
    const since = this.tables.map((_, i) => (isLost ? 0 : (known.revisions[i] ?? 0)))
    const floors = isLost ? this.tables.map(({ forgotten }) => forgotten) : known.floors
    const found = this.tables.map((table, i) => table.after(since[i] ?? 0, limit))
    const revisions = found.map((entries, i) => entries.at(-1)?.revision ?? since[i] ?? 0)
    return {
      reset: isLost,
      rows: found.flat(),
      cursor: { generation: this.id, revisions, floors },
      more: found.some((entries) => entries.length === limit),
      asOfMs: this.asOfMs,
    }
  }
}

interface Entry extends ViewRow {
  readonly revision: number
  readonly version: number
}

class Table {
  readonly topic: ViewTopic
  /** Revision of the newest removal that is no longer kept. */
  forgotten = 0
  private readonly max: number
  private readonly live = new Map<string, Entry>()
  private readonly gone = new Map<string, Entry>()
  /** In the order of revisions; entries that were replaced stay until the next sweep. */
  private log: Entry[] = []

  constructor(topic: ViewTopic, max: number) {
    this.topic = topic
    this.max = max
  }

  change(change: Omit<Entry, 'topic'>): void {
    const { id, record, version } = change
    const held = this.live.get(id)
    if (record === null ? held === undefined : version < (held?.version ?? version)) return
    const entry: Entry = { ...change, topic: this.topic }
    this.live.delete(id)
    this.gone.delete(id)
    ;(record === null ? this.gone : this.live).set(id, entry)
    this.log.push(entry)
    if (this.log.length > 2 * (this.live.size + this.gone.size) + 64) this.sweep()
  }

  trim(): void {
    for (const id of this.live.keys()) {
      if (this.live.size <= this.max) break
      this.live.delete(id)
    }
    for (const [id, { revision }] of this.gone) {
      if (this.gone.size <= REMOVALS_MAX) break
      this.gone.delete(id)
      this.forgotten = revision
    }
  }

  after(revision: number, limit: number): readonly Entry[] {
    const found: Entry[] = []
    for (let i = this.firstAfter(revision); i < this.log.length && found.length < limit; i++) {
      const entry = this.log[i]
      if (entry !== undefined && this.isHeld(entry)) found.push(entry)
    }
    return found
  }

  private isHeld(entry: Entry): boolean {
    return this.live.get(entry.id) === entry || this.gone.get(entry.id) === entry
  }

  private firstAfter(revision: number): number {
    let [low, high] = [0, this.log.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.log[middle]?.revision ?? 0) > revision) high = middle
      else low = middle + 1
    }
    return low
  }

  private sweep(): void {
    this.log = this.log.filter((entry) => this.isHeld(entry))
  }
}
