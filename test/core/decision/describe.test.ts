// The digest of healing: the same records give the same bytes, and what can change a later decision
// changes the digest.
import { describe, expect, test } from 'vitest'
import { describeState } from '../../../src/core/decision/describe.ts'
import { canonical } from '../../../src/core/kernel/canonical.ts'
import { crashed, instance, restarted, World } from './world.ts'

const c = instance('c')

describe('describe', () => {
  test('the same records and facts give the same bytes and the same state', () => {
    const run = (): readonly Uint8Array[] => {
      const world = restarted()
      world.step([instance('a', { incarnation: 2 }), crashed('b'), c], { afterMs: 100 })
      return [
        canonical(world.events),
        canonical(world.commands),
        canonical(describeState(world.state)),
      ]
    }
    expect(run()).toEqual(run())
  })

  test('the digest sees what can change a later decision', () => {
    const world = new World()
    const before = canonical(describeState(world.state))
    world.operator({})
    const held = canonical(describeState(world.state))
    expect(held).not.toEqual(before)
    world.policy()
    expect(canonical(describeState(world.state))).not.toEqual(held)
  })
})
