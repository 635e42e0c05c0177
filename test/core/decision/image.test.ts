// Healing in an image: what can change a later decision is in it, and read back it decides alike.
import { expect, test } from 'vitest'
import type { HealingState } from '../../../src/core/decision/healing.ts'
import { loadHealing, saveHealing } from '../../../src/core/decision/image.ts'
import { FORM_FIRST, ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { noteInFlight } from '../../../src/core/plan/marks.ts'
import { joined, saved } from '../../support/image.ts'
import { CONTEXT, crashed, instance, restarted, World } from './world.ts'

const [a, b, c] = [instance('a'), instance('b'), instance('c')]
const bytesOf = (state: HealingState): Uint8Array => saved((to) => saveHealing(state, to))

function loaded(bytes: Uint8Array): HealingState {
  const from = new ImageReader(bytes)
  const state = loadHealing(CONTEXT, from)
  from.end()
  return state
}

/** A repair under way, one refused, a hold, and a document taken out of force again. */
function busy(): World {
  const world = restarted()
  world.step([instance('a', { incarnation: 2 }), crashed('b'), c], { afterMs: 100 })
  world.operator({ expires_at_ms: world.nowMs + 60_000 })
  world.document('DetectorSet', 'mild', { match: { services: ['*'] }, samplesMin: 7 })
  world.policy({ for: '1m' }, 'slow')
  world.step([instance('a', { incarnation: 2 }), crashed('b'), crashed('c')], { afterMs: 100 })
  return world
}

test('read back and written again it is the same bytes, and the same state', () => {
  const { state } = busy()
  const bytes = bytesOf(state)
  const again = loaded(bytes)
  expect(bytesOf(again)).toEqual(bytes)
  const { documents, programs: _made, ...rest } = state
  const { documents: sources, programs: _none, ...others } = again
  expect(others).toEqual(rest)
  const versions = (held: HealingState['documents']): unknown =>
    [...held.held].map(([key, one]) => [key, one.version, one.sha256, one.document])
  expect(versions(sources)).toEqual(versions(documents))
  expect(again.streaks.size).toBeGreaterThan(0)
  expect(again.incidents.size).toBe(3)
})

test('the image sees what can change a later decision', () => {
  const world = new World()
  const images = [bytesOf(world.state)]
  world.operator({})
  world.step([a, b, c])
  images.push(bytesOf(world.state))
  world.policy()
  world.step([a, b, c])
  images.push(bytesOf(world.state))
  world.state.behaviour += 1
  images.push(bytesOf(world.state))
  expect(new Set(images.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(4)
})

test('a document that does not fit its hash is refused', () => {
  const bytes = bytesOf(busy().state)
  const at = Buffer.from(bytes).indexOf('"samplesMin":7')
  bytes[at + '"samplesMin":'.length] = '8'.charCodeAt(0)
  expect(() => loaded(bytes)).toThrow(/DetectorSet mild of the image: its SHA-256 is/)
})

test('there is no image in the middle of a step', () => {
  const world = new World()
  world.operator({})
  expect(() => bytesOf(world.state)).toThrow('between steps')
})

test('not with a result and a notice either, however many there are of each', () => {
  const world = restarted()
  world.operator({})
  expect([world.state.results.length, world.state.notices.length]).toEqual([1, 1])
  expect(() => bytesOf(world.state)).toThrow('between steps')
})

test('replicas wanted and marks of plans are in it, from the form on that has them', () => {
  const { state } = busy()
  state.wanted.set('shop', [{ atMs: 5_000, replicas: 4 }])
  noteInFlight(state.marks, 'shop/a', 3)
  const again = loaded(bytesOf(state))
  expect([again.wanted, again.marks]).toEqual([state.wanted, state.marks])
  const to = new ImageWriter(FORM_FIRST)
  saveHealing(state, to)
  const from = new ImageReader(joined(to.pieces()))
  from.form = FORM_FIRST
  const old = loadHealing(CONTEXT, from)
  from.end()
  expect([old.wanted.size, old.marks.size, old.onsets.size]).toEqual([0, 0, 0])
  expect(old.holds).toEqual(state.holds)
})
