// When a service task speaks: once a second while something changes, else every ten, and at once.
import { expect, test } from 'vitest'
import { agentId } from '../../../src/contracts/ids.ts'
import type { Observation } from '../../../src/contracts/records.ts'
import { leaseId } from '../../../src/core/fleet/budget.ts'
import { Holder } from '../../../src/core/fleet/holder.ts'
import { Observer } from '../../../src/core/fleet/observer.ts'
import { serviceTask } from '../../../src/core/fleet/term.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { sha256 } from '../../support/core-driver.ts'

const NOW = 1_800_000_000_000

class Task {
  readonly holder = new Holder()
  observer = new Observer(this.holder)
  heardMs: number | null = NOW
  looks = 0

  zoned = false

  at(ms: number, stirred: boolean = true, stock: number = 0): Observation | null {
    return this.observer.observe({
      nowMs: NOW + ms,
      task: serviceTask(0),
      stock,
      zoned: this.zoned,
      stirred,
      vector: () => {
        this.looks += 1
        const lastMs = this.heardMs
        const reporters = lastMs === null ? [] : [{ agent: agentId('a'), last_ms: lastMs }]
        return { services: [], reporters }
      },
      sha256,
    })
  }
}

test('the first at once, then once a second while agents are heard', () => {
  const task = new Task()
  expect(task.at(0)).toMatchObject({ task: 's0', seq: NOW, urgent: false, waiting: 0 })
  task.heardMs = NOW + 500
  expect(task.at(999)).toBeNull()
  expect(task.at(1_000)).toMatchObject({ at_ms: NOW + 1_000, reporters: [{ last_ms: NOW + 500 }] })
})

test('every ten seconds where there is no agent, and it does not look before', () => {
  const task = new Task()
  task.heardMs = null
  task.at(0)
  for (let ms = 100; ms < 10_000; ms += 100) expect(task.at(ms, false)).toBeNull()
  expect(task.looks).toBe(1)
  expect(task.observer.nextMs(NOW)).toBe(NOW + 10_000)
  expect(task.at(10_000, false)).not.toBeNull()
})

test('looks again in a second where reading was behind and nothing could be told', () => {
  expect(new Task().observer.nextMs(NOW)).toBe(NOW + 1_000)
})

// Otherwise a fleet would be blind for ten seconds more before anybody knew.
test('an agent that falls silent is told of each second', () => {
  const task = new Task()
  task.at(0)
  expect(task.observer.nextMs(NOW)).toBe(NOW + 1_000)
  const told = [1, 2, 3, 4, 5].map((s) => task.at(s * 1_000, false) !== null)
  expect(told).toEqual([false, false, true, true, true])
})

test('at once when a token is waited for and when it is not any more', () => {
  const task = new Task()
  task.at(0)
  task.holder.wait('shop/shop-1', true)
  expect(task.at(10)).toMatchObject({ urgent: true, waiting: 1 })
  expect(task.at(20)).toBeNull()
  task.holder.wait('shop/shop-1', false)
  expect(task.at(30)).toMatchObject({ urgent: true, waiting: 0 })
})

test('one made from an image goes on as the one it was taken of', () => {
  const task = new Task()
  task.at(0)
  const to = new ImageWriter()
  task.observer.save(to)
  const again = new Observer(task.holder)
  again.load(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))
  expect(again).toEqual(task.observer)
})

test('with zones it says what waits in which, and keeps no token that nobody waits for', () => {
  const task = new Task()
  expect(task.at(0)).not.toHaveProperty('wants')
  const lease = { lease_id: leaseId(9), budget: 'zone:a', tokens: 1, deadline_ms: NOW + 9_000 }
  const empty = { pulse: null, verdict: null }
  const head = { task: serviceTask(0), seq: 9, gen: 1, at_ms: NOW, ...empty }
  task.holder.evolve({ ...head, kind: 'grant', grant: lease }, NOW)
  task.zoned = true
  task.holder.wait('shop/shop-1', true, 'b')
  const told = task.at(10, true, 1)
  expect(told?.wants).toEqual([{ zone: 'b', waiting: 1 }])
  expect(told?.leases).toMatchObject([{ lease_id: 'lease-9', settled: true }])
  expect(told).toMatchObject({ gen: 0, stock: 1, fleet_seq: 9 })
})

test('a task whose clock went back goes on counting up', () => {
  const task = new Task()
  expect(task.at(0)?.seq).toBe(NOW)
  task.holder.wait('shop/shop-1', true)
  expect(task.at(-5_000)?.seq).toBe(NOW + 1)
})

test('a lease that runs out is looked at in time, and told', () => {
  const task = new Task()
  task.heardMs = null
  task.at(0, false)
  const lease = { lease_id: leaseId(9), budget: 'fleet', tokens: 1, deadline_ms: NOW + 4_000 }
  const head = { task: serviceTask(0), seq: 9, gen: 0, at_ms: NOW, pulse: null, verdict: null }
  task.holder.evolve({ ...head, kind: 'grant', grant: lease }, NOW)
  expect(task.observer.nextMs(NOW)).toBe(NOW + 4_000)
  expect(task.at(3_999, false, 1)).toBeNull()
  expect(task.at(4_000, false, 1)?.leases).toMatchObject([{ settled: true, spent: 0 }])
})
