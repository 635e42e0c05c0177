// A row survives the way to Redis and back, bytes too.
import { expect, test } from 'vitest'
import { rowOf, rowText } from '../../../src/adapters/redis/row-json.ts'
import { aCommand, anEvent } from '../../roles/projector/records.ts'

test('bytes come back as bytes, and are hexadecimal in between', () => {
  const hash = Uint8Array.from([0, 255, 16])
  const event = anEvent({ prev_hash: hash })
  const text = rowText('incidents', { partition: 4, version: 2, record: event })
  expect(text).toContain('"prev_hash":"00ff10"')
  expect(rowOf('incidents', 'i', text)).toEqual({
    topic: 'incidents',
    partition: 4,
    id: 'i',
    record: event,
  })
  const command = aCommand({ signature: null })
  const again = rowText('commands', { partition: 0, version: 0, record: command })
  expect(rowOf('commands', 'c', again).record).toEqual(command)
})

test('a record that JSON cannot say is refused', () => {
  const record = anEvent({ at_ms: Number.NaN })
  expect(() => rowText('incidents', { partition: 0, version: 0, record })).toThrow(
    expect.objectContaining({ code: 'REFUSED' }),
  )
})
