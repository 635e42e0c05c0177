// Reading input again: whole, unchanged and in any order of inputs, or HS_INPUT_CHANGED.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { JournalSlice } from '../../src/contracts/journal.ts'
import { topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import { ReplaySource } from '../../src/runtime/replay-source.ts'
import type { LogPort, LogReader, ReadOptions } from '../../src/runtime/ports.ts'
import { foldCrc } from '../../src/runtime/stepper.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const INPUTS = [
  { topic: 'signals', partition: 0 },
  { topic: 'telemetry', partition: 0 },
] as const

let clock: VirtualClock
let log: MemoryLog
let source: ReplaySource
/** Its own. */
let reader: LogReader

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  await clock.run(log.admin().createTopics(topicSetups('hs.', 1)))
  const { signal } = new AbortController()
  const inner = log
  const spied: LogPort = Object.create(inner, {
    reader: {
      value: (options: ReadOptions) => {
        reader = inner.reader(options)
        return reader
      },
    },
  })
  source = new ReplaySource(spied, INPUTS, { prefix: 'hs.', clock, signal })
})

afterEach(async () => {
  await source.close()
  await clock.run(log.close())
})

/** Sends one batch per list of values and returns the fold of their checksums. */
async function send(topic: TopicKind, batches: readonly (readonly string[])[]): Promise<number> {
  const producer = log.producer()
  for (const values of batches) {
    const records = values.map((value) => ({
      topic: topicName(topic),
      partition: 0,
      key: null,
      value: Buffer.from(value),
      timestampMs: 0,
    }))
    await clock.run(producer.send(records))
  }
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign({ topic: topicName(topic), partition: 0 }, 'earliest')
  const [fetched] = await clock.run(reader.poll(0))
  await reader.close()
  return fetched?.batches.reduce(foldCrc, 0) ?? 0
}

const slice = (
  from: number,
  to: number,
  crc: number,
  topic: TopicKind = 'signals',
): JournalSlice => ({
  topic,
  partition: 0,
  from,
  to,
  crc,
})

describe('a replay', () => {
  test('gives the ranges as they were, one input far ahead of the other', async () => {
    const crc = await send('signals', [['a', 'b'], ['c']])
    const other = await send('telemetry', [['d']])
    const found: string[] = []
    const first = await clock.run(source.slice(0, slice(0, 3, crc)))
    first.visit(({ offset }) => found.push(`signals ${offset}`))
    const second = await clock.run(source.slice(1, slice(0, 1, other, 'telemetry')))
    second.visit(({ offset }) => found.push(`telemetry ${offset}`))
    expect(found).toEqual(['signals 0', 'signals 1', 'signals 2', 'telemetry 0'])
  })

  // A restore on brokers took 50 ms and more for each of eight inputs, one after the other: every
  // input was only asked for when its first slice came.
  test('reads every input from the beginning, before the first slice of each', async () => {
    const crc = await send('signals', [['a']])
    const other = await send('telemetry', [['b']])
    source.begin([0, 0])
    await clock.run(source.slice(0, slice(0, 1, crc)))
    vi.spyOn(reader, 'poll').mockRejectedValue(new Error('it was not read yet'))
    await clock.run(source.slice(1, slice(0, 1, other, 'telemetry')))
  })

  test('another checksum is changed input', async () => {
    const crc = await send('signals', [['a']])
    await expect(clock.run(source.slice(0, slice(0, 1, crc + 1)))).rejects.toMatchObject({
      code: 'HS_INPUT_CHANGED',
      message: expect.stringContaining('offsets 0 to 1 changed'),
    })
  })

  test('records that retention took are changed input', async () => {
    const crc = await send('signals', [['a'], ['b']])
    await clock.run(log.admin().deleteRecords({ topic: topicName('signals'), partition: 0 }, 1))
    await expect(clock.run(source.slice(0, slice(0, 2, crc)))).rejects.toMatchObject({
      code: 'HS_INPUT_CHANGED',
    })
  })

  test('an end that lies before what was used is waited for, then changed input', async () => {
    const crc = await send('signals', [['a']])
    const startMs = clock.monotonicMs()
    await expect(clock.run(source.slice(0, slice(0, 5, crc)))).rejects.toMatchObject({
      code: 'HS_INPUT_CHANGED',
      message: expect.stringContaining('ends at 1, steps were made up to 5'),
    })
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(10_000)
  })

  test('goes on behind a gap that the journal explains', async () => {
    await send('signals', [['a'], ['b'], ['c']])
    await clock.run(log.admin().deleteRecords({ topic: topicName('signals'), partition: 0 }, 2))
    const crc = await send('signals', [])
    const found = await clock.run(source.slice(0, slice(2, 3, crc)))
    expect(found.records).toBe(1)
  })

  test('goes on behind what is passed over, and waits for a lost end once only', async () => {
    const crc = await send('signals', [['a'], ['b'], ['c']])
    await clock.run(log.admin().deleteRecords({ topic: topicName('signals'), partition: 0 }, 2))
    const isLost = async (from: number, to: number): Promise<void> => {
      const recorded = slice(from, to, crc)
      const asked = clock.run(source.slice(0, recorded))
      await expect(asked).rejects.toMatchObject({ code: 'HS_INPUT_CHANGED' })
      const nothing = source.passOver(0, recorded)
      expect(nothing).toMatchObject({ topic: 'signals', input: 0, from, to, records: 0 })
    }
    await isLost(0, 1)
    await isLost(1, 2)
    const last = await send('signals', [])
    expect((await clock.run(source.slice(0, slice(2, 3, last)))).records).toBe(1)
    await isLost(3, 4)
    const startMs = clock.monotonicMs()
    await isLost(4, 5)
    expect(clock.monotonicMs() - startMs).toBeLessThan(1_000)
  })
})
