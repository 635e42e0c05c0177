// Who sent a record: whether its ids are any, and whether its key is its service.
import { idProblem } from '../../contracts/ids.ts'
import type { RecordView } from '../../contracts/record.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'

export interface Sender {
  readonly service: string
  /** null where the record speaks of the service as a whole. */
  readonly instance: string | null
  readonly agent: string | null
  readonly epoch: number
  readonly lane: number
  readonly seq: number
}

/** Ids that a decoder lets through because Avro knows only strings. */
export function malformed(sender: Sender): { reason: string; detail: string } | null {
  for (const field of ['service', 'instance', 'agent'] as const) {
    const id = sender[field]
    const problem = id === null ? null : idProblem(id)
    if (problem === null) continue
    return { reason: 'invalid', detail: `the id of the ${field} ${problem}; give it a plain name` }
  }
  return null
}

export function isKey(view: RecordView, service: string): boolean {
  const wanted = encodeUtf8(service)
  return isKeyOf(view, wanted, 0, wanted.length)
}

/** Whether the key of the record is the bytes from `start` to `end`. */
export function isKeyOf(view: RecordView, bytes: Uint8Array, start: number, end: number): boolean {
  const { buffer, keyStart, keyEnd } = view
  if (keyStart < 0 || end - start !== keyEnd - keyStart) return false
  for (let i = start, at = keyStart; i < end; i++, at++) if (buffer[at] !== bytes[i]) return false
  return true
}
