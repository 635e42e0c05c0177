// Dead letters: bytes as they were, a budget per source, and what came beyond it as a count.
import { describe, expect, test } from 'vitest'
import { topicSpec } from '../../../src/contracts/topics.ts'
import type { RecordView } from '../../../src/contracts/record.ts'
import { encodeUtf8 } from '../../../src/contracts/utf8.ts'
import {
  CONTENTS_BYTES_MAX,
  DeadLetters,
  LETTERS_PER_MINUTE,
  type Refusal,
} from '../../../src/core/admit/dead-letter.ts'
import { viewOf } from '../../support/core-driver.ts'

const MINUTE_MS = 60_000
const refusal: Refusal = {
  topic: 'telemetry',
  partition: 3,
  stage: 'decode',
  reason: 'corrupt',
  detail: 'bad',
  agent: null,
}

function view(offset: number, timestampMs: number, key: string | null = 'shop'): RecordView {
  const bytes = key === null ? null : encodeUtf8(key)
  return viewOf({ offset, timestampMs, key: bytes, value: new Uint8Array([1, 2, 3]) })
}

test('a letter holds the record as it was', () => {
  const letters = new DeadLetters('s3')
  letters.refuse(view(7, 1_000), refusal, 2_000)
  expect(letters.take(2_000)).toEqual([
    {
      origin_topic: 'telemetry',
      origin_partition: 3,
      origin_offset: 7,
      origin_last_offset: 7,
      count: 1,
      timestamp_ms: 1_000,
      key: encodeUtf8('shop'),
      value: new Uint8Array([1, 2, 3]),
      headers: [],
      stage: 'decode',
      reason: 'corrupt',
      detail: 'bad',
      task: 's3',
      at_ms: 2_000,
    },
  ])
  expect(letters.take(2_000)).toEqual([])
})

// A record of four megabytes that came compressed made a letter that hs.dlq does not take, and its
// task stopped.
test('of a record that is larger than a letter may be only the beginning is kept', () => {
  const letters = new DeadLetters('s3')
  const letterOf = (bytes: number) => {
    const value = new Uint8Array(bytes).fill(7)
    const at = { offset: 7, timestampMs: 1_000, key: new Uint8Array(5_000), value }
    letters.refuse(viewOf(at), refusal, 2_000)
    return letters.take(2_000)[0]
  }
  expect(CONTENTS_BYTES_MAX).toBeLessThan(topicSpec('dlq').maxBytes)
  expect(CONTENTS_BYTES_MAX).toBeGreaterThan(topicSpec('operator').maxBytes)
  expect(letterOf(CONTENTS_BYTES_MAX - 5_000)?.value).toHaveLength(CONTENTS_BYTES_MAX - 5_000)
  const cut = letterOf(CONTENTS_BYTES_MAX - 4_999)
  expect(cut?.detail).toBe(
    `bad; of its ${CONTENTS_BYTES_MAX + 1} bytes only the first are kept here`,
  )
  expect(cut?.value).toEqual(new Uint8Array(65_536).fill(7))
  expect(cut?.key).toHaveLength(1_024)
})

test('the bytes are a copy: the buffer of the batch may be used again', () => {
  const letters = new DeadLetters('s3')
  const one = view(7, 1_000)
  letters.refuse(one, refusal, 1_000)
  one.buffer.fill(9)
  expect(letters.take(1_000)[0]?.value).toEqual(new Uint8Array([1, 2, 3]))
})

test('a record without key and value, and headers of which one has no value', () => {
  const letters = new DeadLetters('s3')
  const headers = new Uint8Array([2, 0x61, 4, 8, 9, 4, 0x62, 0x63, 1])
  const bare = { ...viewOf({ offset: 0, timestampMs: 0, key: null, value: null }) }
  letters.refuse({ ...bare, buffer: headers, headersStart: 0, headerCount: 2 }, refusal, 0)
  expect(letters.take(0)[0]).toMatchObject({
    key: null,
    value: null,
    headers: [
      { key: 'a', value: new Uint8Array([8, 9]) },
      { key: 'bc', value: null },
    ],
  })
})

test('a header that claims more than there is ends the list', () => {
  const letters = new DeadLetters('s3')
  const bare = viewOf({ offset: 0, timestampMs: 0, key: null, value: null })
  const lying = new Uint8Array([2, 0x61, 0xfe, 0xff, 0xff, 0xff, 0x0f])
  letters.refuse({ ...bare, buffer: lying, headersStart: 0, headerCount: 2 }, refusal, 0)
  expect(letters.take(0)[0]?.headers).toEqual([])
})

describe('budget', () => {
  test('beyond it a source gets one letter a minute with a count and a range', () => {
    const letters = new DeadLetters('s3')
    for (let offset = 0; offset < 1_000; offset++) {
      letters.refuse(view(offset, 1_000), refusal, 1_000)
    }
    expect(letters.take(1_000)).toHaveLength(LETTERS_PER_MINUTE)
    expect(letters.nextMs()).toBe(MINUTE_MS)
    expect(letters.take(MINUTE_MS - 1)).toEqual([])
    expect(letters.take(MINUTE_MS)).toMatchObject([
      { count: 990, origin_offset: 10, origin_last_offset: 999, value: null, key: null },
    ])
    expect(letters.nextMs()).toBeNull()
  })

  test('is anew the next minute, and another source has its own', () => {
    const letters = new DeadLetters('s3')
    for (let offset = 0; offset < 20; offset++) letters.refuse(view(offset, 0), refusal, 0)
    letters.refuse(view(20, 0, 'stock'), refusal, 0)
    letters.refuse(view(21, 0), { ...refusal, agent: 'agent-1' }, 0)
    expect(letters.take(0)).toHaveLength(LETTERS_PER_MINUTE + 2)
    letters.refuse(view(22, MINUTE_MS), refusal, MINUTE_MS)
    const counts = letters.take(MINUTE_MS).map(({ count }) => count)
    expect(counts.sort((a, b) => a - b)).toEqual([1, 10])
  })

  test('many keys at once do not make many budgets', () => {
    const letters = new DeadLetters('s3')
    for (let i = 0; i < 5_000; i++) letters.refuse(view(i, 0, `k${i}`), refusal, 0)
    expect(letters.take(0).length).toBeLessThanOrEqual(64 + LETTERS_PER_MINUTE)
    expect(letters.refused).toBe(5_000)
    const late = letters.take(MINUTE_MS)
    expect(late.reduce((sum, { count }) => sum + count, 0)).toBe(5_000 - 64 - LETTERS_PER_MINUTE)
  })
})
