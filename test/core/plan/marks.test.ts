// What plans set on routing: the least share counts, each owner takes back its own and no more.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import {
  leftPercent,
  loadMarks,
  type Mark,
  markOf,
  type Marks,
  noteInFlight,
  release,
  saveMarks,
  setMark,
} from '../../../src/core/plan/marks.ts'

const SHOP = serviceId('shop')
const mark = (owner: string, instance: string, percent: number): Mark => ({
  owner: incidentId(owner),
  service: SHOP,
  instance: instanceId(instance),
  kind: percent === 0 ? 'drain' : 'set_weight',
  percent,
  inFlight: null,
})

test('the least share that anybody has set counts, until its owner takes it back', () => {
  const marks: Marks = new Map()
  const key = viewKey('shop', 'a')
  setMark(marks, mark('i1', 'a', 30))
  setMark(marks, mark('i2', 'a', 0))
  expect(leftPercent(marks, key)).toBe(0)
  noteInFlight(marks, key, 7)
  expect(markOf(marks, key, incidentId('i2'))?.inFlight).toBe(7)
  expect(markOf(marks, key, incidentId('i1'))?.inFlight).toBeNull()
  expect(release(marks, incidentId('i2'), null)).toHaveLength(1)
  expect(leftPercent(marks, key)).toBe(30)
  release(marks, incidentId('i1'), null)
  expect(marks.size).toBe(0)
  expect(leftPercent(marks, key)).toBeNull()
})

test('taking back restores exactly what was before, whatever others did meanwhile', () => {
  const some = fc.record({
    owner: fc.constantFrom('i1', 'i2', 'i3'),
    instance: fc.constantFrom('a', 'b'),
    percent: fc.constantFrom(0, 30, 70),
    takesBack: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(some, { maxLength: 20 }), (all) => {
      const marks: Marks = new Map()
      // The model: by owner and instance.
      const model = new Map<string, number>()
      for (const { owner, instance, percent, takesBack } of all) {
        if (takesBack) {
          release(marks, incidentId(owner), null)
          for (const at of ['a', 'b']) model.delete(`${owner} ${at}`)
        } else {
          setMark(marks, mark(owner, instance, percent))
          model.set(`${owner} ${instance}`, percent)
        }
        for (const at of ['a', 'b']) {
          const set = [...model].filter(([key]) => key.endsWith(` ${at}`)).map(([, share]) => share)
          const least = set.length === 0 ? null : Math.min(...set)
          expect(leftPercent(marks, viewKey('shop', at))).toBe(least)
        }
      }
      const to = new ImageWriter()
      saveMarks(marks, to)
      expect(loadMarks(new ImageReader(Buffer.concat([...to.pieces()])))).toEqual(marks)
    }),
    { numRuns: 200 },
  )
})

test('only marks of the owner on the instance go; each kind goes on in an image', () => {
  const marks: Marks = new Map()
  for (const at of ['a', 'b']) setMark(marks, mark('i1', at, 30))
  const hand = { ...mark('i2', 'a', 0), kind: 'hand' as const }
  setMark(marks, hand)
  const to = new ImageWriter()
  saveMarks(marks, to)
  expect(loadMarks(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(marks)
  expect(release(marks, incidentId('i1'), instanceId('a'))).toEqual([mark('i1', 'a', 30)])
  expect([...marks.values()].flat()).toEqual([hand, mark('i1', 'b', 30)])
})
