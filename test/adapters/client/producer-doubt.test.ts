// What a producer does after it could not learn what became of a batch: it says so, and the numbers
// of that batch are never given to another one.
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Api, RequestOf, ResponseOf } from '../../../src/adapters/client/protocol.ts'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { Appended, IdempotentProducer } from '../../../src/runtime/ports.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

type Strike = <K extends Api>(
  send: () => Promise<ResponseOf<K>>,
  request: RequestOf<K>,
) => Promise<ResponseOf<K>>

let clock: VirtualClock
let log: MemoryLog
let producer: IdempotentProducer
/** What happens to the next requests of an API, one each; then all is well. */
let strikes: Partial<Record<Api, Strike[]>>

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  strikes = {}
  await clock.run(log.admin().createTopics([{ topic: 't', partitions: 2, config: {} }]))
  const connected = log.broker.connect({
    transport: (inner) => (api, request, limits) => {
      const send = (): ReturnType<typeof inner<typeof api>> => inner(api, request, limits)
      const strike = strikes[api]?.shift()
      return strike === undefined ? send() : strike(send, request)
    },
  })
  producer = connected.producer({ deadlineMs: 5_000 })
})

afterEach(() => log.close())

function send(word: string, partition: number = 0): Promise<readonly Appended[]> {
  const value = new TextEncoder().encode(word)
  const record = { topic: 't', partition, key: null, value, timestampMs: clock.nowMs() }
  return producer.send([record])
}

async function stored(partition: number = 0): Promise<string[]> {
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign({ topic: 't', partition }, 'earliest')
  const fetched = await clock.run(reader.poll(0))
  await reader.close()
  return fetched
    .flatMap(({ batches }) => batches.flatMap((batch) => copyRecords(batch)))
    .map(({ value }) => new TextDecoder().decode(value ?? new Uint8Array(0)))
}

const answerLost: Strike = async (sent) => {
  await sent()
  throw new LogError('UNAVAILABLE', 'the connection broke')
}
const refused: Strike = () =>
  Promise.reject(new LogError('NOT_AUTHORIZED', 'its certificate has expired'))
const never: Strike = () => new Promise(() => undefined)

// The broker took the batch, the connection broke before its answer, and the next connection was
// refused (its certificate was just being replaced). The error was told as it came, and the next
// batch went out under the same numbers: the broker took it for the first one sent again, and what
// was acknowledged was nowhere.
test('a refusal after an attempt without answer is a doubt, and hides no later batch', async () => {
  await clock.run(send('a'))
  strikes.produce = [answerLost, refused]
  await expect(clock.run(send('b'))).rejects.toMatchObject({ code: 'IN_DOUBT' })
  const [place] = await clock.run(send('c'))
  expect(await stored()).toEqual(['a', 'b', 'c'])
  expect(place).toMatchObject({ baseOffset: 2 })
})

test('a refusal before anything was sent is told as it is', async () => {
  await clock.run(send('a'))
  strikes.produce = [refused]
  await expect(clock.run(send('b'))).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
  await clock.run(send('c'))
  expect(await stored()).toEqual(['a', 'c'])
})

// Two partitions in doubt one after the other while nothing is answered: the second waited for the
// new producer id that the first had asked for, and told the failure of that, UNAVAILABLE, for its
// own. "Nothing was sent" it says, and who believes it sends the record twice.
test('a doubt is told as a doubt, whatever becomes of the next producer id', async () => {
  await clock.run(Promise.all([send('a', 0), send('b', 1)]))
  strikes.produce = Array.from({ length: 99 }, () => never)
  strikes.initProducerId = Array.from({ length: 99 }, () => never)
  const first = send('c', 0).catch((error: unknown) => error)
  await clock.advance(3_000)
  const second = send('d', 1).catch((error: unknown) => error)
  expect(await clock.run(first)).toMatchObject({ code: 'IN_DOUBT' })
  const third = send('e', 0).catch((error: unknown) => error)
  const secondAtMs = clock.run(second.then(() => clock.monotonicMs()))
  expect(await second).toMatchObject({ code: 'IN_DOUBT' })
  expect(await secondAtMs).toBeLessThanOrEqual(8_100)
  expect(await clock.run(third)).toMatchObject({ code: 'UNAVAILABLE' })
})
