// CRC-32C of record batches, by the native binding.
import { crc32c as nativeCrc32c } from '@node-rs/crc32'
import type { Crc32c } from '../../runtime/record-batch.ts'

export const crc32c: Crc32c = (bytes: Uint8Array): number => nativeCrc32c(bytes)
