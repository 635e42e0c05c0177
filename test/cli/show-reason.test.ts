// `explain reason`: how few records, of how many, and what each of them says.
import { expect, test } from 'vitest'
import { reasonLines, summaryOf } from '../../src/cli/show-reason.ts'
import type { ReasonView } from '../../src/roles/projector/views.ts'
import { anEvent } from '../roles/projector/records.ts'

const plain = (_colour: string, text: string): string => text
const VIEW: ReasonView = {
  event: anEvent({ event: 'commanded', summary: 'restart ordered\u001b[31m', at_ms: 70_000 }),
  since_ms: 5_000,
  among: 1_234,
  tests: 31,
  minimal: true,
  records: [
    {
      topic: 'hs.signals',
      partition: 3,
      offset: 2_662,
      timestamp_ms: 69_997,
      key: 'shop',
      record: { service: 'shop', seq: 9, heartbeat: null, probe: { verdict: 'down', failures: 3 } },
    },
    {
      topic: 'hs.telemetry',
      partition: 3,
      offset: 7,
      timestamp_ms: 60_000,
      key: null,
      record: null,
      undecodable: 'corrupt: 3 bytes',
    },
  ],
}

test('says how few, of how many, and what they are', () => {
  const lines = reasonLines(VIEW, plain)
  expect(lines[0]).toBe(String.raw`commanded: restart ordered\u001b[31m`)
  expect(lines[1]).toMatch(/^enough   2 records of 1234; without any one of them/)
  expect(lines[2]).toMatch(/^looked   31 sets of records since \d\d:00:05[.]000, 1 min 5 s before$/)
  expect(lines.slice(5)).toEqual([
    'BEFORE  RECORD             WHAT',
    '3 ms    hs.signals-3@2662  service "shop", probe verdict "down", probe failures 3',
    '10 s    hs.telemetry-3@7   corrupt: 3 bytes',
  ])
})

test('a search that was ended does not claim that all are needed', () => {
  const lines = reasonLines({ ...VIEW, minimal: false, records: [] }, plain)
  expect(lines[1]).toBe(
    'enough   0 records of 1234; the time ran out, some of them may be needless',
  )
  expect(lines).toHaveLength(4)
})

test('long records are cut, empty fields and lists are left out', () => {
  expect(summaryOf({ a: null, b: '', c: 0, d: [1, 2], e: 'x' })).toBe('e "x"')
  const long = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field${i}`, i + 1]))
  expect(summaryOf(long)).toHaveLength(100)
  expect(summaryOf(null)).toBe('')
})
