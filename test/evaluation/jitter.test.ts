// False alarms over a bad network on which nothing is wrong (S0-28): ten minutes of the trace here,
// all of it with `healstream eval jitter` and in the long run.
import { expect, it } from 'vitest'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { jitter } from '../../src/roles/evaluate/jitter.ts'
import { heartbeatOnly } from '../../src/roles/evaluate/score/heartbeat.ts'
import { judged } from '../../src/roles/evaluate/score/judged.ts'
import { type JitterTrace, jitterOf } from '../../src/roles/evaluate/traces/jitter.ts'
import { isFull } from '../support/full.ts'

const PART_MS = 600_000

function part(trace: JitterTrace): JitterTrace {
  const messages = trace.messages.filter(({ sentMs }) => sentMs < PART_MS)
  return { ...trace, durationMs: PART_MS, messages }
}

it('S0-28: nothing is commanded, and hardly anything called unhealthy', async () => {
  const trace = part(jitterOf(1))
  const { unhealthy, unstable, commands } = judged(trace, await createSerde())
  const alone = heartbeatOnly(trace, 3)
  expect(unhealthy.all).toBe(200)
  expect(alone.alarmed / alone.all).toBeGreaterThan(0.1)
  expect(unhealthy.alarmed).toBeLessThan(alone.alarmed / 4)
  expect(unstable.alarmed).toBeGreaterThan(unhealthy.alarmed)
  expect(commands).toBe(0)
})

// A silent instance is seen, or the test above would pass with judgement switched off.
it('who is cut off is called unhealthy in every window from then on', async () => {
  const trace = part(jitterOf(1))
  const isCutOff = (sentMs: number): boolean => sentMs >= 300_000
  const messages = trace.messages.filter(
    ({ instance, sentMs }) => instance !== 7 || !isCutOff(sentMs),
  )
  const found = judged({ ...trace, messages }, await createSerde())
  expect(found.unhealthy.alarmed).toBeGreaterThanOrEqual(5)
  expect(found.commands).toBe(0)
})

if (isFull)
  it('S0-28, five traces whole: below 1 % of 6,000 windows', async () => {
    const report = jitter({ seed: 1, seeds: 5, serde: await createSerde() })
    expect(report.judgement).toMatchObject({ all: 6_000 })
    expect(report.ok).toBe(true)
  }, 300_000)
