// Projector, tail and policy store on the embedded log with the real codec: what another client
// commits is read, what it aborts is not, garbage does not stop anything, and an apply can be
// repeated.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createSerde } from '../../../src/adapters/serde/serde.ts'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import type { LoadedPolicy } from '../../../src/config/policy-file.ts'
import { policyName } from '../../../src/contracts/ids.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import type { EventFields, Instruments } from '../../../src/runtime/instruments.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import { checkedPolicies, PolicyStore } from '../../../src/roles/projector/policy-store.ts'
import { startProjector } from '../../../src/roles/projector/projector.ts'
import type { Projector } from '../../../src/roles/projector/projector.ts'
import { tail, tailRequest } from '../../../src/roles/projector/tail.ts'
import { aHealth, anEvent, aPolicy } from './records.ts'

const PREFIX = 'hs.'
const PARTITIONS = 3
const KINDS = ['health', 'registry', 'incidents', 'commands', 'results', 'policies', 'journal']

let log: MemoryLog
let serde: Serde
const projectors: Projector[] = []
const refused: EventFields[] = []
const instruments: Instruments = {
  emit: (kind, fields) => void (kind === 'record_refused' && refused.push(fields)),
}

beforeEach(async () => {
  log = createMemoryLog()
  serde = await createSerde()
  refused.length = 0
})
afterEach(async () => {
  for (const projector of projectors.splice(0)) await projector.stop()
  await log.close()
})

async function createTopics() {
  const admin = log.admin()
  const topics = KINDS.map((kind) => ({ topic: PREFIX + kind, partitions: PARTITIONS, config: {} }))
  await admin.createTopics(topics)
  await admin.close()
}

function project(): Projector {
  const projector = startProjector({
    log: log.broker.connect(),
    decoder: serde,
    clock: systemClock,
    instruments,
    prefix: PREFIX,
    partitions: PARTITIONS,
  })
  projectors.push(projector)
  return projector
}

const ready = (projector: Projector) =>
  expect.poll(() => projector.notReady(), { timeout: 5_000 }).toEqual([])

function outgoing<K extends keyof RecordOf>(
  topic: K,
  key: string,
  record: RecordOf[K] | null,
): OutgoingRecord {
  const value = record === null ? null : serde.encode(topic, record)
  return {
    topic: PREFIX + topic,
    partition: 1,
    key: encodeUtf8(key),
    value,
    timestampMs: Date.now(),
  }
}

async function send(...records: OutgoingRecord[]) {
  const producer = log.producer()
  await producer.send(records)
  await producer.close()
}

const KEY = viewKey('stock', 'stock-2')

test('what was there before and what comes later is folded; tombstones too', async () => {
  await createTopics()
  await send(outgoing('health', KEY, aHealth({ reason: 'before' })))
  const projector = project()
  await ready(projector)
  expect(projector.model.instances()).toMatchObject([{ reason: 'before' }])
  await send(outgoing('health', KEY, aHealth({ reason: 'later', version: 2 })))
  await expect.poll(() => projector.model.instances()[0]?.reason).toBe('later')
  await send(outgoing('health', KEY, null))
  await expect.poll(() => projector.model.instances()).toEqual([])
})

test('an uncommitted transaction shows nothing; its end shows all of it', async () => {
  await createTopics()
  const projector = project()
  await ready(projector)
  const options = { transactionalId: 't', transactionTimeoutMs: 5_000, deadlineMs: 5_000 }
  const writer = log.writer(options)
  await writer.fence()
  await writer.commit([outgoing('incidents', 'i-1', anEvent())])
  await expect.poll(() => projector.model.incidents()).toMatchObject([{ events: 1 }])
  await writer.close()
})

test('a record that is no Avro is counted and passed over', async () => {
  await createTopics()
  const projector = project()
  await ready(projector)
  await send(
    { ...outgoing('health', KEY, null), value: encodeUtf8('{"not":"avro"}') },
    outgoing('health', KEY, aHealth({ reason: 'after garbage' })),
  )
  await expect.poll(() => projector.model.instances()[0]?.reason).toBe('after garbage')
  expect(refused).toMatchObject([{ topic: 'health', partition: 1, offset: 0 }])
})

test('before its topics exist it says so, and reads as soon as they do', async () => {
  const projector = project()
  await expect.poll(() => projector.notReady().join()).toContain('projector: ')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(projector.notReady()).toHaveLength(1)
  await createTopics()
  await ready(projector)
  await send(outgoing('health', KEY, aHealth()))
  await expect.poll(() => projector.model.instances()).toHaveLength(1)
})

async function collect(topic: string, query: Record<string, string>) {
  const source = { log: log.broker.connect(), decoder: serde, prefix: PREFIX, partitions: 3 }
  const lines = []
  const request = tailRequest(topic, query, PREFIX)
  for await (const line of tail(source, request, new AbortController().signal)) lines.push(line)
  return lines
}

test('tail without follow shows what is there, in order, decodable or not, and ends', async () => {
  await createTopics()
  await send(
    outgoing('health', KEY, aHealth()),
    { ...outgoing('health', KEY, null), value: encodeUtf8('??') },
    outgoing('health', KEY, null),
  )
  const lines = await collect('hs.health', { from: 'earliest', follow: 'false' })
  expect(lines).toMatchObject([
    {
      topic: 'hs.health',
      partition: 1,
      offset: 0,
      key: KEY,
      record: { reason: expect.any(String) },
    },
    { offset: 1, record: null, undecodable: expect.stringContaining('not_avro') },
    { offset: 2, record: null },
  ])
  expect(lines[2]).not.toHaveProperty('undecodable')
  expect(await collect('health', { from: 'earliest', limit: '2' })).toHaveLength(2)
  expect(await collect('registry', { follow: 'false' })).toEqual([])
})

test('tail of a topic with a layout of its own tells sizes', async () => {
  await createTopics()
  const record = { topic: 'hs.journal', partition: 0, key: null, timestampMs: Date.now() }
  await send({ ...record, value: new Uint8Array(17) })
  const lines = await collect('journal', { from: 'earliest', follow: 'false' })
  expect(lines).toMatchObject([{ undecodable: '17 bytes in a layout of their own' }])
})

test('a tail ends when its listener leaves', async () => {
  await createTopics()
  const source = { log: log.broker.connect(), decoder: serde, prefix: PREFIX, partitions: 3 }
  const leave = new AbortController()
  const lines = tail(source, tailRequest('health', {}, PREFIX), leave.signal)
  const first = lines.next()
  setTimeout(() => leave.abort(), 20)
  expect(await first).toEqual({ done: true, value: undefined })
})

test.each([
  ['telemtry', {}, /there is no topic "telemtry"/],
  ['health', { from: 'yesterday' }, /expected earliest or latest/],
  ['health', { limit: '-3' }, /expected 1 or more/],
])('tail %s %j is a usage error', (topic, query, text) => {
  expect(() => tailRequest(topic, query, PREFIX)).toThrow(text)
})

/** A document that differs by its trigger. */
function draft(name: string, limit: number): LoadedPolicy {
  const text = `
apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: ${name} }
spec: { match: { services: [stock] }, trigger: 'error_rate > 0.${limit}', action: restart_instance }
`
  const [policy] = checkedPolicies(text, 'test.yaml')
  if (policy === undefined) throw new Error('no document')
  return policy
}
const BY = { author: 'tester', comment: null, dryRun: false }

async function store() {
  await createTopics()
  const projector = project()
  await ready(projector)
  const options = {
    log,
    encoder: serde,
    clock: systemClock,
    prefix: PREFIX,
    partitions: PARTITIONS,
  }
  return { policies: new PolicyStore({ ...options, model: projector.model }), projector }
}

test('an apply reaches every partition, counts versions, and changes nothing when repeated', async () => {
  const { policies, projector } = await store()
  const both = [draft('a', 1), draft('b', 1)]
  expect(await policies.apply(both, BY)).toMatchObject([
    { name: 'a', version: 1, outcome: 'created' },
    { name: 'b', version: 1, outcome: 'created' },
  ])
  expect(await policies.apply(both, BY)).toMatchObject([
    { version: 1, outcome: 'unchanged' },
    { version: 1, outcome: 'unchanged' },
  ])
  expect(await policies.apply([draft('a', 2)], BY)).toMatchObject([
    { version: 2, outcome: 'updated' },
  ])
  expect(projector.model.policies()).toMatchObject([
    { name: 'a', version: 2, partitions: PARTITIONS },
    { name: 'b', version: 1, partitions: PARTITIONS },
  ])
  expect(await collect('policies', { from: 'earliest', follow: 'false' })).toHaveLength(9)
})

test('a dry run tells what would happen and writes nothing', async () => {
  const { policies, projector } = await store()
  const applied = await policies.apply([draft('a', 1)], { ...BY, dryRun: true })
  expect(applied).toMatchObject([{ version: 1, outcome: 'created', dry_run: true }])
  expect(projector.model.policies()).toEqual([])
})

test('applies at the same moment take turns: no version is given out twice', async () => {
  const { policies, projector } = await store()
  const limits = [1, 2, 3, 4]
  const answers = await Promise.all(limits.map((limit) => policies.apply([draft('a', limit)], BY)))
  expect(answers.map(([applied]) => applied?.version)).toEqual([1, 2, 3, 4])
  expect(projector.model.policies()).toMatchObject([
    { version: 4, document: expect.stringContaining('error_rate > 0.4') },
  ])
})

test('a wrong document is refused with every place in the file', () => {
  const text = 'kind: HealPolicy\nspec: 3\n'
  expect(() => checkedPolicies(text, 'bad.yaml')).toThrow(/^bad[.]yaml:\d+:\d+: error: /)
})

test('a version that reached only some partitions is written again, as the same version', async () => {
  // An apply that died half-way left partition 1 ahead: tasks of the others would judge by nothing.
  const { policies, projector } = await store()
  await send(
    outgoing('policies', 'a', aPolicy({ name: policyName('a'), sha256: draft('a', 1).sha256 })),
  )
  await expect.poll(() => projector.model.policy('HealPolicy', 'a')?.partitions).toBe(1)
  expect(await policies.apply([draft('a', 1)], BY)).toMatchObject([
    { version: 1, outcome: 'updated' },
  ])
  expect(projector.model.policy('HealPolicy', 'a')?.partitions).toBe(PARTITIONS)
})
