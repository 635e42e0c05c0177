// Tables as `kubectl` prints them: capital headings, columns by two spaces, no frames; and the
// small words of time and rate that stand in their cells.
import { printable } from '../contracts/printable.ts'

export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => string
  /** Paints the padded cell. */
  readonly paint?: (text: string, row: T) => string
}

/** Characters, not UTF-16 units; good enough for names. */
const width = (text: string): number => Array.from(text).length

/** Lines of a table; cells are made harmless here. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))))
  const widths = columns.map((column, i) =>
    Math.max(column.head.length, ...cells.map((line) => width(line[i] ?? ''))),
  )
  const pad = (text: string, i: number): string =>
    i === columns.length - 1 ? text : text + ' '.repeat((widths[i] ?? 0) - width(text))
  const heading = columns.map((column, i) => pad(column.head, i)).join('  ')
  const lines = rows.map((row, r) =>
    columns
      .map((column, i) => {
        const text = pad(cells[r]?.[i] ?? '', i)
        return column.paint === undefined ? text : column.paint(text, row)
      })
      .join('  ')
      .trimEnd(),
  )
  return [heading.trimEnd(), ...lines]
}

/** `2.871 s`, `340 ms`. */
export function duration(ms: number): string {
  if (Math.abs(ms) < 1_000) return `${Math.round(ms)} ms`
  if (Math.abs(ms) < 60_000) return `${Number((ms / 1_000).toFixed(3))} s`
  const minutes = Math.trunc(ms / 60_000)
  return `${minutes} min ${Math.round(Math.abs(ms % 60_000) / 1_000)} s`
}

/** `12s`, `4m`, `3h`, `2d`: how long ago, for tables. */
export function age(fromMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - fromMs) / 1_000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `+0.004 s`, from the start of an incident. */
export function offset(ms: number): string {
  return `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1_000).toFixed(3)} s`
}

/** `99.2 %`, or `-` without requests. */
export function percent(share: number | null): string {
  return share === null ? '-' : `${(Math.floor(share * 1_000) / 10).toFixed(1)} %`
}

/** `1.234 ms` out of microseconds, or `-`. */
export function latency(us: number | null): string {
  if (us === null) return '-'
  return us < 100_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`
}

/** `12:03:04.123` of the local day. */
export function clockTime(ms: number): string {
  const at = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  const millis = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`
}
