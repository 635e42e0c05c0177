// Records on their way to a log that is away, in doubt, or takes some of them: order, numbers, and
// what is given up.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Encoder } from '../../../src/contracts/decode.ts'
import { agentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import { BrokerClock } from '../../../src/runtime/agent/broker-clock.ts'
import { Ledger } from '../../../src/runtime/agent/ledger.ts'
import { Publisher } from '../../../src/runtime/agent/publisher.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { LogError, type LogErrorCode } from '../../../src/runtime/log-error.ts'
import type { IdempotentProducer } from '../../../src/runtime/ports.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { resultBody } from './ledger-fixture.ts'

let folder = ''
let ledger: Ledger
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'healstream-publisher-'))
  ledger = Ledger.open({ folder, clusterId: 'c', agentId: 'a', newEpoch: 7 })
})
afterEach(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

/** JSON, so that a test can read what was sent. */
const encoder: Encoder = { encode: (_, record) => Buffer.from(JSON.stringify(record)) }

function rig(answer: (batch: readonly OutgoingRecord[]) => LogErrorCode | 'ok' | 'never') {
  const clock = new VirtualClock()
  const brokerClock = new BrokerClock(clock)
  const sent: OutgoingRecord[] = []
  let calls = 0
  const producer: IdempotentProducer = {
    async send(batch) {
      calls++
      await clock.sleep(1)
      const verdict = answer(batch)
      if (verdict === 'never') await new Promise(() => undefined)
      else if (verdict !== 'ok') throw new LogError(verdict, 'as told')
      sent.push(...batch)
      const { topic, partition } = batch[0] ?? { topic: '', partition: 0 }
      return [{ topic, partition, baseOffset: 0, lastOffset: 0, appendMs: 5_000 }]
    },
    close: async () => undefined,
  }
  const publisher = new Publisher({
    producer,
    encoder,
    clock,
    brokerClock,
    instruments: SILENT,
    ledger,
    agent: agentId('a'),
    clusterId: 'c',
    prefix: 'hs.',
    partitions: 12,
  })
  const beat = (): Promise<boolean> =>
    publisher.signal({
      service: serviceId('shop'),
      instance: instanceId('shop-1'),
      incarnation: 1,
      at_ms: clock.nowMs(),
      kind: 'heartbeat',
      heartbeat: null,
      probe: null,
      connection: null,
      process: null,
      breaker: null,
      agent_notice: null,
    })
  const seqs = (): readonly number[] =>
    sent.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()).seq)
  return { clock, brokerClock, publisher, beat, sent, seqs, calls: () => calls }
}

describe('a record', () => {
  test('lies in the partition of its service, numbered, with the headers of an event', async () => {
    const { clock, brokerClock, beat, sent } = rig(() => 'ok')
    const done = beat()
    await clock.advance(10)
    expect(await done).toBe(true)
    const [record] = sent
    expect(record?.partition).toBe(partitionFor('shop', 12))
    expect(String(record?.key && Buffer.from(record.key))).toBe('shop')
    const headers = (record?.headers ?? []).map(({ key, value }) => [
      key,
      Buffer.from(value ?? []).toString(),
    ])
    expect(Object.fromEntries(headers)).toEqual({
      ce_specversion: '1.0',
      ce_type: 'io.healstream.signals',
      ce_source: '/agents/a',
      ce_id: 'a/7/live/1',
      ce_time: new Date(clock.nowMs() - 10).toISOString(),
      'content-type': 'application/avro',
      'hs-path': 'c',
    })
    expect(brokerClock.nowMs()).toBeGreaterThanOrEqual(5_000)
  })

  test('sent in the same turn as others goes out with them', async () => {
    const { clock, beat, seqs, calls } = rig(() => 'ok')
    const done = Promise.all([beat(), beat(), beat()])
    await clock.advance(10)
    expect(await done).toEqual([true, true, true])
    expect(seqs()).toEqual([1, 2, 3])
    expect(calls()).toBe(1)
  })
})

describe('a log', () => {
  test.each<LogErrorCode>(['UNAVAILABLE', 'IN_DOUBT', 'NOT_AUTHORIZED'])(
    'that answers %s is asked again, in order, more and more slowly',
    async (code) => {
      let down = true
      const { clock, beat, seqs, calls } = rig(() => (down ? code : 'ok'))
      const first = beat()
      await clock.advance(50)
      const second = beat()
      await clock.advance(10_000)
      expect(calls()).toBeLessThan(20)
      down = false
      await clock.advance(2_000)
      expect(await Promise.all([first, second])).toEqual([true, true])
      expect(seqs()).toEqual([1, 2])
    },
  )

  test('that refuses one record gets the others', async () => {
    const { clock, beat, seqs } = rig((batch) =>
      batch.some(({ value }) => Buffer.from(value ?? []).includes('"seq":2')) ? 'TOO_LARGE' : 'ok',
    )
    const done = Promise.all([beat(), beat(), beat()])
    await clock.advance(100)
    expect(await done).toEqual([true, false, true])
    expect(seqs()).toEqual([1, 3])
  })

  test('that is away for long costs telemetry and signals, never results', async () => {
    let down = true
    const { clock, publisher, beat, seqs } = rig(() => (down ? 'UNAVAILABLE' : 'ok'))
    const beats = Array.from({ length: 20_000 }, beat)
    const result = publisher.result(resultBody('succeeded'))
    await clock.advance(100)
    down = false
    await clock.advance(10_000)
    expect(await result).toBe(true)
    const settled = await Promise.all(beats)
    expect(settled.filter((sent) => sent).length).toBeLessThanOrEqual(8_192 + 256)
    expect(settled.at(-1)).toBe(true)
    const found = seqs()
    expect([...found].sort((a, b) => a - b)).toEqual(found)
  })

  test('that never answers does not hold up the end', async () => {
    const { clock, publisher, beat } = rig(() => 'never')
    void beat()
    await clock.advance(10)
    const waiting = beat()
    const closed = publisher.close(500)
    await clock.advance(600)
    await closed
    expect(await waiting).toBe(false)
    expect(await beat()).toBe(false)
  })
})
