// What an instance says of itself depends on whose hand is on it.
import { expect, test } from 'vitest'
import { Tally } from '../../../src/runtime/agent/tally.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { loneInstance } from './lone-instance.ts'

function failures(n: number) {
  const tally = new Tally()
  for (let i = 0; i < n; i++) tally.add({ ok: false, latencyUs: 10 })
  return tally.snapshot()
}

test('what is counted while held waits and belongs to the next incarnation', () => {
  const { instance, begin, deltas } = loneInstance(new VirtualClock())
  begin(1)
  instance.release()
  instance.counts.add(failures(2), 0)
  instance.hold()
  instance.counts.add(failures(5), 0)
  instance.sendTick(0, null)
  begin(2)
  instance.release()
  instance.sendTick(1_000, null)
  expect(deltas.map(({ n, incarnation }) => [n, incarnation])).toEqual([
    [2, 1],
    [5, 2],
  ])
})

test('a refused connection is told once until the instance answers, never while held', () => {
  const { instance, signals } = loneInstance(new VirtualClock())
  instance.refused()
  expect(signals.length).toBe(0)
  instance.release()
  instance.refused()
  instance.refused()
  expect(signals.length).toBe(1)
  instance.answered()
  instance.refused()
  expect(signals.length).toBe(2)
})

test('a new process is the next incarnation, in the ledger first; versions start anew', () => {
  const { instance, begin, events, entries } = loneInstance(new VirtualClock(), { incarnation: 6 })
  begin(process.pid)
  expect(entries).toMatchObject([{ t: 'instance', incarnation: 7, pid: process.pid }])
  void instance.announce('register')
  void instance.announce('renew')
  begin(process.pid)
  expect(instance.registered).toBe(false)
  void instance.announce('register')
  expect(events.map(({ incarnation, version }) => [incarnation, version])).toEqual([
    [7, 1],
    [7, 2],
    [8, 1],
  ])
})
