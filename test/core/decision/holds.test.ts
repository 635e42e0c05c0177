// Words of people: what a scope covers, how a hold ends, what is not understood is told.
import { describe, expect, test } from 'vitest'
import { eventId } from '../../../src/contracts/ids.ts'
import type { OperatorRecord, Scope } from '../../../src/contracts/records.ts'
import {
  applyOperator,
  holdOn,
  holdsAtBirth,
  loadHolds,
  saveHolds,
} from '../../../src/core/decision/holds.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'
import { crash, crashed, instance, World } from './world.ts'

const [b, c] = [instance('b'), instance('c')]
const NOBODY = { fleet: false, service: null, instance: null, policy: null }
const scope = (some: object): Scope => ({ ...NOBODY, ...some })

function commandsUnder(hold: Partial<OperatorRecord>): number {
  const world = new World()
  world.policy()
  world.operator(hold)
  crash(world)
  return world.commands.length
}

describe('scopes', () => {
  test.each([
    [{ fleet: true }, 0],
    [{ service: 'shop' }, 0],
    [{ service: 'stock' }, 1],
    [{ service: 'shop', instance: 'a' }, 0],
    [{ service: 'shop', instance: 'b' }, 1],
    [{ service: 'stock', instance: 'a' }, 1],
    [{ policy: 'restart-sick' }, 0],
    [{ policy: 'other' }, 1],
    [{}, 1],
  ])('%j lets %d command through', (some, commands) => {
    expect(commandsUnder({ scope: scope(some) })).toBe(commands)
  })
})

describe('how it ends', () => {
  test('by its own expiry in log time, at which the core asks to be woken', () => {
    const world = new World()
    world.policy()
    world.operator({ expires_at_ms: 1_010_000 })
    world.step([instance('a'), b, c])
    const answer = world.step([crashed('a'), b, c], { afterMs: 1_000 })
    expect(answer.wakeAtMs).toBe(1_010_000)
    world.step([crashed('a'), b, c], { afterMs: 8_999 })
    expect(world.commands).toHaveLength(0)
    world.step([crashed('a'), b, c], { afterMs: 1 })
    expect(world.commands).toHaveLength(1)
  })

  test('by a release that names it, and by no other', () => {
    const world = new World()
    world.policy()
    const hold = world.operator({ kind: 'kill_switch' })
    world.operator({ kind: 'release', refers_to: 'op-99' })
    crash(world)
    expect(world.commands).toHaveLength(0)
    world.operator({ kind: 'release', refers_to: hold.id })
    world.step([crashed('a'), b, c])
    expect(world.commands).toHaveLength(1)
  })
})

test('every word of a person is told once, understood or not', () => {
  const world = new World()
  const hold = world.operator({ reason: 'new\nrelease' })
  world.operator({ kind: 'release', refers_to: hold.id })
  world.operator({ kind: 'release', refers_to: hold.id })
  world.operator({ kind: 'hold', scope: scope({}) })
  world.operator({ kind: 'note', id: eventId('n1') })
  world.operator({ kind: 'manual_command' })
  world.step([b])
  world.step([b])
  expect(world.events.map(({ event, summary }) => `${event}: ${summary}`)).toEqual([
    'held: hold op-1 by ann (new release) is in force',
    'note: release op-2 by ann (looking into it) ends hold op-1',
    'note: release op-3 by ann (looking into it): there is no such hold',
    'note: hold op-4 by ann (looking into it): its scope is empty and selects nothing',
    'note: note n1 by ann (looking into it): kept as a note',
    'note: manual_command op-6 by ann (looking into it): ' +
      'this version does nothing on manual_command',
  ])
})

describe('after a loss of the journal', () => {
  const target = { service: 'shop', instance: 'a', policy: 'restart-sick' }
  const release = (of: string): OperatorRecord => ({
    ...new World().operator({ kind: 'release' }),
    refers_to: of,
  })

  test('everything is held until a person releases it, and says why', () => {
    const holds = holdsAtBirth(1_700_000_000_000)
    expect(holdOn(holds, target)).toMatchObject({ kind: 'hold', actor: 'init --after-loss' })
    expect(applyOperator(holds, release('after-loss-1700000000000')).done).toBe('released')
    expect(holdOn(holds, target)).toBeNull()
  })

  // Story: words of people are read from their beginning again, and with them the release of the
  // loss before.
  test('the release of an older loss does not release this one', () => {
    const holds = holdsAtBirth(1_700_000_000_001)
    expect(applyOperator(holds, release('after-loss-1700000000000')).done).toBe('nothing')
    expect(holdOn(holds, target)).not.toBeNull()
  })

  test('a journal that was never lost holds nothing', () => {
    expect(holdsAtBirth(undefined).size).toBe(0)
  })
})

describe('of several', () => {
  const at = { service: 'shop', instance: 'a', policy: 'restart-sick' }
  const word = (kind: 'hold' | 'kill_switch', some: object = { fleet: true }): OperatorRecord =>
    new World().operator({ kind, scope: scope(some) })

  test('a kill switch is named before a hold, and the first in order of id before others', () => {
    const holds = holdsAtBirth(undefined)
    applyOperator(holds, { ...word('hold'), id: eventId('op-2') })
    applyOperator(holds, { ...word('hold'), id: eventId('op-1') })
    expect(holdOn(holds, at)?.id).toBe('op-1')
    applyOperator(holds, { ...word('kill_switch'), id: eventId('op-9') })
    expect(holdOn(holds, at)?.id).toBe('op-9')
    expect(holdOn(holds, { ...at, policy: 'another' })?.id).toBe('op-9')
  })

  test('they go on in an image, each with its kind and scope', () => {
    const holds = holdsAtBirth(7)
    applyOperator(holds, { ...word('kill_switch', { service: 'shop' }), id: eventId('op-1') })
    applyOperator(holds, {
      ...word('hold', { policy: 'p' }),
      id: eventId('op-2'),
      expires_at_ms: 5,
    })
    const from = new ImageReader(saved((to) => saveHolds(holds, to)))
    expect(loadHolds(from)).toEqual(holds)
    from.end()
    expect(holds.size).toBe(3)
  })
})
