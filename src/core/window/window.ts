// Sliding windows of success rate and P99 latency per instance and service (S0-21; DESIGN.md
// section 7). One-second panes by event time, counts added on arrival and subtracted on eviction:
// the figures depend on what was counted and on the window's time alone, never on order, batching
// or steps. At log time t the window holds the panes of the seconds floor(t/1000) − span + 1 …
// floor(t/1000).
import { assert, present } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Figures } from '../kernel/facts.ts'
import { compareText, sortedKeys } from '../kernel/order.ts'
import { indexAtScale4, slotOf } from './grid.ts'
import { type Entry, PaneLog } from './pane-log.ts'
import { Row, type RowKey } from './row.ts'

/**
 * The instance the counts belong to; null: only the service (counts of an incarnation that is
 * gone).
 */
export interface Owner {
  readonly service: string
  readonly instance: string | null
}

/** A caller's view of a callee; kept apart from what the callee says of itself. */
export interface Edge {
  readonly service: string
  readonly instance: string
  readonly callerService: string
  readonly callerInstance: string
}

/** What a delta counted; a DeltaScratch is one. */
export interface Counts {
  readonly n: number
  readonly errors: number
  readonly scale: number
  readonly zeros: number
  readonly buckets: number
  readonly bucketIndex: Int32Array
  readonly bucketCount: Float64Array
}

export interface When {
  readonly eventMs: number
  readonly appendMs: number
}

export interface WindowOptions {
  readonly spanMs: number
  /**
   * A delta whose event lies further before its append time is late and not counted; at most the
   * span.
   */
  readonly graceMs: number
}

/**
 * `late`: older than the grace. `cut`: from before an act. `past`: its pane has left the window
 * already. `refused`: too many edges.
 */
export type Added = 'added' | 'late' | 'cut' | 'past' | 'refused'

/** Rows of edges; more are counted together without telling them apart. */
const EDGES_MAX = 4_096
const NOTHING: Omit<Figures, 'spanMs'> = {
  n: 0,
  errors: 0,
  successRate: null,
  p99Us: null,
  maxUs: 0,
}

interface ServiceRows {
  readonly row: Row
  readonly instances: Map<string, Row>
  readonly edges: Map<string, Row>
}

export class Windows {
  private readonly options: WindowOptions
  private readonly seconds: number
  private readonly log: PaneLog
  private readonly services = new Map<string, ServiceRows>()
  /** Row by id; id 0 is nobody. */
  private readonly rows: (Row | null)[] = [null]
  private readonly freeIds: number[] = []
  private readonly emptied = new Set<Row>()
  private changed: Row[] = []
  private edges = 0
  private nowSec = -1
  /** Deltas refused because they came later than the grace allows. */
  late: number = 0
  /** Deltas of edges that found no row. */
  edgesRefused: number = 0
  private pairs = new Float64Array(256)

  constructor(options: WindowOptions) {
    assert(options.spanMs % 1_000 === 0 && options.spanMs > 0, 'span in whole seconds')
    assert(options.graceMs <= options.spanMs, 'grace within the span')
    this.options = options
    this.seconds = options.spanMs / 1_000
    this.log = new PaneLog(2 * this.seconds)
  }

  /** Moves the window's time forward; an earlier time leaves it where it is. */
  advance(nowMs: number): void {
    const sec = Math.floor(nowMs / 1_000)
    if (sec <= this.nowSec) return
    const first = Math.max(this.nowSec - this.seconds + 1, 0)
    const last = Math.min(sec, this.nowSec + 2 * this.seconds) - this.seconds
    if (this.nowSec >= 0) for (let s = first; s <= last; s++) this.evict(s)
    this.nowSec = sec
    this.forgetEmptied()
  }

  /** Counts a delta of an instance about itself. Call `advance` with the step's time first. */
  add(owner: Owner, counts: Counts, when: When): Added {
    assert(this.nowSec >= 0, 'a window that knows the time')
    const refusal = this.refusal(when)
    if (refusal !== null) return refusal
    const service = this.serviceRows(owner.service)
    const row = owner.instance === null ? null : this.instanceRow(service, owner.instance)
    const isCut = row !== null && when.eventMs < row.cutMs
    this.count(isCut ? null : row, service.row, { counts, when })
    return isCut ? 'cut' : 'added'
  }

  /** Counts what a caller saw; only requests and errors, and not in the callee's own window. */
  addEdge(edge: Edge, counts: Counts, when: When): Added {
    const refusal = this.refusal(when)
    if (refusal !== null) return refusal
    const row = this.edgeRow(edge)
    if (row === null) {
      this.edgesRefused += 1
      return 'refused'
    }
    this.count(row, null, { counts: { ...counts, zeros: 0, buckets: 0 }, when })
    return 'added'
  }

  /**
   * Forgets what began before the effect of an act on the instance (follow: "the window is cut at
   * the effect time"), now and when it comes late. The service keeps it: its users did see it.
   */
  cut(service: string, instance: string, atMs: number): void {
    const row = this.instanceRow(this.serviceRows(service), instance)
    row.cutMs = Math.max(row.cutMs, atMs)
    this.detach(row, row.cutMs)
  }

  /** Forgets all of an instance, because a new incarnation begins. */
  reset(service: string, instance: string): void {
    const row = this.services.get(service)?.instances.get(instance)
    if (row !== undefined) this.detach(row, Number.POSITIVE_INFINITY)
  }

  instance(service: string, instance: string): Figures {
    return this.figures(this.services.get(service)?.instances.get(instance))
  }

  service(service: string): Figures {
    return this.figures(this.services.get(service)?.row)
  }

  /** Edges into an instance of the service, in order of callee and caller. */
  edgesInto(service: string): { readonly edge: string; readonly figures: Figures }[] {
    const edges = this.services.get(service)?.edges ?? new Map<string, Row>()
    return sortedKeys(edges).map((edge) => ({ edge, figures: this.figures(edges.get(edge)) }))
  }

  /** Keys whose figures changed since the last call, each once, in no particular order. */
  takeChanged(): readonly RowKey[] {
    const taken = this.changed
    this.changed = []
    for (const row of taken) row.changed = false
    return taken.map((row) => row.key)
  }

  /** Log time at which the next pane leaves the window, or null when nothing is counted. */
  nextEvictionMs(): number | null {
    const sec = this.log.oldestSec()
    return sec === null ? null : (sec + this.seconds) * 1_000
  }

  save(to: ImageWriter): void {
    to.number(this.nowSec).number(this.late).number(this.edgesRefused).int(this.rows.length)
    for (const row of this.rows) {
      to.flag(row !== null)
      if (row === null) continue
      to.text(row.key.service).textOrNull(row.key.instance).textOrNull(row.key.caller)
      to.number(row.n).number(row.errors).number(row.latencies).number(row.entries)
      to.number(row.cutMs).flag(row.changed).numbers(row.nonEmpty())
    }
    to.numbers(this.freeIds).numbers([...this.emptied].map(({ id }) => id))
    to.numbers(this.changed.map(({ id }) => id))
    this.log.save(to)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.nowSec = from.number()
    this.late = from.number()
    this.edgesRefused = from.number()
    const count = from.count()
    for (let id = 0; id < count; id++) this.rows[id] = from.flag() ? loadRow(id, from) : null
    this.index()
    this.freeIds.push(...from.numbers())
    for (const id of from.numbers()) this.emptied.add(present(this.rows[id], 'an emptied row'))
    this.changed = from.numbers().map((id) => present(this.rows[id], 'a changed row'))
    this.log.load(from)
  }

  private index(): void {
    const rows = this.rows.filter((row) => row !== null)
    for (const row of rows) {
      const { service, instance } = row.key
      if (instance !== null) continue
      this.services.set(service, { row, instances: new Map(), edges: new Map() })
    }
    for (const row of rows) {
      const { service, instance, caller } = row.key
      const held = present(this.services.get(service), 'rows of a service')
      if (instance === null) continue
      if (caller === null) held.instances.set(instance, row)
      else held.edges.set(edgeKey(instance, caller), row)
      if (caller !== null) this.edges += 1
    }
  }

  /** Canonical value of everything counted, independent of the order of arrival. */
  describe(): unknown {
    const rows = this.rows
      .filter((row) => row !== null)
      .filter((row) => row.entries > 0 || this.remembersCut(row))
      .map((row) => ({ row, text: keyText(row.key) }))
      .sort((a, b) => compareText(a.text, b.text))
    const ranks = new Map(rows.map(({ row }, rank) => [row.id, rank]))
    const entries: number[][] = []
    this.log.visitAll(({ eventMs, row, serviceRow, n, errors, pairs }) => {
      const owners = [ranks.get(serviceRow) ?? -1, ranks.get(row) ?? -1]
      entries.push([eventMs, ...owners, n, errors, ...pairs])
    })
    const totals = rows.map(({ row, text }) => {
      const cutMs = this.remembersCut(row) ? row.cutMs : 0
      return [text, row.n, row.errors, cutMs, row.nonEmpty()]
    })
    const { nowSec: sec, late, edgesRefused } = this
    return { sec, late, edgesRefused, rows: totals, entries: entries.sort(compareNumbers) }
  }

  private figures(row: Row | undefined): Figures {
    const { spanMs } = this.options
    return row === undefined ? { spanMs, ...NOTHING } : row.figures(spanMs)
  }

  /** Lateness is told from the record alone, so that no split into steps changes it. */
  private refusal({ eventMs, appendMs }: When): 'late' | 'past' | null {
    if (eventMs < appendMs - this.options.graceMs) {
      this.late += 1
      return 'late'
    }
    return Math.floor(eventMs / 1_000) <= this.nowSec - this.seconds ? 'past' : null
  }

  private count(
    row: Row | null,
    service: Row | null,
    { counts, when }: { counts: Counts; when: When },
  ): void {
    // A reader that catches up knows some topics further than its time; that far ahead there is
    // room.
    const sec = Math.min(Math.floor(when.eventMs / 1_000), this.nowSec + this.seconds)
    const entry: Entry = {
      row: row?.id ?? 0,
      serviceRow: service?.id ?? 0,
      eventMs: when.eventMs,
      n: counts.n,
      errors: counts.errors,
      pairs: this.pairsOf(counts),
    }
    this.log.add(sec, entry)
    if (row !== null) this.apply(row, entry, 1)
    if (service !== null) this.apply(service, entry, 1)
  }

  private pairsOf(counts: Counts): Float64Array {
    const most = 2 * (counts.buckets + 1)
    if (this.pairs.length < most) this.pairs = new Float64Array(most)
    const pairs = this.pairs
    let length = 0
    if (counts.zeros > 0) {
      pairs[1] = counts.zeros
      pairs[0] = 0
      length = 2
    }
    for (let i = 0; i < counts.buckets; i++) {
      const slot = slotOf(indexAtScale4(counts.bucketIndex[i] ?? 0, counts.scale))
      const count = counts.bucketCount[i] ?? 0
      if (length > 0 && pairs[length - 2] === slot)
        pairs[length - 1] = (pairs[length - 1] ?? 0) + count
      else {
        pairs[length] = slot
        pairs[length + 1] = count
        length += 2
      }
    }
    return pairs.subarray(0, length)
  }

  private apply(row: Row, entry: Entry, sign: 1 | -1): void {
    row.total(entry.n, entry.errors, sign)
    const { pairs } = entry
    for (let i = 0; i < pairs.length; i += 2) {
      row.latency(pairs[i] ?? 0, sign * (pairs[i + 1] ?? 0))
    }
    this.touched(row)
  }

  private touched(row: Row): void {
    if (row.entries === 0) this.emptied.add(row)
    if (row.changed) return
    row.changed = true
    this.changed.push(row)
  }

  private evict(sec: number): void {
    this.log.evict(sec, (entry) => {
      for (const id of [entry.row, entry.serviceRow]) {
        const row = this.rows[id]
        if (row !== null && row !== undefined) this.apply(row, entry, -1)
      }
    })
  }

  private detach(row: Row, beforeMs: number): void {
    this.log.detach(row.id, beforeMs, (entry) => this.apply(row, entry, -1))
    if (row.entries === 0) this.emptied.add(row)
  }

  /** Gives back rows of keys that count nothing and have no cut to remember. */
  private forgetEmptied(): void {
    for (const row of this.emptied) {
      const isNeeded = row.entries > 0
      if (!isNeeded && this.remembersCut(row)) continue
      this.emptied.delete(row)
      if (!isNeeded) this.remove(row)
    }
  }

  /** Late deltas from before its cut can still come. */
  private remembersCut(row: Row): boolean {
    return row.cutMs > (this.nowSec - this.seconds) * 1_000
  }

  private remove(row: Row): void {
    const { service, instance, caller } = row.key
    const rows = this.services.get(service)
    assert(rows !== undefined, 'a row belongs to a service')
    assert(row.n === 0 && row.errors === 0 && row.latencies === 0, 'an empty row counts nothing')
    if (instance === null) {
      // The service goes after its last key, which offers it once more.
      if (rows.instances.size > 0 || rows.edges.size > 0) return
      this.services.delete(service)
    } else if (caller === null) rows.instances.delete(instance)
    else {
      rows.edges.delete(edgeKey(instance, caller))
      this.edges -= 1
    }
    if (instance !== null && rows.row.entries === 0) this.emptied.add(rows.row)
    this.rows[row.id] = null
    this.freeIds.push(row.id)
  }

  private newRow(key: RowKey): Row {
    const id = this.freeIds.pop() ?? this.rows.length
    const row = new Row(id, key)
    this.rows[id] = row
    return row
  }

  private serviceRows(service: string): ServiceRows {
    let rows = this.services.get(service)
    if (rows === undefined) {
      const row = this.newRow({ service, instance: null, caller: null })
      rows = { row, instances: new Map(), edges: new Map() }
      this.services.set(service, rows)
    }
    return rows
  }

  private instanceRow(rows: ServiceRows, instance: string): Row {
    let row = rows.instances.get(instance)
    if (row === undefined) {
      row = this.newRow({ service: rows.row.key.service, instance, caller: null })
      rows.instances.set(instance, row)
    }
    return row
  }

  private edgeRow(edge: Edge): Row | null {
    const caller = `${edge.callerService}\n${edge.callerInstance}`
    const key = edgeKey(edge.instance, caller)
    const held = this.services.get(edge.service)?.edges.get(key)
    if (held !== undefined) return held
    if (this.edges >= EDGES_MAX) return null
    const row = this.newRow({ service: edge.service, instance: edge.instance, caller })
    this.serviceRows(edge.service).edges.set(key, row)
    this.edges += 1
    return row
  }
}

/** Ids have no control characters, so a line feed separates them. */
function edgeKey(instance: string, caller: string): string {
  return `${instance}\n${caller}`
}

function loadRow(id: number, from: ImageReader): Row {
  const key = { service: from.text(), instance: from.textOrNull(), caller: from.textOrNull() }
  const row = new Row(id, key)
  row.n = from.number()
  row.errors = from.number()
  const latencies = from.number()
  row.entries = from.number()
  row.cutMs = from.number()
  row.changed = from.flag()
  const slots = from.numbers()
  for (let i = 0; i < slots.length; i += 2) row.latency(slots[i] ?? 0, slots[i + 1] ?? 0)
  assert(row.latencies === latencies, 'a row holds what it counts')
  return row
}

function keyText({ service, instance, caller }: RowKey): string {
  return `${service}\n${instance ?? ''}\n${caller ?? ''}`
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
