// A broker behind TLS and SASL, with every way in: what is right is taken, what is wrong or has
// expired is refused without showing the secret, and the sessions that the broker ends every three
// seconds (KIP-368) are renewed under traffic without anybody noticing. What a certificate may be
// is in tls.test.ts, what a role may do in access.test.ts.
import { writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import tls from 'node:tls'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import type { KafkaOptions, SaslOptions } from '../../src/adapters/kafka/options.ts'
import type { Access } from '../../src/config/access.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { Authority } from '../adapters/kafka/certificates.ts'
import { createKafkaRig, type KafkaRig } from '../conformance/kafka-rig.ts'
import { readTexts, records } from '../conformance/steps.ts'
import { type SecuredKafka, startSecured, unsecuredToken } from '../support/kafka/secured.ts'
import { rawBatch } from './hostile-batches.ts'
import { Traffic } from './traffic.ts'
import { until, WorkerRig } from './worker-rig.ts'

/** Clients whose connections are counted call the broker by a name of their own. */
const COUNTED = ['scram', 'tokens'] as const
const NAMES = ['IP:127.0.0.1', ...COUNTED.map((name) => `DNS:${name}`)].join()
const SESSION_MS = 3_000
const USER = 'somebody'
const PASSWORD = 'correct horse battery'
const TOPIC = 'hs-secure'

const authority = new Authority('secure test')
let kafka: SecuredKafka
let rig: KafkaRig
beforeAll(async () => {
  kafka = await startSecured({
    authority,
    certificate: authority.issue('broker', NAMES),
    users: { [USER]: PASSWORD },
    settings: `connections.max.reauth.ms=${SESSION_MS}\n`,
  })
  rig = createKafkaRig({ brokers: kafka.brokers, replicas: 1 })
  await kafka.grant(`User:${USER}`, EVERYTHING)
  const { log } = await rig.connect()
  await log.admin().createTopics([{ topic: TOPIC, partitions: 8, config: {} }])
})
afterAll(async () => {
  await rig?.close()
  await kafka?.stop()
  authority.remove()
})

const EVERYTHING: readonly Access[] = (['topic', 'group', 'transactional-id'] as const).map(
  (resource) => ({
    resource,
    pattern: 'prefixed',
    name: 'hs-',
    operations:
      resource === 'group'
        ? ['Read', 'Describe']
        : ['Read', 'Write', 'Describe', 'DescribeConfigs'],
  }),
)

const optionsOf = (sasl: SaslOptions, servername?: string): KafkaOptions => ({
  brokers: [kafka.address],
  clock: systemClock,
  tls: { caFile: kafka.caFile, servername },
  sasl,
})

/** Connections that were opened, by the name that the broker was called by. */
const opened = new Map<string, number>()
const connect = tls.connect
Object.assign(tls, {
  connect: (options: tls.ConnectionOptions, onConnect: () => void): tls.TLSSocket => {
    const { servername = '' } = options
    opened.set(servername, (opened.get(servername) ?? 0) + 1)
    return connect(options, onConnect)
  },
})
syncBuiltinESMExports()
afterAll(() => {
  Object.assign(tls, { connect })
  syncBuiltinESMExports()
})

/** A client that comes in so, for as long as `use` takes. */
async function as(sasl: SaslOptions, use: (log: LogPort) => Promise<void>): Promise<void> {
  const log = createKafkaLog(optionsOf(sasl))
  try {
    await use(log)
  } finally {
    await log.close()
  }
}

const secret = (value: string) => (): Promise<string> => Promise.resolve(value)
const PASSWORDS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

describe('what is right is taken', () => {
  const RIGHT: readonly SaslOptions[] = [
    ...PASSWORDS.map((mechanism) => ({ mechanism, username: USER, password: secret(PASSWORD) })),
    { mechanism: 'OAUTHBEARER', token: () => Promise.resolve(unsecuredToken(USER)) },
  ]
  test.concurrent.each(RIGHT.map((sasl, i) => [sasl.mechanism, sasl, i] as const))(
    '%s: written and read back',
    (_, sasl, partition) =>
      as(sasl, async (log) => {
        expect(await log.clusterId()).toBe(kafka.clusterId)
        const at = { topic: TOPIC, partition }
        await log.producer().send(records(rig, at, [sasl.mechanism]))
        expect(await readTexts(rig, log, at, { count: 1 })).toEqual([sasl.mechanism])
      }),
  )
})

describe('what is wrong is refused, and does not show', () => {
  const WRONG = 'a wrong secret'
  const refusals: readonly (readonly [string, SaslOptions, string])[] = [
    ...PASSWORDS.flatMap((mechanism) => [
      [
        `${mechanism}, another password`,
        { mechanism, username: USER, password: secret(WRONG) },
        WRONG,
      ] as const,
      [
        `${mechanism}, nobody of that name`,
        { mechanism, username: 'nobody', password: secret(PASSWORD) },
        PASSWORD,
      ] as const,
    ]),
    ...[
      ['expired', unsecuredToken(USER, -60)],
      ['no token at all', 'garbage'],
      ['signed by somebody', `${unsecuredToken(USER)}c2lnbmF0dXJl`],
    ].map(([what = '', token = '']) => {
      const sasl = { mechanism: 'OAUTHBEARER', token: secret(token) } as const
      return [`OAUTHBEARER, ${what}`, sasl, token] as const
    }),
  ]
  test.concurrent.each(refusals)('%s', (_, sasl, hidden) =>
    as(sasl, async (log) => {
      const error: unknown = await log.clusterId().catch((cause: unknown) => cause)
      expect(error).toMatchObject({ code: 'NOT_AUTHORIZED' })
      expect(inspect(error, { depth: 10 })).not.toContain(hidden)
    }),
  )
})

/**
 * Traffic over longer than two sessions, in which the secret is asked for again and again, and not
 * one connection has to be opened anew.
 */
async function longTraffic(name: (typeof COUNTED)[number], sasl: SaslOptions): Promise<void> {
  const log = createKafkaLog(optionsOf(sasl, name))
  try {
    const topic = `hs-${name}`
    const { log: inside } = await rig.connect()
    await inside.admin().createTopics([{ topic, partitions: 2, config: {} }])
    const options = { topic, partitions: 2, transactionalId: topic, deadlineMs: 8_000 }
    const flow = new Traffic(rig, log, options)
    await flow.flows()
    flow.codes.clear()
    const before = opened.get(name) ?? 0
    expect(before).toBeGreaterThan(3)
    const endMs = performance.now() + 2.5 * SESSION_MS
    while (performance.now() < endMs) await flow.flows()
    expect(opened.get(name)).toBe(before)
    await flow.check()
    expect([...flow.codes]).toEqual([])
    expect(flow.count).toBeGreaterThan(100)
  } finally {
    await log.close()
  }
}

describe('sessions end under traffic', () => {
  // A client that does not come back with its secret in time is cut off by the broker in the middle
  // of whatever it does, every few hours for ever.
  test.concurrent('SCRAM-SHA-512: renewed on the connections there are, nothing lost', () =>
    longTraffic('scram', {
      mechanism: 'SCRAM-SHA-512',
      username: USER,
      password: secret(PASSWORD),
    }))

  test.concurrent('OAUTHBEARER with tokens that live for four seconds', () =>
    longTraffic('tokens', {
      mechanism: 'OAUTHBEARER',
      token: () => Promise.resolve(unsecuredToken(USER, 4)),
    }))

  test.concurrent('a token not renewed ends it with a reason; a new one mends', async () => {
    const file = kafka.secretFile('token', unsecuredToken(USER, 6))
    await as({ mechanism: 'OAUTHBEARER', token: { file } }, async (log) => {
      const at = { topic: TOPIC, partition: 4 }
      const producer = log.producer({ deadlineMs: 8_000 })
      await producer.send(records(rig, at, ['before']))
      await systemClock.sleep(7_000)
      await expect(producer.send(records(rig, at, ['expired']))).rejects.toMatchObject({
        code: 'NOT_AUTHORIZED',
      })
      writeFileSync(file, unsecuredToken(USER))
      await producer.send(records(rig, at, ['after']))
      expect(await readTexts(rig, log, at, { count: 2 })).toEqual(['before', 'after'])
    })
  })

  test.concurrent('a worker keeps its tasks and its group, past a new certificate', async () => {
    const kafkaOf = optionsOf({
      mechanism: 'SCRAM-SHA-256',
      username: USER,
      password: { file: kafka.secretFile('password', PASSWORD) },
    })
    const loop = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: 2 })
    const first = await loop.worker({ kafka: kafkaOf })
    let written = 0
    const register = async (forMs: number): Promise<void> => {
      for (const endMs = performance.now() + forMs; performance.now() < endMs; written++) {
        const service = `s-${written}`
        const event = { service_name: service, action: 'register', cluster_id: 'c' }
        const value = JSON.stringify({ ...event, timestamp: Date.now(), instance_id: service })
        const record = { key: Buffer.from(service), value: Buffer.from(value) }
        await loop.put('service-events', loop.partitionOf(service), rawBatch([record]))
        await systemClock.sleep(40)
      }
    }
    await register(SESSION_MS)
    await kafka.present(authority.issue('next', NAMES))
    await register(SESSION_MS)
    // What is opened from now on sees the new certificate; what was open goes on.
    const second = await loop.worker({
      kafka: kafkaOf,
      settled: ({ ready, tasks }) => ready && tasks.length >= 1,
    })
    await until('both have their part', () => first.handle.status().tasks.length < 3)
    await register(SESSION_MS)
    await loop.stop(first)
    await until('the other has all', () => second.handle.status().tasks.length === 3)
    await register(500)
    await loop.registered(Array.from({ length: written }, (_, i) => `s-${i}`))
    expect(await loop.records('dlq')).toEqual([])
    for (const { events } of [first, second])
      expect(events.filter(({ kind }) => kind === 'group_lost' || kind === 'task_failed')).toEqual(
        [],
      )
    await loop.replays(second)
    await loop.end()
  })
})
