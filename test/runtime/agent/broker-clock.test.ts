// The broker's time as an agent knows it, whatever its host's clock says.
import { expect, test } from 'vitest'
import { BrokerClock } from '../../../src/runtime/agent/broker-clock.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

test('unknown before the first answer, then on with monotonic time', async () => {
  const clock = new VirtualClock(5)
  const broker = new BrokerClock(clock)
  expect(broker.nowMs()).toBeNull()
  await clock.advance(100)
  broker.observe(1_700_000_000_000)
  await clock.advance(250)
  expect(broker.nowMs()).toBe(1_700_000_000_250)
})

test('an answer that was long under way does not set it back', async () => {
  const clock = new VirtualClock(5)
  const broker = new BrokerClock(clock)
  broker.observe(1_000_000)
  await clock.advance(1_000)
  broker.observe(1_000_200)
  expect(broker.nowMs()).toBe(1_001_000)
})
