// The writing end of a journal: chained entries in one transaction; the tip moves with the answer.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { NO_HASH, type OverrideEntry } from '../../src/contracts/journal.ts'
import { topicName } from '../../src/contracts/topics.ts'
import { Chain } from '../../src/runtime/chain.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import { readJournal } from '../../src/runtime/journal.ts'
import type { TransactionalWriter } from '../../src/runtime/ports.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const at = { topic: topicName('journal'), partition: 0 }
const note = (why: string): OverrideEntry => ({ kind: 'override', why, who: 'me' })

let clock: VirtualClock
let log: MemoryLog
let writer: TransactionalWriter

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  await clock.run(log.admin().createTopics(topicSetups('hs.', 1)))
  writer = log.writer({ transactionalId: 'x', transactionTimeoutMs: 5_000, deadlineMs: 4_000 })
  await clock.run(writer.fence())
})

afterEach(async () => {
  await clock.run(log.close())
})

async function entries(): Promise<string[]> {
  await clock.advance(20)
  const found: string[] = []
  const read = async (): Promise<void> => {
    for await (const { entry } of readJournal(log, at))
      found.push(entry.kind === 'override' ? entry.why : entry.kind)
  }
  await clock.run(read())
  return found
}

describe('a chain', () => {
  test('links entries within a commit and across commits', async () => {
    const chain = new Chain(writer, clock, { at, tip: NO_HASH })
    await clock.run(chain.append([], [note('a'), note('b')]))
    await clock.run(chain.append([], [note('c')]))
    expect(await entries()).toEqual(['a', 'b', 'c'])
  })

  test('tells when the log took the entry and how long that took', async () => {
    const chain = new Chain(writer, clock, { at, tip: NO_HASH })
    const answer = await clock.run(chain.append([], [note('a')]))
    expect(answer.appendMs).toBe(clock.nowMs())
    expect(answer.hostAheadMs).toBe(0)
  })

  test('a commit that failed does not move the tip', async () => {
    const chain = new Chain(writer, clock, { at, tip: NO_HASH })
    const record = { ...at, topic: 'nowhere', key: null, value: null, timestampMs: 0 }
    await expect(clock.run(chain.append([record], [note('lost')]))).rejects.toThrow('nowhere')
    await clock.run(writer.fence())
    await clock.run(chain.append([], [note('a')]))
    expect(await entries()).toEqual(['a'])
  })

  test('that goes on before its last entry is of a journal that was cut off', async () => {
    // The leader elected did not have the last entries, nor the producer that wrote them: it took
    // the next batch at an offset that was taken, and the owner went on over the hole.
    const offset = 7
    const chain = new Chain(writer, clock, { at, tip: NO_HASH, offset })
    await expect(clock.run(chain.append([], [note('a')]))).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
      message: expect.stringContaining(`its entry at offset ${offset} was committed`),
    })
  })

  test('a journal without append times is refused with the setting to change', async () => {
    const topic = 'bad.journal'
    await clock.run(log.admin().createTopics([{ topic, partitions: 1, config: {} }]))
    const chain = new Chain(writer, clock, { at: { topic, partition: 0 }, tip: NO_HASH })
    await expect(clock.run(chain.append([], [note('a')]))).rejects.toMatchObject({
      code: 'HS_CONFIG',
      fix: expect.stringContaining('LogAppendTime'),
    })
  })
})
