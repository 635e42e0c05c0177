// Everything counted as one canonical value, for tests of equality: independent of the order in
// which it came, of the numbers of rows, and of whether a decade was closed before a late delta
// came or after.
import { compareText } from '../kernel/order.ts'
import { eachPair, type Entry } from './entry.ts'
import { type Ledger, MIDDLE_SECS } from './ledger.ts'
import { NAMELESS, INSTANCE, FREE, SERVICE } from './rows.ts'
import { SPANS } from './tallies.ts'

interface Named {
  readonly row: number
  readonly text: string
}

export function describeLedger(ledger: Ledger): Readonly<Record<string, unknown>> {
  const { rows, tallies, nowSec } = ledger
  const named: Named[] = []
  ledger.wantShort()
  for (let row = 1; row < rows.end; row++) {
    const kind = rows.kind(row)
    if (kind === FREE || kind === NAMELESS) continue
    if (tallies.requests(row, 300_000) === 0 && !ledger.remembersCut(row)) continue
    const { service, instance, caller } = rows.keyOfRow(row)
    named.push({ row, text: [service, instance ?? '', caller ?? ''].join('\n') })
  }
  named.sort((a, b) => compareText(a.text, b.text))
  const ranks = new Map(named.map(({ row }, rank) => [row, rank]))
  const totals = named.map(({ row, text }) => {
    const windows = SPANS.map((span) => {
      const { n, errors } = tallies.figures(row, span)
      return [n, errors, tallies.nonEmpty(row, span)]
    })
    return [text, ledger.remembersCut(row) ? rows.cutMs(row) : 0, windows]
  })
  return { sec: nowSec, rows: totals, ...entriesOf(ledger, ranks) }
}

/** Entries of the 60-s window one by one; older ones summed by row and decade. */
function entriesOf(
  ledger: Ledger,
  ranks: ReadonlyMap<number, number>,
): { readonly entries: number[][]; readonly decades: number[][] } {
  const { rows, seconds, decades, nowSec } = ledger
  const rankOf = (row: number): number => ranks.get(row) ?? -1
  const entries: number[][] = []
  const sums = new Map<string, Sum>()
  const add = (decade: number, row: number, entry: Entry): void => {
    if (rows.kind(row) === NAMELESS) return
    const key = `${decade}|${rankOf(row)}`
    const sum = sums.get(key) ?? { head: [decade, rankOf(row), 0, 0], counts: new Map() }
    sums.set(key, sum)
    sum.head[2] = (sum.head[2] ?? 0) + entry.n
    sum.head[3] = (sum.head[3] ?? 0) + entry.errors
    for (const [slot, count] of pairsOf(entry)) {
      sum.counts.set(slot, (sum.counts.get(slot) ?? 0) + count)
    }
  }
  for (const sec of seconds.keys()) {
    seconds.visit(sec, (entry) => {
      const { row, ms, n, errors } = entry
      const hasService = rows.kind(row) === INSTANCE || rows.kind(row) === NAMELESS
      const service = hasService ? rows.parent(row) : rows.kind(row) === SERVICE ? row : 0
      const owners = [service === row ? -1 : rankOf(row), rankOf(service)]
      if (sec > nowSec - MIDDLE_SECS)
        entries.push([sec * 1_000 + ms, ...owners, n, errors, ...pairsOf(entry).flat()])
      else {
        add(Math.floor(sec / 10), row, entry)
        if (hasService) add(Math.floor(sec / 10), rows.parent(row), entry)
      }
    })
  }
  for (const decade of decades.keys()) {
    decades.visit(decade, (entry) => add(decade, entry.row, entry))
  }
  const older = [...sums.values()]
    .filter(({ head }) => (head[2] ?? 0) > 0)
    .map(({ head, counts }) => [...head, ...[...counts].sort(([a], [b]) => a - b).flat()])
  return { entries: entries.sort(compareNumbers), decades: older.sort(compareNumbers) }
}

interface Sum {
  readonly head: number[]
  readonly counts: Map<number, number>
}

function pairsOf(entry: Entry): [number, number][] {
  const pairs: [number, number][] = []
  eachPair(entry, (slot, count) => pairs.push([slot, count]))
  return pairs
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
