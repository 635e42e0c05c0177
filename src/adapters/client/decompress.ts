// Records of compressed batches, bounded in size and so in time.
//
// Topics are to be made with compression.type=uncompressed: then the broker takes what clients
// compress with any codec, and stores it plain. What lies compressed all the same is read when it
// is gzip, by node:zlib, which stops at a given size. Not so snappy, lz4 and zstd: Node 20 has none
// of them, and the libraries without native code either have no bound at all (a broken lz4 block of
// a megabyte keeps its decoder busy for 255 megabytes) or would be more parsers for bytes of
// strangers. Their batches are shown as ones that cannot be read, with codec and setting named; a
// task puts them, bytes and all, into the dead letters, and goes on.
import { gunzipSync } from 'node:zlib'
import { LogError } from '../../runtime/log-error.ts'
import { type BatchHeader, FIELD } from '../../runtime/record-batch.ts'

const GZIP = 1
/** Telemetry shrinks to a fifth or tenth of its size; what shrinks further is no telemetry. */
const MOST_TIMES = 16
/** Inflated and walked over in some 50 ms, whatever it holds. */
const MOST_BYTES = 4 * 1_048_576

/**
 * Records of a batch; null: by a codec that is not read here. `maxMessageBytes`: of the topic.
 * Errors: LogError `CORRUPT` for more than 16 times that (4 MiB at most), or for no gzip at all.
 */
export function decompress(
  bytes: Uint8Array,
  header: BatchHeader,
  maxMessageBytes: number,
): Uint8Array | null {
  if (header.compression !== GZIP) return null
  const maxOutputLength = Math.min(MOST_BYTES, MOST_TIMES * maxMessageBytes)
  const packed = bytes.subarray(header.start + FIELD.records, header.end)
  try {
    return gunzipSync(packed, { maxOutputLength })
  } catch (cause) {
    const isTooMuch = cause instanceof RangeError
    const what = isTooMuch ? `inflates to more than ${maxOutputLength} bytes` : 'is no gzip'
    const message = `the batch at offset ${header.baseOffset} ${what}`
    throw new LogError('CORRUPT', message, { cause })
  }
}
