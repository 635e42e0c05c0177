// The checker's own reader of batches against the runtime's: two that were written apart agree on
// what an outsider may see, aborted and open transactions among it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { bytesOf } from '../../src/roles/simulate/batches.ts'
import { Stored } from '../../src/roles/simulate/stored.ts'
import { copyRecords } from '../../src/runtime/record-batch.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const AT = { topic: 't', partition: 0 }

const act = fc.record({
  writer: fc.integer({ min: 0, max: 2 }),
  count: fc.integer({ min: 1, max: 4 }),
  how: fc.constantFrom('commit', 'abort', 'plain', 'leave open'),
})

test('the same records are visible', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
      const clock = new VirtualClock()
      const log = createMemoryLog({ clock })
      let ask: Transport | null = null
      const transport = (inner: Transport): Transport => {
        ask = inner
        return inner
      }
      const admin = log.broker.connect({ transport }).admin()
      await clock.run(admin.createTopics([{ topic: 't', partitions: 1, config: {} }]))
      for (const [i, { writer, count, how }] of acts.entries()) {
        const records = Array.from({ length: count }, (_, n) => ({
          ...AT,
          key: n % 2 === 0 ? null : new Uint8Array([n]),
          value: new Uint8Array([i, n]),
          timestampMs: clock.nowMs(),
        }))
        if (how === 'plain') await clock.run(log.producer().send(records))
        else await inTransaction(log, clock, { id: `w${writer}`, records, how })
      }
      await clock.advance(10)
      if (ask === null) throw new Error('no way to the log')
      const found = (await new Stored(ask).newRecords(AT)).map((record) => ({
        offset: record.offset,
        key: bytesOf(record, 'key'),
        value: bytesOf(record, 'value'),
      }))
      expect(found).toEqual(await visible(log, clock))
      await log.close()
    }),
    { numRuns: 40 },
  )
})

async function inTransaction(
  log: ReturnType<typeof createMemoryLog>,
  clock: VirtualClock,
  what: { id: string; records: readonly object[]; how: string },
): Promise<void> {
  let drop = false
  const transport = (inner: Transport): Transport => {
    return (api, request, limits) => {
      if (api === 'endTxn' && drop) return new Promise(() => undefined)
      return inner(api, request, limits)
    }
  }
  const client = log.broker.connect({ transport })
  const transactionalId = what.id
  const options = { transactionalId, transactionTimeoutMs: 5_000, deadlineMs: 1_000 }
  const writer = client.writer(options)
  await clock.run(writer.fence())
  drop = what.how !== 'commit'
  const done = writer.commit(what.records as never).catch(() => undefined)
  await clock.run(done)
  // Another taking the id aborts what was left open.
  if (what.how === 'abort') await clock.run(log.writer(options).fence())
  await client.close()
}

async function visible(
  log: ReturnType<typeof createMemoryLog>,
  clock: VirtualClock,
): Promise<readonly object[]> {
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign(AT, 0)
  const found: object[] = []
  for (let i = 0; i < 50; i++)
    for (const { batches } of await clock.run(reader.poll(0)))
      for (const batch of batches)
        for (const { offset, key, value } of copyRecords(batch)) found.push({ offset, key, value })
  await reader.close()
  return found
}
