// `healstream tail TOPIC`: records as they come, one per line; with `-o json` one JSON document per
// line.
import type { TailLine } from '../../roles/projector/views.ts'
import { connect } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { printable } from '../../contracts/printable.ts'
import { printableJson } from '../printable.ts'
import { clockTime } from '../table.ts'

export interface TailFlags extends ReadFlags {
  readonly from: 'earliest' | 'latest'
  readonly limit?: number
  readonly follow: boolean
}

export async function tail(context: Context, topic: string, flags: TailFlags): Promise<void> {
  const query = new URLSearchParams({ from: flags.from, follow: String(flags.follow) })
  if (flags.limit !== undefined) query.set('limit', String(flags.limit))
  const path = `/v1/tail/${encodeURIComponent(topic)}?${query.toString()}`
  const lines = connect(context, flags).lines<TailLine>(path)
  for await (const line of lines)
    context.terminal.out(flags.output === 'json' ? printableJson(line, 0) : tailText(line))
}

/** `12:03:04.123  hs.signals-3@17  stock  {…}` */
export function tailText(line: TailLine): string {
  const place = `${line.topic}-${line.partition}@${line.offset}`
  const body =
    line.undecodable !== undefined
      ? `(${line.undecodable})`
      : line.record === null
        ? '(tombstone)'
        : printableJson(line.record, 0)
  const key = line.key === null ? '-' : printable(line.key)
  return `${clockTime(line.timestamp_ms)}  ${printable(place)}  ${key}  ${body}`
}
