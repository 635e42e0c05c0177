// What a member says of itself: what is written is what is read, what others write says nothing.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMetadata, encodeMetadata } from '../../src/runtime/member-facts.ts'

test('what is written is what is read', () => {
  const warm = fc.record({
    task: fc.nat({ max: 4_095 }),
    owned: fc.boolean(),
    ready: fc.boolean(),
    position: fc.nat({ max: 2 ** 47 }),
  })
  const all = fc.record({
    round: fc.nat({ max: 65_535 }),
    behaviourFrom: fc.nat({ max: 65_535 }),
    behaviourTo: fc.nat({ max: 65_535 }),
    format: fc.nat({ max: 65_535 }),
    tasks: fc.array(warm, { maxLength: 40 }),
  })
  fc.assert(
    fc.property(all, (value) => {
      expect(decodeMetadata(encodeMetadata(value))).toEqual(value)
    }),
  )
})

test('bytes of a stranger say nothing and break nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (metadata) => {
      const facts = decodeMetadata(metadata)
      if (facts.tasks.length > 0) expect(encodeMetadata(facts)).toEqual(metadata)
    }),
  )
})
