// Kafka's default partitioner for keyed records, so that producers in every language, agents and
// tasks agree on the partition of a service: toPositive(murmur2(key)) % partitions
// (org.apache.kafka.common.utils.Utils).
import { encodeUtf8 } from './utf8.ts'

const SEED = 0x9747b28c
const MIX = 0x5bd1e995
const ROTATE = 24

/** Kafka's 32-bit murmur2 of the bytes from `start` to `end`, signed as in Java. */
export function murmur2(bytes: Uint8Array, start: number = 0, end: number = bytes.length): number {
  const length = end - start
  const rest = length & 3
  const whole = end - rest
  let hash = SEED ^ length
  for (let i = start; i < whole; i += 4) {
    let word =
      (bytes[i] ?? 0) |
      ((bytes[i + 1] ?? 0) << 8) |
      ((bytes[i + 2] ?? 0) << 16) |
      ((bytes[i + 3] ?? 0) << 24)
    word = Math.imul(word, MIX)
    word ^= word >>> ROTATE
    hash = Math.imul(hash, MIX) ^ Math.imul(word, MIX)
  }
  if (rest === 3) hash ^= (bytes[whole + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), MIX)
  hash = Math.imul(hash ^ (hash >>> 13), MIX)
  return hash ^ (hash >>> 15)
}

/**
 * Partition of a key among `partitions`. Text counts as its UTF-8 bytes.
 * Errors: RangeError when `partitions` is not a positive integer.
 */
export function partitionFor(key: string | Uint8Array, partitions: number): number {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new RangeError(`${partitions} is not a number of partitions`)
  const bytes = typeof key === 'string' ? encodeUtf8(key) : key
  return (murmur2(bytes) & 0x7fffffff) % partitions
}
