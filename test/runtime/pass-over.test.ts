// Batches that cannot be read: skipped in the journal, kept as dead letters, never a reason to
// stop; and whoever restores from the journal passes them over, too.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import { isUnreadable, letterOf, skipOf } from '../../src/runtime/pass-over.ts'
import type { Unreadable } from '../../src/runtime/stepper.ts'
import { EngineRig } from '../support/engine-rig.ts'
import { PACKED, packedBatch, packing } from '../support/packing.ts'

describe('a task that meets them', () => {
  let rig: EngineRig
  beforeEach(async () => {
    rig = new EngineRig()
    await rig.init()
  })
  afterEach(() => rig.stop())

  const runs = async (): Promise<boolean> => await rig.drained()

  test('goes on with what is around them, and so does its heir', async () => {
    const first = await rig.worker({ bend: packing })
    await rig.send('signals', ['a'])
    await rig.send('signals', [PACKED, PACKED])
    await rig.send('signals', [PACKED])
    await rig.send('signals', ['b'])
    await rig.send('telemetry', [PACKED])
    await rig.until('all is used', runs)
    expect(first.handle.status().tasks).toMatchObject([{ state: 'Running', reason: null, gen: 1 }])
    const skips = (await rig.journal()).flatMap(({ entry }) =>
      entry.kind === 'skip' ? [entry] : [],
    )
    expect(skips.every(isUnreadable)).toBe(true)
    const ranges = skips.map(({ record, from }) => [record.topic, from, record.offset])
    expect(ranges).toContainEqual(['telemetry', 0, 0])
    expect(ranges.findLast(([topic]) => topic === 'signals')?.[2]).toBe(3)
    expect(await rig.records('dlq')).toHaveLength(skips.length)
    first.kill()
    const heir = await rig.worker({ bend: packing })
    await rig.send('signals', ['c'])
    await rig.until('the heir has it', runs)
    expect(heir.handle.status().tasks).toMatchObject([{ state: 'Running', reason: null, gen: 2 }])
    expect((await rig.said()).length).toBe(3)
    expect(await rig.problems()).toEqual([])
  })

  test('is not stopped by many of them, nor by poison behind them', async () => {
    const worker = await rig.worker({ bend: packing })
    for (let i = 0; i < 12; i++) await rig.send('signals', [PACKED])
    await rig.send('signals', ['boom'])
    await rig.send('signals', [PACKED])
    await rig.send('signals', ['b'])
    await rig.until('all is used', runs)
    expect(worker.handle.status().tasks).toMatchObject([{ state: 'Running', reason: null }])
    expect((await rig.said()).length).toBe(1)
    expect(await rig.problems()).toEqual([])
  })
})

describe('what is told of them', () => {
  const first = packedBatch({ topic: 'hs.signals', partition: 3, offset: 7 }, ['x', 'y'])
  const unreadable: Unreadable = {
    topic: 'signals',
    partition: 3,
    from: 5,
    to: 11,
    reason: first.unreadable() ?? '',
    first,
    records: 4,
  }

  test('the journal names their offsets', () => {
    const skip = skipOf(unreadable)
    expect(skip).toMatchObject({ from: 5, record: { topic: 'signals', partition: 3, offset: 10 } })
    expect(isUnreadable(skip)).toBe(true)
    expect(isUnreadable({ ...skip, reason: 'TypeError: x is not a function' })).toBe(false)
  })

  test('the letter holds the first as it is stored, its place, and what to change', async () => {
    const serde = await createSerde()
    const context = { encoder: serde, prefix: 'hs.', partition: 3, gen: 1, behaviour: 1 }
    const of = { clusterId: clusterId('c'), task: taskId('s3') }
    const { topic, value } = letterOf({ ...context, ...of }, unreadable)
    expect(topic).toBe('hs.dlq')
    const decoded = serde.decodeBytes('dlq', value ?? new Uint8Array(0))
    expect(decoded).toMatchObject({
      ok: true,
      record: {
        origin_topic: 'hs.signals',
        origin_partition: 3,
        origin_offset: 7,
        origin_last_offset: 10,
        count: 4,
        stage: 'decode',
        reason: 'unreadable_batch',
        detail: expect.stringContaining('set compression.type=uncompressed on the topic'),
        value: new Uint8Array(first.bytes),
      },
    })
  })
})
