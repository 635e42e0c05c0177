// Lanes between two clients: which one the next client gets, and when they end.
import { expect, test } from 'vitest'
import { IdleLanes } from '../../../src/adapters/kafka/idle-lanes.ts'
import type { Lane } from '../../../src/adapters/kafka/wire.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

class OneLane implements Lane {
  isBusy = false
  isClosed = false
  send<T>(): Promise<T> {
    return Promise.reject(new Error('not asked'))
  }
  sendAny<T>(): Promise<T> {
    return Promise.reject(new Error('not asked'))
  }
  close(): void {
    this.isClosed = true
  }
}

test('the one that was used last goes first, and to one client only', () => {
  const idle = new IdleLanes(new VirtualClock())
  const [a, b] = [new OneLane(), new OneLane()]
  idle.give(a)
  idle.give(b)
  expect([idle.take(), idle.take(), idle.take()]).toEqual([b, a, null])
  expect([a.isClosed, b.isClosed]).toEqual([false, false])
})

// A long poll that its reader gave up is still answered first: who came behind it waited for it.
test('one on which an answer is due waits for it', () => {
  const idle = new IdleLanes(new VirtualClock())
  const lane = new OneLane()
  lane.isBusy = true
  idle.give(lane)
  expect(idle.take()).toBeNull()
  lane.isBusy = false
  expect(idle.take()).toBe(lane)
})

test('what was silent for seconds may be dead: it is ended, not given', async () => {
  const clock = new VirtualClock()
  const idle = new IdleLanes(clock)
  const lane = new OneLane()
  idle.give(lane)
  await clock.run(clock.sleep(3_001))
  expect(idle.take()).toBeNull()
  expect(lane.isClosed).toBe(true)
})

test('few are kept, and none behind the end', () => {
  const idle = new IdleLanes(new VirtualClock())
  const lanes = Array.from({ length: 10 }, () => new OneLane())
  for (const lane of lanes) idle.give(lane)
  expect(lanes.filter(({ isClosed }) => isClosed)).toHaveLength(2)
  idle.close()
  const late = new OneLane()
  idle.give(late)
  expect([...lanes, late].every(({ isClosed }) => isClosed)).toBe(true)
})
