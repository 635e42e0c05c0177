// How far a clock may be off, and what is said when the brokers' clock may not be asked.
import { describe, expect, it } from 'vitest'
import type { Inspector } from '../../../src/adapters/kafka/inspect.ts'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { checkClock, checkSkew } from '../../../src/roles/doctor/clock.ts'
import { systemClock } from '../../../src/runtime/clock.ts'

describe('a clock', () => {
  it.each([
    [0, 'ok'],
    [-500, 'ok'],
    [501, 'warn'],
    [-2_000, 'warn'],
    [2_001, 'fail'],
    [-86_400_000, 'fail'],
  ])('that is %d ms off: %s', (skewMs, level) => {
    expect(checkSkew(skewMs).level).toBe(level)
  })

  it.each([
    [-10_000, 'fail', /later than this clock shows/],
    [0, 'ok', /within 2000 ms/],
    [10_000, 'warn', /nothing was appended just now/],
  ])('%d ms off is seen by append times, as far as it can be', async (offMs, level, words) => {
    const log = createMemoryLog()
    const admin = log.admin()
    const config = { 'message.timestamp.type': 'LogAppendTime' }
    await admin.createTopics([{ topic: 't', partitions: 1, config }])
    const value = new Uint8Array(1)
    const record = { topic: 't', partition: 0, key: null, value, timestampMs: Date.now() }
    await log.producer().send([record])
    const finding = await checkClock({
      inspector: { clocks: () => Promise.resolve(null) } satisfies Pick<Inspector, 'clocks'>,
      admin,
      clock: { ...systemClock, nowMs: () => Date.now() + offMs },
      places: [{ topic: 't', partition: 0 }],
    })
    await log.close()
    expect(finding).toMatchObject({ check: 'clock', level })
    expect(finding.found).toMatch(words)
  })
})
