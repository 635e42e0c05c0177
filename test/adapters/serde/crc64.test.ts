// Known values: share/test/data/schema-tests.txt of Apache Avro.
import { expect, it } from 'vitest'
import { crc64Avro } from '../../../src/adapters/serde/crc64.ts'

it.each([
  ['"null"', 7195948357588979594n],
  ['"boolean"', -6970731678124411036n],
  ['"int"', 8247732601305521295n],
  ['"long"', -3434872931120570953n],
  ['"float"', 5583340709985441680n],
  ['"double"', -8181574048448539266n],
  ['"bytes"', 5746618253357095269n],
  ['"string"', -8142146995180207161n],
])('gives the fingerprint of %s', (text, fingerprint) => {
  expect(crc64Avro(text)).toBe(BigInt.asUintN(64, fingerprint))
})
