// Slices are a whole cover of what was polled, whatever lies between the records and however small
// the pieces are.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { viewSlices } from '../../../src/roles/projector/view-slices.ts'
import { commandId } from '../../../src/contracts/ids.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { aCommand, aHealth } from './records.ts'
import { PREFIX, Rig } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
  await rig.createTopics()
})
afterEach(() => rig.close())

async function slicesOf(topic: 'health' | 'commands', from: number) {
  const reader = rig.log.reader({ isolation: 'read_committed' })
  reader.assign({ topic: PREFIX + topic, partition: 1 }, from)
  const [fetched] = await reader.poll(1_000)
  await reader.close()
  if (fetched === undefined) throw new Error('nothing was read')
  const refused: number[] = []
  const how = {
    topic,
    decoder: rig.serde,
    refused: (offset: number) => void refused.push(offset),
  }
  return { slices: [...viewSlices(fetched, how)], refused, fetched }
}

test('a big batch is cut, garbage told and passed over, and slices follow each other', async () => {
  const many = Array.from({ length: 700 }, (_, i) => {
    const outgoing = rig.outgoing('health', `key-${i}`, aHealth({ version: i }))
    return i === 450 ? { ...outgoing, value: encodeUtf8('{}') } : outgoing
  })
  await rig.send(...many, rig.outgoing('health', 'key-0', null))
  const { slices, refused, fetched } = await slicesOf('health', 100)
  expect(refused).toEqual([450])
  expect(slices.length).toBeGreaterThan(2)
  expect([slices[0]?.from, slices.at(-1)?.to]).toEqual([100, fetched.to])
  for (const [i, { from }] of slices.slice(1).entries()) expect(from).toBe(slices[i]?.to)
  const changes = slices.flatMap((slice) => slice.changes)
  expect(changes.map(({ offset }) => offset)).toEqual(
    Array.from({ length: 601 }, (_, i) => 100 + i).filter((offset) => offset !== 450),
  )
  expect(changes[0]).toMatchObject({ id: 'key-100', version: 100 })
  expect(changes.at(-1)).toEqual({ id: 'key-0', offset: 700, version: 0, record: null })
})

test('where nothing is compacted a record without a value says nothing', async () => {
  const record = aCommand({ command_id: commandId('ff'.repeat(16)) })
  await rig.send(rig.outgoing('commands', 'stock', null), rig.outgoing('commands', 'stock', record))
  const { slices } = await slicesOf('commands', 0)
  const changes = slices.flatMap((slice) => slice.changes)
  expect(changes).toEqual([{ id: 'ff'.repeat(16), offset: 1, version: 0, record }])
})
