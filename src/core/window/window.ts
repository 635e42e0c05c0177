// Sliding windows of 10, 60 and 300 s: success rate and P99 latency per instance, service and edge
// (S0-21; DESIGN.md section 7). Panes by event time, counts added on arrival and taken away on
// eviction: the figures depend on what was counted and on the windows' time alone, never on order,
// batching or steps. With s the second of log time (floor(t / 1000)), a window holds
//   10 s   the seconds s - 9 … s and what was read ahead of it
//   60 s   the seconds s - 59 … s and the same
//   300 s  the decades d - 29 … d, d = floor(s / 10): the last 291 to 300 seconds, and the same
// An event more than 60 s ahead of s counts as one at the end of the second s + 60.
import { assert } from '../kernel/assert.ts'
import type { Figures } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import { describeLedger } from './describe.ts'
import { type Buckets, Entry } from './entry.ts'
import { type Grid, gridOf, type Scale } from './grid.ts'
import { AHEAD_SECS, IN_10, IN_300, IN_60, Ledger, MIDDLE_SECS } from './ledger.ts'
import { EDGE, INSTANCE, type RowKey, SERVICE } from './rows.ts'
import type { Glance, Span, Tallies } from './tallies.ts'

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

/** What a delta counted; a DeltaScratch is one. Whole numbers, latencies at most as many as n. */
export interface Counts extends Buckets {
  readonly n: number
  readonly errors: number
  readonly scale: number
  readonly zeros: number
}

export interface When {
  readonly eventMs: number
  readonly appendMs: number
}

export interface WindowOptions {
  /** A delta whose event lies further before its append time is late and not counted. */
  readonly graceMs: number
  /** Of the grid: 4 (P99 within 2.2 %) or 5 (1.1 %). Default 4. */
  readonly scale?: Scale
}

/**
 * `late`: older than the grace. `cut`: from before an act, counted in the service alone. `past`:
 * its second has left the 60-s window already, so that only that of 300 s may count it. `refused`:
 * too many edges.
 */
export type Added = 'added' | 'late' | 'cut' | 'past' | 'refused'

/** Rows of edges; more are counted together without telling them apart. */
const EDGES_MAX = 4_096
/** The window that health is judged by. */
const JUDGED: Span = 60_000
const BITS: Readonly<Record<Span, number>> = { 10_000: IN_10, 60_000: IN_60, 300_000: IN_300 }
const MS_LAST = 999

export class Windows {
  private readonly graceMs: number
  private readonly grid: Grid
  private readonly ledger: Ledger
  private readonly entry = new Entry()
  /** Deltas refused because they came later than the grace allows. */
  late: number = 0
  /** Deltas of edges that found no row. */
  edgesRefused: number = 0

  constructor({ graceMs, scale = 4 }: WindowOptions) {
    assert(graceMs <= MIDDLE_SECS * 1_000, 'grace within the window judged by')
    const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
    assert(isLittleEndian, 'a machine whose words are those of the images, low byte first')
    this.graceMs = graceMs
    this.grid = gridOf(scale)
    this.ledger = new Ledger(this.grid)
  }

  /** Moves the windows' time forward; an earlier time leaves it where it is. */
  advance(nowMs: number): void {
    this.ledger.advance(Math.floor(nowMs / 1_000))
  }

  /**
   * The row of an instance, made when there is none. It may be kept with its generation, and is
   * that of the instance as long as `isCurrent` says so; a row nothing is counted in goes with the
   * next `advance`.
   */
  instanceRow(service: string, instance: string): number {
    return this.make({ service, instance, caller: null })
  }

  serviceRow(service: string): number {
    return this.make({ service, instance: null, caller: null })
  }

  /** 0 when there are too many edges. */
  edgeRow({ service, instance, callerService, callerInstance }: Edge): number {
    const key = { service, instance, caller: `${callerService}\n${callerInstance}` }
    const { rows } = this.ledger
    return rows.edgeCount < EDGES_MAX ? this.make(key) : rows.find(key)
  }

  generation(row: number): number {
    return this.ledger.rows.generation(row)
  }

  /** Whether the row is still that of the key it was asked for when it had this generation. */
  isCurrent(row: number, generation: number): boolean {
    return row !== 0 && this.ledger.rows.generation(row) === generation
  }

  /**
   * Counts a delta of an instance about itself; `row` 0: in the service alone. Call `advance` with
   * the step's time first. Nothing is allocated.
   */
  add(row: number, serviceRow: number, counts: Counts, when: When): Added {
    const { rows } = this.ledger
    assert(row === 0 || rows.kind(row) === INSTANCE, 'a current row of an instance')
    assert(rows.kind(serviceRow) === SERVICE, 'a current row of a service')
    if (this.isLate(when)) return 'late'
    const isCut = row !== 0 && when.eventMs < rows.cutMs(row)
    this.take(row === 0 || isCut ? serviceRow : row, counts)
    this.takeLatencies(counts)
    if (!this.record(when)) return 'past'
    return isCut ? 'cut' : 'added'
  }

  /** Counts what a caller saw; only requests and errors, and not in the callee's own window. */
  addEdge(row: number, counts: Counts, when: When): Added {
    if (this.isLate(when)) return 'late'
    if (row === 0) {
      this.edgesRefused += 1
      return 'refused'
    }
    assert(this.ledger.rows.kind(row) === EDGE, 'a current row of an edge')
    this.take(row, counts)
    return this.record(when) ? 'added' : 'past'
  }

  /** `add` by name. */
  addOf({ service, instance }: Owner, counts: Counts, when: When): Added {
    const row = instance === null ? 0 : this.instanceRow(service, instance)
    return this.add(row, this.serviceRow(service), counts, when)
  }

  /** `addEdge` by name. */
  addEdgeOf(edge: Edge, counts: Counts, when: When): Added {
    return this.addEdge(this.edgeRow(edge), counts, when)
  }

  /**
   * Forgets what began before the effect of an act on the instance (follow: "the window is cut at
   * the effect time"), now and when it comes late; of the 300-s window also whatever has left that
   * of 60 s. The service keeps it: its users did see it.
   */
  cut(service: string, instance: string, atMs: number): void {
    const row = this.instanceRow(service, instance)
    const { ledger } = this
    ledger.rows.cut(row, atMs)
    ledger.forget(row, ledger.rows.cutMs(row))
  }

  /** Forgets all of an instance, because a new incarnation begins. */
  reset(service: string, instance: string): void {
    const row = this.find(service, instance)
    if (row !== 0) this.ledger.forget(row, Number.POSITIVE_INFINITY)
  }

  instance(service: string, instance: string, span: Span = JUDGED): Figures {
    return this.figures(this.find(service, instance), span)
  }

  service(service: string, span: Span = JUDGED): Figures {
    return this.figures(this.find(service, null), span)
  }

  /** Figures of a current row; of row 0 there are none. */
  figures(row: number, span: Span = JUDGED): Figures {
    return this.counted(span).figures(row, span)
  }

  /** Requests of a row; `errors`, `p99Us`: figures one by one, for who asks often. */
  requests(row: number, span: Span = JUDGED): number {
    return this.counted(span).requests(row, span)
  }

  errors(row: number, span: Span = JUDGED): number {
    return this.counted(span).errors(row, span)
  }

  /** `Tallies.glance`; of row 0 there is nothing. */
  glance(row: number, limitUs: number, into: Glance): boolean {
    return this.ledger.tallies.glance(row, limitUs, into)
  }

  /** P99 latency of a row in whole microseconds; -1: no latency was counted. */
  p99Us(row: number, span: Span = JUDGED): number {
    return this.counted(span).p99Us(row, span)
  }

  /** Edges into an instance of the service, in order of callee and caller. */
  edgesInto(
    service: string,
    span: Span = JUDGED,
  ): { readonly edge: string; readonly figures: Figures }[] {
    const { rows } = this.ledger
    const row = this.find(service, null)
    const edges = rows.edgesOf(row).map((edge) => {
      const { instance, caller } = rows.keyOfRow(edge)
      return { edge: `${instance}\n${caller}`, figures: this.figures(edge, span) }
    })
    return edges.sort((a, b) => compareText(a.edge, b.edge))
  }

  isEdge(row: number): boolean {
    return this.ledger.rows.kind(row) === EDGE
  }

  /** The key of a current row. */
  keyOf(row: number): RowKey {
    return this.ledger.rows.keyOfRow(row)
  }

  /**
   * Rows whose figures of the span changed since the last call, each once, in no particular order;
   * null: of any span. Changes of the other spans are forgotten with it.
   */
  takeChangedRows(each: (row: number) => void, span: Span | null = JUDGED): void {
    const wanted = span === null ? IN_10 | IN_60 | IN_300 : BITS[span]
    this.ledger.takeChanged((row, spans) => {
      if ((spans & wanted) !== 0) each(row)
    })
  }

  /** `takeChangedRows` as keys. */
  takeChanged(span: Span | null = JUDGED): readonly RowKey[] {
    const keys: RowKey[] = []
    this.takeChangedRows((row) => keys.push(this.keyOf(row)), span)
    return keys
  }

  /** Log time at which something leaves the window next, or null when nothing is counted. */
  nextEvictionMs(span: Span = JUDGED): number | null {
    return this.ledger.nextEvictionMs(span)
  }

  /** Rows held, those of services and edges among them. */
  get rowCount(): number {
    return this.ledger.rows.held
  }

  /** Bytes of all tables, counters and panes. */
  get bytes(): number {
    return this.ledger.bytes
  }

  /** Canonical value of everything counted, independent of the order of arrival. */
  describe(): unknown {
    const { late, edgesRefused } = this
    return { late, edgesRefused, ...describeLedger(this.ledger) }
  }

  /** Between two steps; what it hands over stands still while the windows go on. */
  save(writer: ImageWriter): void {
    writer.int(this.grid.scale).int(this.late).int(this.edgesRefused)
    this.ledger.save(writer)
  }

  /** Into new windows of the same scale. Errors: AssertionError for an image of something else. */
  load(reader: ImageReader): void {
    assert(reader.int() === this.grid.scale, 'an image at the scale of the windows')
    this.late = reader.int()
    this.edgesRefused = reader.int()
    this.ledger.load(reader)
  }

  /** The counts, those of the span among them. */
  private counted(span: Span): Tallies {
    if (span === 10_000) this.ledger.wantShort()
    return this.ledger.tallies
  }

  /** Its row, 0 when nothing is counted of it. */
  find(service: string, instance: string | null): number {
    return this.ledger.rows.find({ service, instance, caller: null })
  }

  private make(key: RowKey): number {
    const row = this.ledger.rows.make(key)
    this.ledger.reserve()
    return row
  }

  /** Lateness is told from the record alone, so that no split into steps changes it. */
  private isLate({ eventMs, appendMs }: When): boolean {
    assert(this.ledger.nowSec >= 0, 'windows that know the time')
    if (eventMs >= appendMs - this.graceMs) return false
    this.late += 1
    return true
  }

  private take(row: number, { n, errors }: Counts): void {
    const { entry } = this
    entry.clear(row)
    entry.n = n
    entry.errors = errors
  }

  private takeLatencies(counts: Counts): void {
    const { entry, grid } = this
    const { scale, zeros, buckets, bucketIndex, bucketCount } = counts
    if (zeros > 0) entry.push(0, zeros)
    const isOwn = scale === grid.scale
    const taken = isOwn ? entry.pushPlain(counts, grid.slotOf(0), grid.slots - 1) : 0
    for (let i = taken; i < buckets; i++) {
      const slot = grid.slotOf(grid.indexFrom(bucketIndex[i] ?? 0, scale))
      entry.push(slot, bucketCount[i] ?? 0)
    }
  }

  /** Whether the entry came in time for the 60-s window. */
  private record({ eventMs }: When): boolean {
    const { entry, ledger } = this
    const eventSec = Math.floor(eventMs / 1_000)
    const sec = Math.min(eventSec, ledger.nowSec + AHEAD_SECS)
    // A reader that catches up knows some topics further than its time.
    entry.ms = sec === eventSec ? Math.floor(eventMs - sec * 1_000) : MS_LAST
    if (ledger.holds(sec)) ledger.record(sec, entry)
    return sec > ledger.nowSec - MIDDLE_SECS
  }
}
