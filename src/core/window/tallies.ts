// What each row counts, by section: requests, errors, latencies and their counters on the grid. All
// are whole numbers below 2^53, so that adding and taking away are exact inverses.
import type { Figures } from '../kernel/facts.ts'
import { Cells, type Run } from './cells.ts'
import { type Entry, latenciesOf } from './entry.ts'
import type { Grid } from './grid.ts'
import { grownDoubles } from '../kernel/grow.ts'

/**
 * Sections of a row. W10: what this window holds; RECENT: what came after the decades that are
 * closed; OPEN: of it, what has left the 60-s window; OLD: the decades that are closed. The 60-s
 * window is RECENT without OPEN, that of 300 s RECENT and OLD: what leaves the one is only added
 * to OPEN.
 */
export const W10 = 0
export const RECENT = 1
export const OPEN = 2
export const OLD = 3
const SECTIONS = 4
const TOTALS = 3
const STRIDE = SECTIONS * TOTALS
const ROWS_FIRST = 64

/** Length of a window, ms. */
export type Span = 10_000 | 60_000 | 300_000
export const SPANS = [10_000, 60_000, 300_000] as const

/** Filled anew for every row that is asked for. */
export interface Glance {
  n: number
  errors: number
  p99Us: number
}

const SHORT: Run = { section: W10, other: W10, times: 0 }
const MIDDLE: Run = { section: RECENT, other: OPEN, times: -1 }
const LONG: Run = { section: RECENT, other: OLD, times: 1 }

export class Tallies {
  private readonly grid: Grid
  private readonly cells = new Cells(SECTIONS)
  /** By row and section: n, errors, latencies. */
  private totals = new Float64Array(STRIDE * ROWS_FIRST)

  constructor(grid: Grid) {
    this.grid = grid
  }

  reserve(rows: number): void {
    this.cells.reserve(rows)
    if (STRIDE * rows <= this.totals.length) return
    this.totals = grownDoubles(this.totals, Math.max(STRIDE * rows, 2 * this.totals.length))
  }

  get bytes(): number {
    return this.cells.bytes + this.totals.byteLength
  }

  add(row: number, section: number, entry: Entry): void {
    this.addTotals(row, section, entry)
    this.cells.add(row, section, entry)
  }

  /** Adds to a row and to that of its service. */
  addBoth(row: number, service: number, section: number, entry: Entry): void {
    this.addTotalsBoth(row, service, section, entry)
    this.cells.addBoth(row, service, section, entry)
  }

  /** Adds to OPEN, of a row and of its service, what RECENT of both has counted. */
  open(row: number, service: number, entry: Entry): void {
    this.cells.againBoth(row, service, OPEN, entry)
    this.addTotalsBoth(row, service, OPEN, entry)
  }

  subtract(row: number, section: number, entry: Entry): void {
    const { totals } = this
    const at = STRIDE * row + TOTALS * section
    totals[at] = (totals[at] ?? 0) - entry.n
    totals[at + 1] = (totals[at + 1] ?? 0) - entry.errors
    totals[at + 2] = (totals[at + 2] ?? 0) - latenciesOf(entry)
    this.cells.subtract(row, section, entry)
  }

  /** Empties a section of a row. */
  empty(row: number, section: number): void {
    const at = STRIDE * row + TOTALS * section
    this.totals.fill(0, at, at + TOTALS)
    this.cells.empty(row, section)
  }

  /** Moves all that OPEN counts from RECENT on to OLD, and makes an entry of it. */
  settle(row: number, into: Entry): void {
    const { totals } = this
    into.clear(row)
    const at = STRIDE * row + TOTALS * OPEN
    into.n = totals[at] ?? 0
    into.errors = totals[at + 1] ?? 0
    for (let i = at; i < at + TOTALS; i++) {
      totals[i - TOTALS] = (totals[i - TOTALS] ?? 0) - (totals[i] ?? 0)
      totals[i + TOTALS] = (totals[i + TOTALS] ?? 0) + (totals[i] ?? 0)
      totals[i] = 0
    }
    this.cells.settle(row, OPEN, into)
  }

  /** Goes on with the order of rows in memory, as far as `rows` of them. */
  tidy(rows: number): void {
    this.cells.tidy(rows)
  }

  /** The row counts nothing any more. */
  release(row: number): void {
    this.totals.fill(0, STRIDE * row, STRIDE * (row + 1))
    this.cells.release(row)
  }

  /** Requests counted. */
  requests(row: number, span: Span): number {
    return this.sum(row, runOf(span), 0)
  }

  /** Of them, how many failed. */
  errors(row: number, span: Span): number {
    return this.sum(row, runOf(span), 1)
  }

  /** No latency of any window is above this; told without a look at the counters. */
  ceilingUs(row: number): number {
    const last = this.cells.end(row) - 1
    return last < 0 ? 0 : this.grid.upperUs(last)
  }

  /**
   * What the 60-s window counts of a row, all at once; the P99 only where it may be `limitUs` or
   * more, else what it is not above. Answers whether it may.
   */
  glance(row: number, limitUs: number, into: Glance): boolean {
    const { totals } = this
    const at = STRIDE * row
    const recent = at + TOTALS * RECENT
    const open = at + TOTALS * OPEN
    into.n = (totals[recent] ?? 0) - (totals[open] ?? 0)
    into.errors = (totals[recent + 1] ?? 0) - (totals[open + 1] ?? 0)
    const ceilingUs = this.ceilingUs(row)
    const mayBeHigh = ceilingUs >= limitUs
    into.p99Us = mayBeHigh ? this.p99Us(row, 60_000) : ceilingUs
    return mayBeHigh
  }

  figures(row: number, span: Span): Figures {
    const run = runOf(span)
    const n = this.sum(row, run, 0)
    const errors = this.sum(row, run, 1)
    const latencies = this.sum(row, run, 2)
    return {
      spanMs: span,
      n,
      errors,
      successRate: n === 0 ? null : (n - errors) / n,
      p99Us: latencies === 0 ? null : this.p99Us(row, span),
      maxUs: latencies === 0 ? 0 : this.grid.upperUs(this.cells.fromTop(row, run, 0)),
    }
  }

  /**
   * The nearest rank: the ceil(0.99 × m)-th smallest of m, which has floor(m / 100) after it. -1
   * when there is no latency.
   */
  p99Us(row: number, span: Span): number {
    const run = runOf(span)
    const above = Math.floor(this.sum(row, run, 2) / 100)
    const slot = this.cells.fromTop(row, run, above)
    return slot < 0 ? -1 : this.grid.middleUs(slot)
  }

  /** Non-empty slots of a window with their counts, flat. */
  nonEmpty(row: number, span: Span): number[] {
    const { section, other, times } = runOf(span)
    const { from, to } = this.cells.range(row)
    const flat: number[] = []
    for (let slot = from; slot < to; slot++) {
      const part = times * this.cells.count(row, other, slot)
      const count = this.cells.count(row, section, slot) + part
      if (count !== 0) flat.push(slot, count)
    }
    return flat
  }

  private sum(row: number, { section, other, times }: Run, which: number): number {
    const { totals } = this
    const at = STRIDE * row + which
    const part = times * (totals[at + TOTALS * other] ?? 0)
    return (totals[at + TOTALS * section] ?? 0) + part
  }

  private addTotalsBoth(row: number, service: number, section: number, entry: Entry): void {
    const { totals } = this
    const { n, errors } = entry
    const latencies = latenciesOf(entry)
    const at = STRIDE * row + TOTALS * section
    totals[at] = (totals[at] ?? 0) + n
    totals[at + 1] = (totals[at + 1] ?? 0) + errors
    totals[at + 2] = (totals[at + 2] ?? 0) + latencies
    const other = STRIDE * service + TOTALS * section
    totals[other] = (totals[other] ?? 0) + n
    totals[other + 1] = (totals[other + 1] ?? 0) + errors
    totals[other + 2] = (totals[other + 2] ?? 0) + latencies
  }

  private addTotals(row: number, section: number, entry: Entry): void {
    const { totals } = this
    const at = STRIDE * row + TOTALS * section
    totals[at] = (totals[at] ?? 0) + entry.n
    totals[at + 1] = (totals[at + 1] ?? 0) + entry.errors
    totals[at + 2] = (totals[at + 2] ?? 0) + latenciesOf(entry)
  }
}

function runOf(span: Span): Run {
  if (span === 60_000) return MIDDLE
  return span === 10_000 ? SHORT : LONG
}
