// A module that fails comes back, alone.
import { expect, test } from 'vitest'
import { RESTART_MS, supervise } from '../../../src/runtime/agent/supervise.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

test('one module fails again and again, the other never notices', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const starts: number[] = []
  const crashes: string[] = []
  let beats = 0
  const onCrash = (name: string, error: unknown): void => {
    crashes.push(`${name}: ${String(error)}`)
    throw new Error('whoever is told fails too')
  }
  const bad = async (): Promise<void> => {
    starts.push(clock.monotonicMs())
    await clock.sleep(100)
    throw new Error('broken')
  }
  const good = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      beats++
      await clock.sleep(50)
    }
  }
  const all = Promise.all([
    supervise({ name: 'bad', run: bad, clock, onCrash }, stop.signal),
    supervise({ name: 'good', run: good, clock, onCrash }, stop.signal),
  ])
  await clock.advance(1_000)
  stop.abort()
  await clock.advance(200)
  await all
  expect(RESTART_MS).toBeLessThan(1_000)
  expect(starts).toEqual([0, 350, 700])
  expect(crashes).toEqual(Array.from({ length: 3 }, () => 'bad: Error: broken'))
  expect(beats).toBe(21)
})

test('a module that returns by itself is started again', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const reasons: string[] = []
  const done = supervise(
    { name: 'm', run: async () => undefined, clock, onCrash: (_, e) => reasons.push(String(e)) },
    stop.signal,
  )
  await clock.advance(RESTART_MS + 10)
  stop.abort()
  await clock.advance(RESTART_MS)
  await done
  expect(reasons).toEqual(['Error: m ended by itself', 'Error: m ended by itself'])
})
