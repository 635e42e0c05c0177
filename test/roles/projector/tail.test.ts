// One topic as lines, on the embedded log with the real codec.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { tail, tailRequest } from '../../../src/roles/projector/tail.ts'
import { PACKED } from '../../support/packing.ts'
import { aHealth } from './records.ts'
import { KEY, PREFIX, Rig } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

test('tail without follow shows what is there, in order, decodable or not, and ends', async () => {
  await rig.createTopics()
  await rig.send(
    rig.outgoing('health', KEY, aHealth()),
    { ...rig.outgoing('health', KEY, null), value: encodeUtf8('??') },
    rig.outgoing('health', KEY, null),
  )
  const lines = await rig.collect('hs.health', { from: 'earliest', follow: 'false' })
  expect(lines).toMatchObject([
    {
      topic: 'hs.health',
      partition: 1,
      offset: 0,
      key: KEY,
      record: { reason: expect.any(String) },
    },
    { offset: 1, record: null, undecodable: expect.stringContaining('not_avro') },
    { offset: 2, record: null },
  ])
  expect(lines[2]).not.toHaveProperty('undecodable')
  expect(await rig.collect('health', { from: 'earliest', limit: '2' })).toHaveLength(2)
  expect(await rig.collect('registry', { follow: 'false' })).toEqual([])
})

test('tail shows a batch that cannot be read as one line with the reason', async () => {
  await rig.createTopics()
  await rig.send(rig.outgoing('health', KEY, aHealth({ reason: PACKED })))
  await rig.send(rig.outgoing('health', KEY, null))
  const lines = await rig.collect('hs.health', { from: 'earliest', follow: 'false' })
  expect(lines).toMatchObject([
    { offset: 0, key: null, record: null, undecodable: expect.stringMatching('compressed with') },
    { offset: 1, key: KEY, record: null },
  ])
})

test('tail of a topic with a layout of its own tells sizes', async () => {
  await rig.createTopics()
  const record = { topic: 'hs.journal', partition: 0, key: null, timestampMs: Date.now() }
  await rig.send({ ...record, value: new Uint8Array(17) })
  const lines = await rig.collect('journal', { from: 'earliest', follow: 'false' })
  expect(lines).toMatchObject([{ undecodable: '17 bytes in a layout of their own' }])
})

test('a tail ends when its listener leaves', async () => {
  await rig.createTopics()
  const leave = new AbortController()
  const lines = tail(rig.source(), tailRequest('health', {}, PREFIX), leave.signal)
  const first = lines.next()
  setTimeout(() => leave.abort(), 20)
  expect(await first).toEqual({ done: true, value: undefined })
})

test.each([
  ['telemtry', {}, /there is no topic "telemtry"/],
  ['health', { from: 'yesterday' }, /expected earliest or latest/],
  ['health', { limit: '-3' }, /expected 1 or more/],
])('tail %s %j is a usage error', (topic, query, text) => {
  expect(() => tailRequest(topic, query, PREFIX)).toThrow(text)
})
