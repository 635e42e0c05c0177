// Sealing: topic, partition, key, Avro body, CloudEvents headers, a trace that is a hash.
import { describe, expect, test } from 'vitest'
import { clusterId, taskId } from '../../src/contracts/ids.ts'
import type { Output } from '../../src/core/kernel/step.ts'
import { poisonLetter, seal, type SealContext, traceparent } from '../../src/runtime/seal.ts'
import { toyEncoder } from '../support/toy-core.ts'

const CONTEXT: SealContext = {
  encoder: toyEncoder,
  prefix: 'x.',
  clusterId: clusterId('c1'),
  task: taskId('s3'),
  partition: 3,
  gen: 7,
  behaviour: 2,
}
const PLACE = { id: 's3-41-0', nowMs: 1_700_000_000_000 }
const gone = (key: string): Output => ({ topic: 'registry', key, body: null })

const headers = (output: Output): Record<string, string> =>
  Object.fromEntries(
    (seal(CONTEXT, PLACE, output).headers ?? []).map(({ key, value }) => [
      key,
      Buffer.from(value ?? []).toString(),
    ]),
  )

describe('a sealed output', () => {
  test('lies in the own partition under its key; a tombstone stays one', () => {
    const record = seal(CONTEXT, PLACE, gone('shop/ä'))
    expect(record).toMatchObject({ topic: 'x.registry', partition: 3, value: null })
    expect(Buffer.from(record.key ?? []).toString()).toBe('shop/ä')
    expect(record.timestampMs).toBe(PLACE.nowMs)
  })

  test('is a CloudEvent that has been nowhere but here', () => {
    expect(headers(gone('k'))).toEqual({
      ce_specversion: '1.0',
      ce_type: 'io.healstream.registry',
      ce_source: '/healstream/c1/s3',
      ce_id: 's3-41-0',
      ce_time: '2023-11-14T22:13:20.000Z',
      'content-type': 'application/avro',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      'hs-path': 'c1',
      'hs-behaviour': '2',
    })
  })

  test('is the same bytes again', () => {
    expect(seal(CONTEXT, PLACE, gone('k'))).toEqual(seal(CONTEXT, PLACE, gone('k')))
  })
})

describe('traces', () => {
  test('one per incident, a span per record; another cluster has others', () => {
    const [a, b] = [traceparent(CONTEXT, 'i1', 'r1'), traceparent(CONTEXT, 'i1', 'r2')]
    expect(a.slice(3, 35)).toBe(b.slice(3, 35))
    expect(a.slice(36, 52)).not.toBe(b.slice(36, 52))
    expect(traceparent(CONTEXT, 'i2', 'r1').slice(3, 35)).not.toBe(a.slice(3, 35))
    const elsewhere = { ...CONTEXT, clusterId: clusterId('c2') }
    expect(traceparent(elsewhere, 'i1', 'r1')).not.toBe(a)
  })
})

describe('the letter of a poison record', () => {
  test('keeps the bytes and says where they came from', () => {
    const record = {
      offset: 12,
      timestampMs: 5,
      key: Buffer.from('k'),
      value: Buffer.from([0xff, 0x00]),
      headers: Array.from({ length: 70 }, (_, i) => ({ key: `h${i}`, value: null })),
    }
    const place = { topic: 'signals', partition: 3 } as const
    const letter = poisonLetter(CONTEXT, place, { record, reason: 'Error: boom', nowMs: 99 })
    expect(letter.topic).toBe('x.dlq')
    const body: unknown = JSON.parse(Buffer.from(letter.value ?? []).toString())
    expect(body).toMatchObject({
      origin_topic: 'x.signals',
      origin_partition: 3,
      origin_offset: 12,
      count: 1,
      stage: 'poison',
      task: 's3',
      at_ms: 99,
    })
    expect(body).toHaveProperty('headers.length', 64)
  })
})
