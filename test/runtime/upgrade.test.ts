// What is in force of a task changes once, forward, by an entry.
import { expect, test } from 'vitest'
import { Upgrade } from '../../src/runtime/upgrade.ts'

const NOW = { behaviour: 1, format: 2 }

test('nothing is due before more is wanted than is in force', () => {
  const upgrade = new Upgrade(NOW)
  upgrade.want({ behaviour: 1, format: 2 })
  expect([upgrade.isDue, upgrade.take()]).toEqual([false, null])
})

test('an older member that is there again takes nothing back', () => {
  const upgrade = new Upgrade(NOW)
  upgrade.want({ behaviour: 2, format: 2 })
  upgrade.want({ behaviour: 0, format: 0 })
  expect(upgrade.take()).toEqual({ kind: 'upgrade', behaviour: 2, format: 2 })
  expect(upgrade.behaviour).toBe(2)
  upgrade.want({ behaviour: 1, format: 2 })
  expect(upgrade.take()).toBeNull()
})

test('behaviour and format go together, each as far as it was wanted', () => {
  const upgrade = new Upgrade(NOW)
  upgrade.want({ behaviour: 3, format: 2 })
  upgrade.want({ behaviour: 2, format: 4 })
  expect(upgrade.take()).toEqual({ kind: 'upgrade', behaviour: 3, format: 4 })
})
