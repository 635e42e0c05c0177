// Configurations of the instances of a service, by version and by content, in a whole task.
import { expect, test } from 'vitest'
import { heartbeat } from '../../support/records.ts'
import { seconds, sensing, signalsOf } from './sense-world.ts'

const edited = (
  instance: string,
  hash: string | null,
  { atMs, version = 6 }: { atMs: number; version?: number },
): ReturnType<typeof heartbeat> =>
  heartbeat({ instance, atMs, level: 2, periodMs: 1_000, config: version, configHash: hash })

test('S1-15: a hand-edited file with the same version is caught by its hash', async () => {
  const names = ['shop-1', 'shop-2', 'shop-3']
  const driver = await sensing(names)
  const beats = (hashes: readonly (string | null)[], version?: number): void => {
    for (const [i, instance] of names.entries()) {
      const at = { atMs: driver.nowMs, ...(version === undefined ? {} : { version }) }
      driver.signal(edited(instance, hashes[i] ?? null, at))
    }
  }
  seconds(driver, 12, () => beats(['a1', 'a1', 'a1']))
  seconds(driver, 9, () => beats(['a1', 'f9', 'a1']))
  expect(signalsOf(driver, 'shop-2')).toEqual([])
  seconds(driver, 4, () => beats(['a1', 'f9', 'a1']))
  expect(names.map((name) => signalsOf(driver, name))).toEqual([[], ['config_drift'], []])
  driver.reload()
  seconds(driver, 2, () => beats(['a1', 'f9', 'a1']))
  expect(names.map((name) => signalsOf(driver, name))).toEqual([[], ['config_drift'], []])
  // The same file again, or a new version that all of them run.
  seconds(driver, 2, () => beats(['a1', 'a1', 'a1']))
  expect(signalsOf(driver, 'shop-2')).toEqual([])
  seconds(driver, 12, () => beats(['b2', 'b2', 'b2'], 7))
  expect(names.map((name) => signalsOf(driver, name))).toEqual([[], [], []])
})

test('two that differ do not say who is right, nor does a beat without a hash', async () => {
  const driver = await sensing(['shop-1', 'shop-2'])
  seconds(driver, 20, (s) => {
    const at = { atMs: driver.nowMs }
    driver.signal(edited('shop-1', 'a1', at))
    driver.signal(edited('shop-2', s % 3 === 0 ? 'f9' : null, at))
  })
  expect(signalsOf(driver, 'shop-1')).toEqual([])
  expect(signalsOf(driver, 'shop-2')).toEqual([])
})
