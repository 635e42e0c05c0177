// From what a poll brought to slices of rows, in pieces small enough that encoding one never holds
// this process up. A record that cannot be decoded is told and passed over; its offset is not.
import type { Decoder } from '../../contracts/decode.ts'
import type { RecordView } from '../../contracts/record.ts'
import type { RecordOf } from '../../contracts/records.ts'
import type { Fetched, RecordBatch } from '../../runtime/ports.ts'
import type { ViewChange, ViewSlice, ViewTopic } from '../../runtime/view-port.ts'

export interface SliceOptions {
  readonly topic: ViewTopic
  readonly decoder: Decoder
  readonly refused: (offset: number, reason: string) => void
}

const CHANGES_MAX = 300
const BYTES_MAX = 262_144

const utf8 = new TextDecoder()

/** Each slice begins where the one before ended; the last one ends where the poll did. */
export function* viewSlices(fetched: Fetched, options: SliceOptions): Generator<ViewSlice> {
  const { topic } = options
  const { partition } = fetched
  let from = fetched.from
  for (const batch of fetched.batches)
    for (const piece of pieces(batch, fetched, options)) {
      // Of a batch that is behind the position nothing is left.
      if (piece.to <= from) continue
      yield { topic, partition, from, ...piece }
      from = piece.to
    }
  if (from <= fetched.to) yield { topic, partition, from, to: fetched.to, changes: [] }
}

type Piece = Pick<ViewSlice, 'to' | 'changes'>

function pieces(batch: RecordBatch, fetched: Fetched, options: SliceOptions): readonly Piece[] {
  const end = batch.lastOffset + 1
  const reason = batch.unreadable()
  if (reason !== null) {
    options.refused(batch.baseOffset, reason)
    return [{ to: end, changes: [] }]
  }
  const cut: Piece[] = []
  let changes: ViewChange[] = []
  let bytes = 0
  batch.visit((view) => {
    const change = changeOf(view, fetched.partition, options)
    if (change === null) return
    changes.push(change)
    bytes += view.valueEnd - view.valueStart
    if (changes.length < CHANGES_MAX && bytes < BYTES_MAX) return
    cut.push({ to: view.offset + 1, changes })
    changes = []
    bytes = 0
  }, fetched.from)
  return [...cut, { to: end, changes }]
}

function changeOf(
  view: RecordView,
  partition: number,
  { topic, decoder, refused }: SliceOptions,
): ViewChange | null {
  const { offset } = view
  const key = view.keyStart < 0 ? '' : utf8.decode(view.buffer.subarray(view.keyStart, view.keyEnd))
  if (view.valueStart < 0)
    return COMPACTED.includes(topic) ? { id: key, offset, version: 0, record: null } : null
  const decoded = decoder.decode(topic, view)
  if (!decoded.ok) {
    refused(offset, decoded.reason)
    return null
  }
  return row(topic, { key, partition, offset }, decoded.record)
}

/** Only the compacted topics know removals; elsewhere a record without a value says nothing. */
const COMPACTED: readonly ViewTopic[] = ['health', 'registry']

interface Place {
  readonly key: string
  readonly partition: number
  readonly offset: number
}

function row<K extends ViewTopic>(topic: K, place: Place, record: RecordOf[K]): ViewChange {
  return { offset: place.offset, record, ...NAMES[topic](record, place) }
}

/** What a row is called and which version of it this is. */
const NAMES: {
  readonly [K in ViewTopic]: (
    record: RecordOf[K],
    place: Place,
  ) => { readonly id: string; readonly version: number }
} = {
  health: ({ version }, { key }) => ({ id: key, version }),
  registry: (entry, { key }) => ({ id: key, version: entry.record_version }),
  incidents: (_event, { partition, offset }) => ({ id: `${partition}-${offset}`, version: 0 }),
  commands: (command) => ({ id: command.command_id, version: 0 }),
  results: (result) => ({
    id: `${result.command_id}/${result.epoch}/${result.lane}/${result.seq}`,
    version: 0,
  }),
  policies: ({ kind, name, version }, { partition }) => ({
    id: `${kind}/${name}/${partition}`,
    version,
  }),
}
