// The log of panes and the totals it adds up to: counted on arrival, taken away when a pane leaves.
// A delta lies in the pane of its second until the decade (ten seconds) of that second has left the
// 60-s window as a whole; its decade is then one entry per row, in a pane of its own, which leaves
// the 300-s window as a whole. Every entry, open decade and row of a service keeps its row alive.
import { assert } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Entry } from './entry.ts'
import type { Grid } from './grid.ts'
import { grownBytes, grownInts } from '../kernel/grow.ts'
import { Panes } from './panes.ts'
import { INSTANCE, NAMELESS, Rows } from './rows.ts'
import { OLD, OPEN, RECENT, type Span, Tallies, W10 } from './tallies.ts'

export const SHORT_SECS = 10
export const MIDDLE_SECS = 60
const DECADE_SECS = 10
/** Decades of the 300-s window, the one under way among them. */
export const DECADES = 30
/** What is read ahead of the time of the windows counts in a pane at most this far ahead. */
export const AHEAD_SECS = 60
/** After as many seconds nothing is left of what was counted. */
const DRAINED_SECS: number = AHEAD_SECS + DECADE_SECS * (DECADES + 1)
/** The 10-s window is kept up for so long after somebody looked at it. */
const SHORT_KEPT_SECS = 20
const SECOND_PANES = 144
const DECADE_PANES = 32
const ROWS_FIRST = 64
/** Rows that a second looks at for their order in memory. */
const TIDY_ROWS = 1_024

/** Windows whose figures changed, as bits. */
export const IN_10 = 1
export const IN_60 = 2
export const IN_300 = 4
const IN_ALL: number = IN_10 | IN_60 | IN_300

export class Ledger {
  readonly rows: Rows = new Rows()
  readonly tallies: Tallies
  readonly seconds: Panes = new Panes(SECOND_PANES)
  readonly decades: Panes = new Panes(DECADE_PANES)
  /** Second of the windows' time; -1 before the first. */
  nowSec: number = -1
  /** Rows with something in the open decade. */
  private isOpen = new Uint8Array(ROWS_FIRST)
  private changes = new Uint8Array(ROWS_FIRST)
  /** Rows with changes, as many as `changedCount` says; a nameless one has none any more. */
  private changed = new Int32Array(ROWS_FIRST)
  private changedCount = 0
  private readonly merged = new Entry()
  /** The 10-s window is kept up, until this second if nobody looks at it. */
  private countsShort = false
  private shortUntilSec = -1

  constructor(grid: Grid) {
    this.tallies = new Tallies(grid)
  }

  /** Decade whose seconds leave the 60-s window next. */
  get openDecade(): number {
    return decadeOf(this.nowSec - MIDDLE_SECS + 1)
  }

  /** Whether the 300-s window holds the second. */
  holds(sec: number): boolean {
    return decadeOf(sec) > decadeOf(this.nowSec) - DECADES
  }

  get bytes(): number {
    return this.rows.bytes + this.tallies.bytes + this.seconds.bytes + this.decades.bytes
  }

  /** Moves time forward, second by second. */
  advance(sec: number): void {
    if (sec <= this.nowSec) return
    const last = this.nowSec < 0 ? -1 : Math.min(sec, this.nowSec + DRAINED_SECS)
    for (let next = this.nowSec + 1; next <= last; next++) this.tick(next)
    this.nowSec = sec
    this.rows.sweep(
      (row) => this.changes[row] !== 0 || this.remembersCut(row),
      (row) => this.tallies.release(row),
    )
  }

  /** Late deltas from before its cut can still come. */
  remembersCut(row: number): boolean {
    return this.rows.cutMs(row) > (decadeOf(this.nowSec) - DECADES + 1) * DECADE_SECS * 1_000
  }

  /** Rows up to the last can be counted in. */
  reserve(): void {
    const { end } = this.rows
    this.tallies.reserve(end)
    if (end <= this.changes.length) return
    this.changes = grownBytes(this.changes, 2 * end)
    this.isOpen = grownBytes(this.isOpen, 2 * end)
  }

  /** Counts an entry in the second of its event, which the 300-s window must hold. */
  record(sec: number, entry: Entry): void {
    const { rows } = this
    const { row } = entry
    if (sec <= this.nowSec - MIDDLE_SECS || rows.kind(row) !== INSTANCE) {
      this.recordAny(sec, entry)
      return
    }
    const service = rows.parent(row)
    this.seconds.append(sec, entry)
    rows.refer(row)
    this.tallies.addBoth(row, service, RECENT, entry)
    if (this.countsShort && sec > this.nowSec - SHORT_SECS) {
      this.tallies.addBoth(row, service, W10, entry)
    }
    this.mark(row, IN_ALL)
    this.mark(service, IN_ALL)
  }

  private recordAny(sec: number, entry: Entry): void {
    const isInMiddle = sec > this.nowSec - MIDDLE_SECS
    if (isInMiddle || decadeOf(sec) === this.openDecade) this.seconds.append(sec, entry)
    if (isInMiddle) {
      this.enter(sec, entry)
      this.touch(entry.row, IN_ALL)
    } else {
      if (decadeOf(sec) === this.openDecade) this.absorb(entry)
      else this.join(decadeOf(sec), entry)
      this.touch(entry.row, IN_300)
    }
  }

  /**
   * Takes away from an instance what began before `beforeMs` or has left the 60-s window; its
   * service keeps it. Answers its row from now on.
   */
  forget(row: number, beforeMs: number): number {
    const { rows, tallies } = this
    if (!rows.isReferred(row)) return row
    const made = rows.renew(row)
    this.reserve()
    tallies.release(row)
    this.changes[row] = 0
    this.mark(made, IN_ALL)
    const first = Math.max(Math.floor(beforeMs / 1_000), this.nowSec - MIDDLE_SECS + 1)
    for (let sec = first; sec <= this.nowSec + AHEAD_SECS; sec++) {
      this.seconds.relabel(sec, (entry) => {
        if (entry.row !== row || sec * 1_000 + entry.ms < beforeMs) return
        entry.row = made
        rows.release(row)
        rows.refer(made)
        this.enterRow(sec, made, entry)
      })
    }
    return made
  }

  /** Rows whose figures changed since the last call with the windows they changed in, each once. */
  takeChanged(each: (row: number, spans: number) => void): void {
    const { changed, changes, changedCount } = this
    this.changedCount = 0
    for (let i = 0; i < changedCount; i++) {
      const row = changed[i] ?? 0
      const spans = changes[row] ?? 0
      changes[row] = 0
      if (spans !== 0) each(row, spans)
    }
  }

  /** Log time at which something leaves a window next, or null. */
  nextEvictionMs(span: Span): number | null {
    if (span !== 300_000) {
      const secs = span / 1_000
      const sec = this.seconds.firstAfter(this.nowSec - secs)
      return sec === null ? null : (sec + secs) * 1_000
    }
    const sec = this.seconds.firstAfter(-1)
    const decade = this.decades.firstAfter(-1) ?? (sec === null ? null : decadeOf(sec))
    return decade === null ? null : (decade + DECADES) * DECADE_SECS * 1_000
  }

  save(writer: ImageWriter): void {
    writer.int(this.nowSec + 1)
    this.rows.save(writer)
    this.seconds.save(writer)
    this.decades.save(writer)
    writer.int(this.changedCount)
    for (const row of this.changed.subarray(0, this.changedCount)) {
      writer.int(row).int(this.changes[row] ?? 0)
    }
  }

  /** Into an empty one. Totals are added up anew. */
  load(reader: ImageReader): void {
    assert(this.nowSec < 0 && this.rows.held === 0, 'an image goes into an empty ledger')
    this.nowSec = reader.int() - 1
    this.rows.load(reader)
    this.reserve()
    this.seconds.load(reader)
    this.decades.load(reader)
    for (const sec of this.seconds.keys()) {
      const isInMiddle = sec > this.nowSec - MIDDLE_SECS
      this.seconds.visit(sec, (entry) => {
        if (isInMiddle) this.enter(sec, entry)
        else this.absorb(entry)
      })
    }
    for (const decade of this.decades.keys()) {
      this.decades.visit(decade, (entry) => {
        this.rows.refer(entry.row)
        if (this.rows.kind(entry.row) !== NAMELESS) this.tallies.add(entry.row, OLD, entry)
      })
    }
    for (let left = reader.int(); left > 0; left--) {
      const row = reader.int()
      this.note(row)
      this.changes[row] = reader.int()
    }
  }

  /**
   * Call before the figures of the 10-s window are looked at. They are kept up only while somebody
   * looks at them now and then, which nobody does while a reader catches up; who looks again has
   * them counted anew from the panes, with the same result.
   */
  wantShort(): void {
    this.shortUntilSec = this.nowSec + SHORT_KEPT_SECS
    if (this.countsShort) return
    this.countsShort = true
    for (let row = 1; row < this.rows.end; row++) this.tallies.empty(row, W10)
    for (let sec = this.nowSec - SHORT_SECS + 1; sec <= this.nowSec + AHEAD_SECS; sec++) {
      this.seconds.visit(sec, this.countShort)
    }
  }

  private tick(sec: number): void {
    this.nowSec = sec
    this.tallies.tidy(TIDY_ROWS)
    if (this.countsShort && sec > this.shortUntilSec) this.countsShort = false
    if (this.countsShort) this.seconds.visit(sec - SHORT_SECS, this.leaveShort)
    else this.seconds.visitRows(sec - SHORT_SECS, this.changeShort)
    this.seconds.trim(sec - SHORT_SECS)
    const left = sec - MIDDLE_SECS
    this.seconds.visit(left, this.leaveMiddle)
    if (left % DECADE_SECS === DECADE_SECS - 1) this.close(decadeOf(left))
    if (sec % DECADE_SECS !== 0) return
    const past = decadeOf(sec) - DECADES
    this.decades.visit(past, this.leaveLong)
    this.decades.clear(past)
  }

  /** Counts an entry in the windows of 10 and 60 s. */
  private enter(sec: number, entry: Entry): void {
    this.rows.refer(entry.row)
    this.count(RECENT, entry)
    if (this.countsShort && sec > this.nowSec - SHORT_SECS) this.count(W10, entry)
  }

  /** Counts an entry in its row, where that is not nameless, and in that of its service. */
  private count(section: number, entry: Entry): void {
    const { rows, tallies } = this
    const { row } = entry
    const kind = rows.kind(row)
    if (kind === INSTANCE) tallies.addBoth(row, rows.parent(row), section, entry)
    else tallies.add(kind === NAMELESS ? rows.parent(row) : row, section, entry)
  }

  private enterRow(sec: number, row: number, entry: Entry): void {
    this.tallies.add(row, RECENT, entry)
    if (this.countsShort && sec > this.nowSec - SHORT_SECS) this.tallies.add(row, W10, entry)
  }

  private readonly countShort = (entry: Entry): void => {
    this.count(W10, entry)
  }

  private readonly changeShort = (row: number): void => {
    this.touch(row, IN_10)
  }

  private readonly leaveShort = (entry: Entry): void => {
    const { rows, tallies } = this
    const { row } = entry
    const kind = rows.kind(row)
    if (kind !== NAMELESS) tallies.subtract(row, W10, entry)
    if (hasService(kind)) tallies.subtract(rows.parent(row), W10, entry)
    this.touch(row, IN_10)
  }

  private readonly leaveMiddle = (entry: Entry): void => {
    const { row } = entry
    this.leave(entry)
    this.touch(row, IN_60)
    this.rows.release(row)
  }

  private readonly leaveLong = (entry: Entry): void => {
    const { row } = entry
    if (this.rows.kind(row) !== NAMELESS) {
      this.tallies.subtract(row, OLD, entry)
      this.mark(row, IN_300)
    }
    this.rows.release(row)
  }

  /** Counts an entry in the open decade, after it has left the 60-s window. */
  private absorb(entry: Entry): void {
    this.count(RECENT, entry)
    this.leave(entry)
  }

  /** Of what RECENT counts, the entry has left the 60-s window. */
  private leave(entry: Entry): void {
    const { rows, tallies } = this
    const { row } = entry
    const kind = rows.kind(row)
    const service = rows.parent(row)
    this.open(row)
    if (hasService(kind)) this.open(service)
    if (kind === INSTANCE) tallies.open(row, service, entry)
    else tallies.add(kind === NAMELESS ? service : row, OPEN, entry)
  }

  private open(row: number): void {
    if (this.isOpen[row] === 1) return
    this.isOpen[row] = 1
    this.rows.refer(row)
  }

  /** Makes one entry per row of a decade that has left the 60-s window. */
  private close(decade: number): void {
    const { rows, merged } = this
    for (let row = 1; row < rows.end; row++) {
      if (this.isOpen[row] === 0) continue
      this.isOpen[row] = 0
      if (rows.kind(row) !== NAMELESS) {
        this.tallies.settle(row, merged)
        if (merged.n > 0 || merged.end > 0) {
          this.decades.append(decade, merged)
          rows.refer(row)
        }
      }
      rows.release(row)
    }
    const first = decade * DECADE_SECS
    for (let sec = first; sec < first + DECADE_SECS; sec++) this.seconds.clear(sec)
    this.decades.trim(decade)
  }

  /** Counts a late entry in a decade that is closed already, its row and its service apart. */
  private join(decade: number, entry: Entry): void {
    const { row } = entry
    this.keep(decade, entry)
    if (this.rows.kind(row) !== INSTANCE) return
    entry.row = this.rows.parent(row)
    this.keep(decade, entry)
    entry.row = row
  }

  private keep(decade: number, entry: Entry): void {
    this.decades.append(decade, entry)
    this.rows.refer(entry.row)
    this.tallies.add(entry.row, OLD, entry)
  }

  /** The row, where it is not nameless, and its service have changed. */
  private touch(row: number, spans: number): void {
    const kind = this.rows.kind(row)
    if (kind !== NAMELESS) this.mark(row, spans)
    if (hasService(kind)) this.mark(this.rows.parent(row), spans)
  }

  private mark(row: number, spans: number): void {
    const before = this.changes[row] ?? 0
    if ((before & spans) === spans) return
    if (before === 0) this.note(row)
    this.changes[row] = before | spans
  }

  private note(row: number): void {
    if (this.changedCount === this.changed.length) {
      this.changed = grownInts(this.changed, 2 * this.changedCount)
    }
    this.changed[this.changedCount++] = row
  }
}

/** What counts in the row counts in its service as well. */
function hasService(kind: number): boolean {
  return kind === INSTANCE || kind === NAMELESS
}

function decadeOf(sec: number): number {
  return Math.floor(sec / DECADE_SECS)
}
