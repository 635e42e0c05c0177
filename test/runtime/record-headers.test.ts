// Headers that make a record a CloudEvent and tell where it has been.
import { expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/contracts/utf8.ts'
import { eventHeaders, PATH_HEADER } from '../../src/runtime/record-headers.ts'

test('the attributes of CloudEvents 1.0 in binary mode, and the path', () => {
  const headers = eventHeaders({
    topic: 'service-events',
    id: 'a/1/live/2',
    source: '/agents/a',
    timeMs: 0,
    path: ['one', 'two'],
  })
  const found = headers.map(({ key, value }) => [key, decodeUtf8(value ?? new Uint8Array())])
  expect(found).toEqual([
    ['ce_specversion', '1.0'],
    ['ce_type', 'io.healstream.service-events'],
    ['ce_source', '/agents/a'],
    ['ce_id', 'a/1/live/2'],
    ['ce_time', '1970-01-01T00:00:00.000Z'],
    ['content-type', 'application/avro'],
    [PATH_HEADER, 'one,two'],
  ])
})
