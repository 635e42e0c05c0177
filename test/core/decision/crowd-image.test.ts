// Crowds in an image: read back they are what they were, whatever is in them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serviceId } from '../../../src/contracts/ids.ts'
import type { Crowd } from '../../../src/core/decision/crowd.ts'
import { loadCrowds, saveCrowds } from '../../../src/core/decision/crowd-image.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'

const ms = fc.nat(1_000_000)
const onset = fc.record({
  sinceMs: ms,
  notedMs: ms,
  zone: fc.option(fc.constantFrom('a', 'b')),
  version: fc.option(fc.constantFrom('1', '2')),
  evident: fc.boolean(),
  unheard: fc.boolean(),
  requests: fc.boolean(),
  over: fc.boolean(),
})
const cause = fc.record({
  shared: fc.constant('zone' as const),
  value: fc.constantFrom('a', 'b'),
  named: fc.constant({ shared: 'version', value: '2' } as const),
  sinceMs: ms,
  evident: fc.boolean(),
  seen: fc.boolean(),
  fell: fc.nat(9),
  of: fc.nat(9),
  calmSinceMs: fc.option(ms),
})
const storm = fc.record({ sinceMs: ms, seen: fc.boolean(), calmSinceMs: fc.option(ms) })

test('an image holds all that a crowd is', () => {
  fc.assert(
    fc.property(fc.array(onset), fc.option(cause), fc.option(storm), (onsets, held, stands) => {
      const crowd: Crowd = {
        onsets: new Map(onsets.map((one, i) => [`i${i}`, one])),
        causes: new Map(held === null ? [] : [[`zone:${held.value}`, held]]),
        storm: stands,
      }
      const crowds = new Map([[serviceId('shop'), crowd]])
      const to = new ImageWriter()
      saveCrowds(crowds, to)
      expect(loadCrowds(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(crowds)
    }),
    { numRuns: 100 },
  )
})
