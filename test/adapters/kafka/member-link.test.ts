// What goes from the main loop to the thread of a member has to survive the way. (The sign of life
// is in member.test.ts, with a thread.)
import { expect, test } from 'vitest'
import { secretOf, shareKafka, unshareKafka } from '../../../src/adapters/kafka/member-link.ts'
import type { KafkaOptions } from '../../../src/adapters/kafka/options.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

const SECRETS: readonly KafkaOptions['sasl'][] = [
  undefined,
  { mechanism: 'SCRAM-SHA-512', username: 'u', password: { file: '/run/secrets/p' } },
  { mechanism: 'PLAIN', username: 'u', password: () => Promise.resolve('from a function') },
  { mechanism: 'OAUTHBEARER', token: { file: '/run/secrets/t' } },
  { mechanism: 'OAUTHBEARER', token: () => Promise.resolve('from a function') },
]

test.each(SECRETS)('options %# can go to another thread and come out whole', async (sasl) => {
  const options: KafkaOptions = {
    brokers: ['a:1', 'b:2'],
    clientId: 'c',
    tls: { caFile: '/ca.pem' },
    sasl,
    connectTimeoutMs: 5,
    clock: systemClock,
  }
  const there = structuredClone(shareKafka(options))
  const askSecret = (): Promise<string> => Promise.resolve('from a function')
  const back = unshareKafka(there, { clock: systemClock, askSecret })
  expect(structuredClone(shareKafka(back))).toEqual(there)
  const secret = secretOf(back.sasl)
  expect(back).toMatchObject({ brokers: ['a:1', 'b:2'], clientId: 'c', connectTimeoutMs: 5 })
  if (typeof secret === 'function') expect(await secret()).toBe('from a function')
  else if (sasl !== undefined) expect(back.sasl).toEqual(sasl)
})
