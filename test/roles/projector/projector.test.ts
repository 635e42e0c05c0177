// The projector on the embedded log with the real codec: what another client commits is read, and
// neither garbage nor missing topics stop it.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { PACKED } from '../../support/packing.ts'
import { aHealth, anEvent } from './records.ts'
import { KEY, ready, Rig } from './rig.ts'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.open()
})
afterEach(() => rig.close())

test('what was there before and what comes later is folded; tombstones too', async () => {
  await rig.createTopics()
  await rig.send(rig.outgoing('health', KEY, aHealth({ reason: 'before' })))
  const projector = rig.project()
  await ready(projector)
  expect(projector.model.instances()).toMatchObject([{ reason: 'before' }])
  await rig.send(rig.outgoing('health', KEY, aHealth({ reason: 'later', version: 2 })))
  await expect.poll(() => projector.model.instances()[0]?.reason).toBe('later')
  await rig.send(rig.outgoing('health', KEY, null))
  await expect.poll(() => projector.model.instances()).toEqual([])
})

test('what a transaction has committed is folded', async () => {
  await rig.createTopics()
  const projector = rig.project()
  await ready(projector)
  const options = { transactionalId: 't', transactionTimeoutMs: 5_000, deadlineMs: 5_000 }
  const writer = rig.log.writer(options)
  await writer.fence()
  await writer.commit([rig.outgoing('incidents', 'i-1', anEvent())])
  await expect.poll(() => projector.model.incidents()).toMatchObject([{ events: 1 }])
  await writer.close()
})

test('a record that is no Avro is counted and passed over', async () => {
  await rig.createTopics()
  const projector = rig.project()
  await ready(projector)
  await rig.send(
    { ...rig.outgoing('health', KEY, null), value: encodeUtf8('{"not":"avro"}') },
    rig.outgoing('health', KEY, aHealth({ reason: 'after garbage' })),
  )
  await expect.poll(() => projector.model.instances()[0]?.reason).toBe('after garbage')
  expect(rig.refused).toMatchObject([{ topic: 'health', partition: 1, offset: 0 }])
})

// Read again for ever, one such batch would keep everything behind it from being seen.
test('a batch that cannot be read is counted and passed over', async () => {
  await rig.createTopics()
  const projector = rig.project()
  await ready(projector)
  await rig.send(rig.outgoing('health', KEY, aHealth({ reason: PACKED })))
  await rig.send(rig.outgoing('health', KEY, aHealth({ reason: 'behind it' })))
  await expect.poll(() => projector.model.instances()[0]?.reason).toBe('behind it')
  const reason = expect.stringContaining('compressed with zstd')
  expect(rig.refused).toMatchObject([{ topic: 'health', partition: 1, offset: 0, reason }])
})

test('before its topics exist it says so, and reads as soon as they do', async () => {
  const projector = rig.project()
  await expect.poll(() => projector.notReady().join()).toContain('projector: ')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(projector.notReady()).toHaveLength(1)
  await rig.createTopics()
  await ready(projector)
  await rig.send(rig.outgoing('health', KEY, aHealth()))
  await expect.poll(() => projector.model.instances()).toHaveLength(1)
})
