// Who may enter a task, through the task itself: what is refused leaves as a dead letter that says
// what to change.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import { Admission, SKEW_MAX_MS } from '../../../src/core/admit/admit.ts'
import { CoreDriver, START_MS, testContext, testSerde, viewOf } from '../../support/core-driver.ts'
import { delta, heartbeat, result, serviceEvent } from '../../support/records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

const letters = (driver: CoreDriver): unknown[] =>
  driver.bodies('dlq').map(({ origin_topic, stage, reason }) => [origin_topic, stage, reason])

describe('own partition', () => {
  const owner = partitionFor('shop', 12)

  test('a record of another partition is refused with the setting to change', () => {
    const driver = new CoreDriver(serde, { partition: (owner + 1) % 12, partitionCount: 12 })
    driver.telemetry(delta({ atMs: START_MS, ok: 1 }))
    driver.signal(heartbeat({ atMs: START_MS }))
    driver.step()
    expect(letters(driver)).toEqual([
      ['signals', 'admit', 'foreign_partition'],
      ['telemetry', 'admit', 'foreign_partition'],
    ])
    expect(driver.bodies('dlq')[0]?.detail).toContain('partitioner=murmur2_random')
    expect(driver.bodies('health')).toEqual([])
  })

  test('one of the own is taken', () => {
    const driver = new CoreDriver(serde, { partition: owner, partitionCount: 12 })
    driver.telemetry(delta({ atMs: START_MS, ok: 1 }))
    driver.step()
    expect(letters(driver)).toEqual([])
    expect(driver.health('shop', 'shop-1')?.windows[0]?.n).toBe(1)
  })

  test('the key must be the service', () => {
    const driver = new CoreDriver(serde)
    driver.append('telemetry', delta({ atMs: START_MS, ok: 1 }), 'shop-1')
    driver.appendBytes('telemetry', null, serde.encode('telemetry', delta({ atMs: START_MS })))
    driver.step()
    expect(letters(driver)).toEqual([
      ['telemetry', 'admit', 'key_mismatch'],
      ['telemetry', 'admit', 'key_mismatch'],
    ])
  })
})

describe('unreadable', () => {
  test.each(['telemetry', 'signals', 'results', 'service-events', 'policies', 'operator'] as const)(
    'garbage on %s goes to the dead letters and nothing else happens',
    (topic) => {
      const driver = new CoreDriver(serde)
      const key = encodeUtf8('shop')
      driver.appendBytes(topic, key, new Uint8Array([0, 1, 2, 3, 4, 5]))
      driver.appendBytes(topic, key, encodeUtf8('shop, ok, 200'))
      driver.appendBytes(topic, key, null)
      driver.step()
      expect(driver.written.map((output) => output.topic)).toEqual(['dlq', 'dlq', 'dlq'])
      expect(driver.written[0]?.key).toBe(`${topic}-0`)
      expect(letters(driver)).toEqual([
        [topic, 'decode', 'unknown_schema'],
        [topic, 'decode', 'not_avro'],
        [topic, 'decode', 'empty'],
      ])
    },
  )

  test('a value larger than the topic takes is not even decoded', () => {
    const driver = new CoreDriver(serde)
    driver.appendBytes('telemetry', encodeUtf8('shop'), new Uint8Array(65_537))
    driver.step()
    expect(letters(driver)).toEqual([['telemetry', 'admit', 'too_large']])
  })

  test('a count that no tick can have', () => {
    const driver = new CoreDriver(serde)
    driver.telemetry({ ...delta({ atMs: START_MS }), n: 2 ** 33 })
    driver.step()
    expect(letters(driver)).toEqual([['telemetry', 'admit', 'count_too_large']])
  })

  test('one agent that sends only garbage stops nobody', () => {
    const driver = new CoreDriver(serde)
    for (let i = 0; i < 5_000; i++) {
      driver.appendBytes('telemetry', encodeUtf8('bad'), new Uint8Array([9]))
    }
    driver.telemetry(delta({ atMs: START_MS, ok: 1 }))
    driver.step()
    expect(driver.bodies('dlq')).toHaveLength(10)
    expect(driver.health('shop', 'shop-1')?.windows[0]?.n).toBe(1)
    driver.sleep(60_000)
    expect(driver.bodies('dlq').at(-1)).toMatchObject({ count: 4_990 })
  })
})

describe('clocks', () => {
  test('an event time in the future is the append time', () => {
    const driver = new CoreDriver(serde)
    driver.telemetry(delta({ atMs: START_MS + 30_000, ok: 1 }))
    driver.step()
    driver.wait(60_000)
    driver.step()
    driver.sleep(2_000)
    expect(driver.health('shop', 'shop-1')?.windows[0]?.n).toBe(0)
  })

  test('a clock off by more than ten minutes is not believed, and that is told (S0-25)', () => {
    const driver = new CoreDriver(serde)
    driver.telemetry(delta({ atMs: START_MS - SKEW_MAX_MS - 1, ok: 1 }))
    driver.telemetry(delta({ atMs: START_MS + SKEW_MAX_MS + 1, ok: 1 }))
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({
      signals: ['clock_skew'],
      windows: [{ n: 2 }],
    })
    driver.telemetry(delta({ atMs: START_MS, ok: 1 }))
    driver.step()
    expect(driver.health('shop', 'shop-1')?.signals).toEqual([])
  })

  test('a spool may be as old as it says: old counts are not today’s', () => {
    const driver = new CoreDriver(serde)
    driver.telemetry(delta({ atMs: START_MS - 2 * SKEW_MAX_MS, failed: 100, lane: 'backlog' }))
    driver.step()
    expect(driver.health('shop', 'shop-1')).toMatchObject({ signals: [], windows: [{ n: 0 }] })
  })
})

test('a repeat is passed over without a letter', () => {
  const driver = new CoreDriver(serde)
  const one = { ...delta({ atMs: START_MS, ok: 3 }), seq: 8 }
  for (let i = 0; i < 3; i++) driver.append('telemetry', one, 'shop')
  driver.step()
  driver.append('telemetry', one, 'shop')
  driver.step()
  expect(driver.health('shop', 'shop-1')?.windows[0]?.n).toBe(3)
  expect(letters(driver)).toEqual([])
})

test('the state tells skewed agents, and no record is an alias of the buffer', () => {
  const admission = new Admission(testContext(serde))
  admission.advance(START_MS)
  const view = (record: Uint8Array): ReturnType<typeof viewOf> =>
    viewOf({ offset: 1, timestampMs: START_MS, key: encodeUtf8('shop'), value: record })
  const taken = view(serde.encode('results', { ...result({ commandId: 'c' }), seq: 3 }))
  const admitted = admission.result(taken)
  taken.buffer.fill(0)
  expect(admitted).toMatchObject({ record: { command_id: 'c' }, appendMs: START_MS })
  const event = serviceEvent({ atMs: START_MS + SKEW_MAX_MS + 5 })
  expect(admission.serviceEvent(view(serde.encode('service-events', event)))).toMatchObject({
    eventMs: START_MS,
  })
  expect(admission.isSkewed('agent-of-shop-1')).toBe(true)
  expect(admission.describe()).toMatchObject({ skews: [['agent-of-shop-1', SKEW_MAX_MS + 5]] })
})
