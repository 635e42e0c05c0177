// Batches that say of themselves that they are compressed by a codec nobody here knows, as a broker
// answers them whose topic takes what clients compress.
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import type { RecordBatch } from '../../src/runtime/ports.ts'
import { FIELD, openBatch, readBatchHeader } from '../../src/runtime/record-batch.ts'
import { toyBatch, type ToyPlace } from './toy-batch.ts'

const ZSTD = 4
/** Batches with this in them come packed. */
export const PACKED = 'packed'

export function packedBatch(place: ToyPlace, values: readonly string[]): RecordBatch {
  const bytes = Buffer.from(toyBatch(place, values).bytes)
  pack(bytes)
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('no whole batch')
  return openBatch(place, bytes, header)
}

/** The way of a client that reads batches marked PACKED as packed ones. */
export const packing = (carry: Transport): Transport => {
  return async (api, request, limits) => {
    const answer = await carry(api, request, limits)
    if (api !== 'fetch' || !('partitions' in answer)) return answer
    for (const part of answer.partitions)
      if ('chunks' in part) Object.assign(part, { chunks: part.chunks.map(repacked) })
    return answer
  }
}

function pack(bytes: Buffer): void {
  bytes[FIELD.attributes + 1] = (bytes[FIELD.attributes + 1] ?? 0) | ZSTD
  bytes.writeUInt32BE(crc32c(bytes.subarray(FIELD.attributes)), FIELD.crc)
}

function repacked(chunk: Uint8Array): Uint8Array {
  const bytes = Buffer.from(chunk)
  for (let at = 0; ; ) {
    const header = readBatchHeader(bytes, at)
    if (header === null) return bytes
    const batch = bytes.subarray(header.start, header.end)
    if (batch.includes(PACKED)) pack(batch)
    at = header.end
  }
}
