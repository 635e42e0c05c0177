// F36 on a real broker: a certificate that is expired, for another host, from nobody we trust, or
// revoked is refused with the reason; one that is rotated is taken without a restart of the client.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createInspector, type Inspector } from '../../src/adapters/kafka/inspect.ts'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import type { KafkaOptions, TlsOptions } from '../../src/adapters/kafka/options.ts'
import { checkBootstrap } from '../../src/roles/doctor/brokers.ts'
import { reach } from '../../src/roles/doctor/reach.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { Authority, type Pair } from '../adapters/kafka/certificates.ts'
import { type SecuredKafka, startSecured } from '../support/kafka/secured.ts'

const NAMES = 'DNS:localhost,IP:127.0.0.1'
const authority = new Authority('trusted')
const stranger = new Authority('stranger')
let kafka: SecuredKafka
let certificate: Pair
let password: string

beforeAll(async () => {
  certificate = authority.issue('broker', NAMES)
  kafka = await startSecured({ authority, certificate, users: { somebody: 'some-secret' } })
  password = kafka.secretFile('somebody', 'some-secret')
  await kafka.grant('User:somebody', [
    { resource: 'topic', pattern: 'prefixed', name: 'hs.', operations: ['Describe'] },
  ])
})
afterAll(async () => {
  await kafka?.stop()
  authority.remove()
  stranger.remove()
})

function optionsOf(tls: TlsOptions): KafkaOptions {
  const sasl = {
    mechanism: 'SCRAM-SHA-512' as const,
    username: 'somebody',
    password: { file: password },
  }
  return { brokers: [kafka.address], clock: systemClock, tls, sasl }
}

/** What doctor finds about the one address. */
async function look(tls: TlsOptions) {
  const inspector: Inspector = createInspector(optionsOf(tls))
  try {
    const [finding] = checkBootstrap([await reach(inspector, kafka.address)])
    return finding
  } finally {
    inspector.close()
  }
}

test('a good certificate is taken', async () => {
  expect(await look({ caFile: kafka.caFile })).toMatchObject({ level: 'ok' })
})

test('one from an authority that is not trusted is refused', async () => {
  const finding = await look({ caFile: stranger.caFile })
  expect(finding).toMatchObject({ level: 'fail' })
  expect(finding?.found).toContain('from an authority that is not trusted here')
})

test('one that was revoked is refused', async () => {
  const bad = authority.issue('revoked', NAMES)
  const crlFile = authority.revoke(bad)
  await kafka.present(bad)
  expect(await look({ caFile: kafka.caFile })).toMatchObject({ level: 'ok' })
  expect((await look({ caFile: kafka.caFile, crlFile }))?.found).toContain('was revoked')
})

test('one that has expired is refused', async () => {
  await kafka.present(authority.issue('old', NAMES, -1))
  expect((await look({ caFile: kafka.caFile }))?.found).toContain('has expired')
})

test('one for another host is refused', async () => {
  await kafka.present(authority.issue('elsewhere', 'DNS:kafka.example'))
  expect((await look({ caFile: kafka.caFile }))?.found).toContain('is for another host name')
  const told = { caFile: kafka.caFile, servername: 'kafka.example' }
  expect(await look(told)).toMatchObject({ level: 'ok' })
})

// A client that reads its files once has to be restarted when the authority changes; ours has to go
// on, because a worker that restarts because of a certificate has nothing to do with any service.
test('rotated on both sides it is taken by a client that goes on running', async () => {
  await kafka.present(certificate)
  const caFile = join(authority.folder, 'trusted-now.pem')
  copyFileSync(kafka.caFile, caFile)
  const log: LogPort = createKafkaLog(optionsOf({ caFile }))
  try {
    const before = await log.clusterId()
    await kafka.present(stranger.issue('next', NAMES))
    await expect(askAgain(log)).rejects.toThrow(/not trusted here/)
    copyFileSync(stranger.caFile, caFile)
    expect(await askAgain(log)).toBe(before)
  } finally {
    await log.close()
  }
})

/** Over a connection of its own: what is open stays as it is. */
async function askAgain(log: LogPort): Promise<string> {
  const admin = log.admin()
  try {
    await admin.describeTopics(['hs.nothing'])
    return await log.clusterId()
  } finally {
    await admin.close()
  }
}
