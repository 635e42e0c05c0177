// Order and start of the upcasters, on a table of the test's own.
import { expect, it } from 'vitest'
import type { RecordOf } from '../../src/contracts/records.ts'
import { type Upcasters, UPCASTERS, upcast } from '../../src/contracts/upcast.ts'
import { fullDelta } from './telemetry-fixture.ts'

type Delta = RecordOf['telemetry']
const times =
  (factor: number) =>
  (delta: Delta): Delta => ({ ...delta, sum_us: delta.sum_us * factor })
const plus =
  (more: number) =>
  (delta: Delta): Delta => ({ ...delta, sum_us: delta.sum_us + more })

/** Version 1 wrote milliseconds, version 2 forgot 5. */
const table: Upcasters = {
  telemetry: [
    { from: 1, up: times(1_000) },
    { from: 2, up: plus(5) },
  ],
}

it.each([
  [1, 7_005],
  [2, 12],
  [3, 7],
])('brings a record of version %i to the current one', (version, sum) => {
  const delta = { ...fullDelta(), sum_us: 7 }
  expect(upcast('telemetry', version, delta, table)).toEqual({ ...delta, sum_us: sum })
  expect(delta.sum_us).toBe(7)
})

it('leaves other topics alone, and today every record', () => {
  expect(upcast('telemetry', 1, fullDelta())).toEqual(fullDelta())
  expect(Object.keys(UPCASTERS)).toEqual([])
})
