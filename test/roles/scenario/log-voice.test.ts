// The voice of a scenario on a log: in order and numbered, twice where a script says so, patient
// while the log is away, and not deaf to a log that refuses.
import { expect, test, vi } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { topicName } from '../../../src/contracts/topics.ts'
import { LogVoice } from '../../../src/roles/scenario/log-voice.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import { testSerde } from '../../support/core-driver.ts'
import { heartbeat, policy, serviceEvent } from '../../support/records.ts'

type Send = (records: readonly OutgoingRecord[]) => void

/** A log of which only the producer is used: `send` may throw. */
async function voiceOn(send: Send, onTrouble: (error: unknown) => void = () => undefined) {
  const real = createMemoryLog()
  const log: LogPort = Object.assign(real.broker.connect(), {
    producer: () => ({
      send: (records: readonly OutgoingRecord[]) => {
        send(records)
        return Promise.resolve([])
      },
      close: () => Promise.resolve(),
    }),
  })
  const serde = await testSerde()
  const options = { log, encoder: serde, clock: systemClock, prefix: 'hs.', partitions: 3 }
  const voice = new LogVoice({ ...options, clusterId: 'here', onTrouble })
  return { voice, serde, end: async () => (await voice.close(), await real.close()) }
}

const WHO = { atMs: 1 }

test('records of an agent are numbered by topic; those sent twice are the same', async () => {
  const sent: OutgoingRecord[] = []
  const { voice, end } = await voiceOn((records) => void sent.push(...records))
  voice.serviceEvent(serviceEvent(WHO))
  voice.signal(heartbeat(WHO))
  voice.twice(() => voice.signal(heartbeat(WHO)))
  voice.signal(heartbeat({ ...WHO, agent: 'another' }))
  await vi.waitFor(() => expect(sent).toHaveLength(5))
  const signals = sent.filter(({ topic }) => topic === topicName('signals', 'hs.'))
  expect(signals).toHaveLength(4)
  expect(signals[1]?.value).not.toEqual(signals[0]?.value)
  expect(signals[2]?.value).toEqual(signals[1]?.value)
  expect(new Set(sent.map(({ partition }) => partition)).size).toBe(1)
  const ids = signals.map(({ headers }) => headers?.find(({ key }) => key === 'ce_id')?.value)
  const texts = ids.map((id) => new TextDecoder().decode(id ?? undefined))
  expect(texts.map((id) => id.split('/').slice(1))).toEqual([
    ['agent-of-shop-1', '1', '1'],
    ['agent-of-shop-1', '1', '2'],
    ['agent-of-shop-1', '1', '2'],
    ['another', '1', '1'],
  ])
  await end()
})

test('a document goes to every partition', async () => {
  const sent: OutgoingRecord[] = []
  const { voice, end } = await voiceOn((records) => void sent.push(...records))
  voice.policy(policy({ name: 'p' }))
  await vi.waitFor(() => expect(sent.map(({ partition }) => partition)).toEqual([0, 1, 2]))
  await end()
})

test('while the log is away it asks again, and keeps the order', async () => {
  const sent: OutgoingRecord[] = []
  let away = 2
  const troubles: unknown[] = []
  const { voice, end } = await voiceOn(
    (records) => {
      if (away-- > 0) throw new LogError('UNAVAILABLE', 'away')
      sent.push(...records)
    },
    (error) => void troubles.push(error),
  )
  voice.signal(heartbeat(WHO))
  await vi.waitFor(() => expect(away).toBeLessThan(2))
  voice.serviceEvent(serviceEvent(WHO))
  await vi.waitFor(() => expect(sent).toHaveLength(2), 5_000)
  expect(sent.map(({ topic }) => topic)).toEqual(['hs.signals', 'hs.service-events'])
  expect(troubles).toEqual([])
  await end()
})

test('a log that refuses is told of; a voice that is closed says nothing and ends', async () => {
  const troubles: unknown[] = []
  const refusing = () => {
    throw new LogError('TOO_LARGE', 'too large')
  }
  const { voice, end } = await voiceOn(refusing, (error) => void troubles.push(error))
  voice.signal(heartbeat(WHO))
  await vi.waitFor(() => expect(troubles).toHaveLength(1))
  await end()
  voice.signal(heartbeat(WHO))
  expect(troubles).toHaveLength(1)
})
