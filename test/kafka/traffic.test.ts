// The check of the traffic has teeth: on a log that loses, doubles or reorders, it fails.
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { OutgoingRecord } from '../../src/contracts/record.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { IdempotentProducer, LogPort } from '../../src/runtime/ports.ts'
import { Traffic } from './traffic.ts'

const PARTITIONS = 2

/** How the tenth send of a producer is spoiled. */
type Spoil = (
  inner: IdempotentProducer,
  records: readonly OutgoingRecord[],
) => ReturnType<IdempotentProducer['send']>

function spoiled(log: LogPort, spoil: Spoil): LogPort {
  const producer: LogPort['producer'] = (options) => {
    const inner = log.producer(options)
    let sends = 0
    return {
      send: (records) => (++sends === 10 ? spoil(inner, records) : inner.send(records)),
      close: () => inner.close(),
    }
  }
  return {
    name: log.name,
    clusterId: () => log.clusterId(),
    reader: (how) => log.reader(how),
    writer: (how) => log.writer(how),
    producer,
    join: (how) => log.join(how),
    admin: () => log.admin(),
    close: () => log.close(),
  }
}

async function play(log: LogPort, spoil: Spoil): Promise<Traffic> {
  const topic = 'topic'
  await log.admin().createTopics([{ topic, partitions: PARTITIONS, config: {} }])
  const options = { topic, partitions: PARTITIONS, transactionalId: 'writer', deadlineMs: 4_000 }
  const traffic = new Traffic({ clock: systemClock }, spoiled(log, spoil), options)
  await traffic.flows(20)
  return traffic
}

let held: readonly OutgoingRecord[] = []
test.each<[string, Spoil, string | null]>([
  ['a log that does what it says', (inner, records) => inner.send(records), null],
  ['an acknowledged record is lost', () => Promise.resolve([]), 'in topic/'],
  [
    'a record is stored twice',
    async (inner, records) => {
      await inner.send(records)
      return inner.send(records)
    },
    'twice',
  ],
  [
    'a record is stored behind a later one',
    (inner, records) => {
      held = records
      setTimeout(() => void inner.send(held), 0)
      return Promise.resolve([])
    },
    'in topic/',
  ],
])('%s', async (_, spoil, complaint) => {
  const log = createMemoryLog()
  try {
    const traffic = await play(log, spoil)
    const check = traffic.check()
    if (complaint === null) await check
    else await expect(check).rejects.toThrow(complaint)
    expect(traffic.count).toBeGreaterThan(60)
  } finally {
    await log.close()
  }
})
