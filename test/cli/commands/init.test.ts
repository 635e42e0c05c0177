// What is chosen for ever. `init --scale 5` on a cluster of scale 4 said that it was set up before,
// and whoever went on with an `init --scale 5` that had broken off, by `init`, had both.
import { expect, test } from 'vitest'
import { chosen } from '../../../src/cli/commands/init.ts'

test('a new cluster: what is said, else the defaults', () => {
  expect(chosen({}, null)).toEqual({ scale: 4, dev: false })
  expect(chosen({ scale: 5, dev: true }, null)).toEqual({ scale: 5, dev: true })
})

test('one that was begun: as it is, and nothing else', () => {
  const begun = { scale: 5, dev: false } as const
  expect(chosen({}, begun)).toEqual(begun)
  expect(chosen({ scale: 5 }, begun)).toEqual(begun)
  expect(() => chosen({ scale: 4, dev: true }, begun)).toThrow(
    'this cluster was set up with --scale 5 and without --dev',
  )
})
