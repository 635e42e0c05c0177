// CRC-64-AVRO, the Rabin fingerprint of the Avro specification ("Schema Fingerprints"), of a
// schema's canonical form.

const EMPTY = 0xc15d213aa4d7a795n
const MASK = 0xffffffffffffffffn

const TABLE: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => {
  let fingerprint = BigInt(byte)
  for (let bit = 0; bit < 8; bit++)
    fingerprint = (fingerprint >> 1n) ^ (EMPTY & (MASK * (fingerprint & 1n)) & MASK)
  return fingerprint
})

/** Unsigned 64-bit fingerprint of the text's UTF-8 bytes. */
export function crc64Avro(text: string): bigint {
  let fingerprint = EMPTY
  for (const byte of Buffer.from(text, 'utf8')) {
    const entry = TABLE[Number((fingerprint ^ BigInt(byte)) & 0xffn)] ?? 0n
    fingerprint = (fingerprint >> 8n) ^ entry
  }
  return fingerprint
}
