// Every planted defect is caught by its named case, which passes without it.
import { expect, test } from 'vitest'
import { CASES } from './cases.ts'
import { DEFECTS } from './defects.ts'
import { createMemoryRig, type MemoryRigOptions } from './memory-rig.ts'
import type { ConformanceCase } from './rig.ts'

async function failure(one: ConformanceCase, options: MemoryRigOptions): Promise<unknown> {
  const rig = createMemoryRig(options)
  try {
    await one.run(rig)
    return null
  } catch (error) {
    return error
  } finally {
    await rig.close()
  }
}

test.each(DEFECTS)('$name: caught by $caughtBy', async (defect) => {
  const one = CASES.find(({ id }) => id === defect.caughtBy)
  if (one === undefined) throw new Error(`no case ${defect.caughtBy}`)
  expect(await failure(one, {})).toBe(null)
  const error = await failure(one, defect.rig)
  expect(error, 'the case must fail').toBeInstanceOf(Error)
  // A defect that breaks the case itself (a TypeError, say) would prove nothing.
  expect(error).toHaveProperty('name', expect.stringMatching(/^(AssertionError|LogError)$/))
})

test('at least ten defects, each with a name of its own', () => {
  expect(new Set(DEFECTS.map(({ name }) => name)).size).toBe(DEFECTS.length)
  expect(DEFECTS.length).toBeGreaterThanOrEqual(10)
})
