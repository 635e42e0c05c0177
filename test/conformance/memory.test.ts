// The conformance suite on the memory log.
import { expect, test } from 'vitest'
import { CASES } from './cases.ts'
import { createMemoryRig } from './memory-rig.ts'

test('every case has an id of its own', () => {
  const ids = CASES.map((one) => one.id)
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(CASES)('memory · $id: $title', async (one) => {
  const rig = createMemoryRig()
  try {
    await one.run(rig)
  } finally {
    await rig.close()
  }
})
