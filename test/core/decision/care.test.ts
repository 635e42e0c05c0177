// What the guards remember goes into images of form 3 alone.
import { expect, test } from 'vitest'
import { loadCare, newCare, saveCare } from '../../../src/core/decision/care.ts'
import { FORM_FIRST, ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, instance } from './world.ts'

test('written and read back; an older form has nothing', () => {
  const world = new CarefulWorld()
  world.begin({ approvals: 1 })
  const names = ['a', 'b', 'c', 'd', 'e']
  world.step(names.map((name) => instance(name)))
  world.step(
    names.map((name) => crashed(name)),
    { afterMs: 1_000 },
  )
  world.approves('ann', world.last.incident_id)
  const { care } = world.state
  expect([care.crowds.size, care.approvals.words.size]).toEqual([1, 1])
  const to = new ImageWriter()
  saveCare(care, to)
  expect(loadCare(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(care)
  const old = new ImageWriter(FORM_FIRST)
  saveCare(care, old)
  expect(old.pieces()).toEqual([])
  const from = new ImageReader(new Uint8Array(0))
  from.form = FORM_FIRST
  expect(loadCare(from)).toEqual(newCare())
})
