// A mirror shows a generation whole or not at all, and goes on from where it was.
import { expect, test } from 'vitest'
import { createMemoryViews } from '../../../src/adapters/memory/memory-views.ts'
import { Mirror } from '../../../src/roles/projector/mirror.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import type { ViewStore } from '../../../src/runtime/view-port.ts'
import { health, slice } from '../../conformance/views.ts'

const many = (count: number, version: number) =>
  Array.from({ length: count }, (_, i) => health(`stock\u0000${i}`, i, version))

test('what was read stays until the new generation was read whole', async () => {
  const views = createMemoryViews()
  const { id } = await views.begin()
  await views.write(id, [slice(0, 0, many(3, 1))], 1_000)
  let pages = 0
  const store: ViewStore = {
    ...views,
    name: 'memory',
    read: async (cursor, limit) => {
      if (++pages === 3) throw new Error('cut off in the middle')
      return await views.read(cursor, limit)
    },
  }
  const mirror = new Mirror(store, systemClock)
  expect(await mirror.refresh()).toBe(false)
  expect(mirror.asOfMs).toBe(0)
  await views.publish(id)
  await mirror.refresh()
  const { model } = mirror
  expect(mirror.asOfMs).toBe(1_000)
  const next = await views.begin()
  await views.write(next.id, [slice(0, 0, many(700, 2))], 2_000)
  await views.publish(next.id)
  await expect(mirror.refresh()).rejects.toThrow('cut off')
  expect(mirror.asOfMs).toBe(1_000)
  await mirror.refresh()
  expect(mirror.model).toBe(model)
  expect(mirror.asOfMs).toBe(2_000)
})
