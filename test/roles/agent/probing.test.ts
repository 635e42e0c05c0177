// From tries to what is told of an instance.
import { expect, test } from 'vitest'
import type { ProbeReason } from '../../../src/contracts/records.ts'
import { probing } from '../../../src/roles/agent/probing.ts'
import { PROFILES } from '../../../src/runtime/agent/probe.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { loneInstance } from './lone-instance.ts'

async function run(reasons: readonly ProbeReason[], earlyFlush: boolean) {
  const clock = new VirtualClock()
  const lone = loneInstance(clock)
  lone.instance.release()
  let tries = 0
  const stop = new AbortController()
  const done = probing(
    {
      instances: [lone.instance],
      profile: PROFILES.fast,
      probe: async () => {
        const reason = reasons[tries++] ?? 'unavailable'
        return { reason, latencyUs: 1_000, status: reason === 'ok' ? 200 : null }
      },
      clock,
      earlyFlush,
    },
    stop.signal,
  )
  await clock.advance(reasons.length * 100)
  stop.abort()
  await clock.advance(100)
  await done
  const told = lone.signals.map(({ probe, connection }) => probe?.verdict ?? connection?.event)
  return { told, lone }
}

test('a refused connection is told on the first try, the verdict after three', async () => {
  const { told } = await run(['ok', 'refused', 'refused', 'refused', 'refused', 'ok'], true)
  expect(told).toEqual(['up', 'refused', 'down', 'up'])
})

test('without early flush the verdicts alone', async () => {
  const { told } = await run(['ok', 'refused', 'refused', 'refused', 'ok'], false)
  expect(told).toEqual(['up', 'down', 'up'])
})

test('other failures are no refused connection', async () => {
  const { told, lone } = await run(['ok', 'timeout', 'reset', 'bad_status'], true)
  expect(told).toEqual(['up', 'down'])
  expect(lone.instance.verdict).toBe('down')
  expect(lone.signals.at(-1)?.probe).toMatchObject({ reason: 'bad_status', failures: 3 })
})

test('the first answer of an instance that started late registers it', async () => {
  const { lone } = await run(['refused', 'ok', 'ok'], true)
  expect(lone.events.map(({ action }) => action)).toEqual(['register'])
})
