// The way of a record through troubles, and virtual time in slots.
import { describe, expect, it } from 'vitest'
import { Calendar, SLOT_MS } from '../../src/roles/evaluate/campaign/calendar.ts'
import { Path } from '../../src/roles/evaluate/campaign/path.ts'

describe('calendar', () => {
  it('does what is due in the order in which it was asked for, never in the slot of now', () => {
    const calendar = new Calendar(0)
    const done: string[] = []
    calendar.in(SLOT_MS + 1, () => done.push('later'))
    calendar.in(0, () => {
      done.push('first')
      calendar.in(0, () => done.push('again'))
    })
    calendar.at(-5, () => done.push('second'))
    calendar.advance()
    expect(done).toEqual(['first', 'second'])
    calendar.advance()
    expect(done).toEqual(['first', 'second', 'later', 'again'])
    expect(calendar.nowMs).toBe(2 * SLOT_MS)
  })
})

describe('path', () => {
  const arrivals = (make: (path: Path) => void): readonly number[] => {
    const calendar = new Calendar(0)
    const path = new Path(calendar)
    make(path)
    const at: number[] = []
    path.send('signals', () => at.push(calendar.nowMs))
    for (let i = 0; i < 100; i++) calendar.advance()
    return at
  }

  it('takes one slot when nothing is wrong', () => {
    expect(arrivals(() => undefined)).toEqual([SLOT_MS])
  })

  it('loses, delays and doubles, all of it at once', () => {
    expect(arrivals((path) => path.add({ pass: () => [] }))).toEqual([])
    const both = arrivals((path) => {
      path.add({ pass: () => [0, 1_000] })
      path.add({ pass: (topic) => (topic === 'signals' ? [2_000] : []) })
    })
    expect(both).toEqual([2_000, 3_000])
  })

  it('is as before when a trouble is over', () => {
    const trouble = { pass: () => [] }
    const after = arrivals((path) => {
      path.add(trouble)
      path.remove(trouble)
    })
    expect(after).toEqual([SLOT_MS])
  })
})
