// What was read for a running task: taken, astray, of a stranger, or with a hole.
import { describe, expect, test } from 'vitest'
import { HsError } from '../../src/contracts/failure.ts'
import { LogTime } from '../../src/runtime/log-time.ts'
import { recordsOf, singly, takeFetched } from '../../src/runtime/running-read.ts'
import { Stepper } from '../../src/runtime/stepper.ts'
import { toyBatch, toyFetched } from '../support/toy-batch.ts'

const at = (offset: number): { topic: string; partition: number; offset: number } => ({
  topic: 'hs.signals',
  partition: 0,
  offset,
})
const made = (): { stepper: Stepper; time: LogTime } => ({
  stepper: new Stepper([{ topic: 'signals', partition: 0 }], [0]),
  time: new LogTime(['signals'], 0, {}),
})
const news = { prefix: 'hs.', monotonicMs: 1 }

describe('what was read', () => {
  test('goes on where the last ended, or is left', () => {
    const { stepper, time } = made()
    const fetched = toyFetched([toyBatch(at(0), ['a', 'b'])], { ...at(0), to: 2 })
    expect(takeFetched(stepper, time, { ...news, fetched })).toBe('taken')
    expect(takeFetched(stepper, time, { ...news, fetched })).toBe('astray')
    const [slice] = stepper.slices()
    expect(recordsOf(slice === undefined ? [] : [slice])).toBe(2)
    expect(time.now(1)).toBe(0)
  })

  test('of a topic or a partition that is no input is a stranger', () => {
    const { stepper, time } = made()
    for (const place of [
      { ...at(0), partition: 1 },
      { ...at(0), topic: 'hs.results' },
      { ...at(0), topic: 'signals' },
    ]) {
      const fetched = toyFetched([], { ...place, to: 0 })
      expect(takeFetched(stepper, time, { ...news, fetched })).toBe('stranger')
    }
  })

  test('with offsets missing is not gone on with', () => {
    const { stepper, time } = made()
    const fetched = { ...toyFetched([], { ...at(0), to: 9 }), gap: { from: 3, to: 5 } }
    const found = takeFetched(stepper, time, { ...news, fetched })
    expect(found).toBeInstanceOf(HsError)
    expect(found).toMatchObject({ code: 'HS_INPUT_CHANGED' })
    expect(stepper.readPositions()).toEqual([0])
  })
})

test('one by one until the last place is passed', () => {
  const { stepper, time } = made()
  const fetched = toyFetched([toyBatch(at(0), ['a', 'b', 'c'])], { ...at(0), to: 3 })
  takeFetched(stepper, time, { ...news, fetched })
  const careful = { until: [2], suspect: null, commitEach: false, left: 10 }
  const first = singly(stepper, careful)
  expect(first.slices).toMatchObject([{ from: 0, to: 1 }])
  expect(first.next).toMatchObject({ left: 9 })
  expect(singly(stepper, careful)).toMatchObject({ slices: [{ from: 1, to: 2 }], next: null })
  expect(singly(stepper, { ...careful, until: null, left: 1 }).next).toBe(null)
  expect(singly(stepper, careful)).toEqual({ slices: [], next: careful })
})
