// Keys are unique and can be taken apart.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewKey } from '../../src/contracts/view-key.ts'

const part = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '/', '%', '2', '5', 'F', 'f') }),
  fc.string(),
)

describe('viewKey', () => {
  it('leaves plain ids readable', () => {
    expect(viewKey('shop', 'shop-1')).toBe('shop/shop-1')
    expect(viewKey('shop', null)).toBe('shop')
    expect(viewKey('a/b', 'c%d')).toBe('a%2Fb/c%25d')
  })

  it('gives two different pairs two different keys', () => {
    const pair = fc.tuple(part, fc.option(part))
    fc.assert(
      fc.property(pair, pair, ([s1, i1], [s2, i2]) => {
        expect(viewKey(s1, i1) === viewKey(s2, i2)).toBe(s1 === s2 && i1 === i2)
      }),
      { numRuns: 20_000 },
    )
  })

  it('can be taken apart again', () => {
    fc.assert(
      fc.property(part, fc.option(part), (service, instance) => {
        const [s, i] = viewKey(service, instance).split('/')
        const back = (t: string): string => t.replaceAll('%2F', '/').replaceAll('%25', '%')
        expect([back(s ?? ''), i === undefined ? null : back(i)]).toEqual([service, instance])
      }),
      { numRuns: 5_000 },
    )
  })
})
