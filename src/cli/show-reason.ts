// `explain reason`: the records that were enough for a decision, as people read them.
import { printable } from '../contracts/printable.ts'
import type { ReasonView, TailLine } from '../roles/projector/views.ts'
import { clockTime, duration, table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Who wrote it and in which order: said by its place, or of no use to people. */
const UNSAID = new Set([
  'agent',
  'epoch',
  'lane',
  'seq',
  'gen',
  'kid',
  'task',
  'document',
  'sha256',
])
const TEXT_MAX = 100
const DEPTH_MAX = 2

export function reasonLines(view: ReasonView, paint: Terminal['paint']): readonly string[] {
  const { event, records, since_ms: sinceMs, among, tests, minimal } = view
  const enough = minimal
    ? 'without any one of them it would not have been made by then'
    : 'the time ran out, some of them may be needless'
  const span = duration(event.at_ms - sinceMs)
  return [
    paint('bold', `${event.event}: ${printable(event.summary)}`),
    `enough   ${count(records.length)} of ${among}; ${enough}`,
    `looked   ${tests} sets of records since ${clockTime(sinceMs)}, ${span} before`,
    `         (what was known by then lies in the state it began with)`,
    ...(records.length === 0 ? [] : ['', ...table(records, columns(event.at_ms))]),
  ]
}

function columns(decidedMs: number): Parameters<typeof table<TailLine>>[1] {
  return [
    { head: 'BEFORE', cell: (line) => duration(decidedMs - line.timestamp_ms) },
    { head: 'RECORD', cell: (line) => `${line.topic}-${line.partition}@${line.offset}` },
    { head: 'WHAT', cell: (line) => line.undecodable ?? summaryOf(line.record) },
  ]
}

const count = (n: number): string => (n === 1 ? '1 record' : `${n} records`)

/** What is set in it, `name value`, up to a line. */
export function summaryOf(record: unknown): string {
  const text = said(record, 0).join(', ')
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text
}

function said(value: unknown, depth: number): readonly string[] {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return []
  if (Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    if (UNSAID.has(name) || isEmpty(field)) return []
    if (typeof field === 'object') return said(field, depth + 1).map((text) => `${name} ${text}`)
    return [`${name} ${JSON.stringify(field) ?? ''}`]
  })
}

function isEmpty(field: unknown): boolean {
  return field === null || field === undefined || field === '' || field === 0 || field === false
}
