// The audit: a chain in which no event can be changed or left out unseen.
import { describe, expect, test } from 'vitest'
import { brokenLinks } from '../../../src/core/incident/audit.ts'
import { instance, restarted, sha256 } from '../decision/world.ts'

const [b, c] = [instance('b'), instance('c')]

describe('the audit', () => {
  test('every event holds the hash of the one before, and a changed one is found', () => {
    const world = restarted()
    world.operator({})
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 100 })
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 3_000 })
    expect(world.events.length).toBeGreaterThan(6)
    const tip = new Uint8Array(32)
    expect(brokenLinks(world.events, tip, sha256)).toEqual([])
    const forged = world.events.with(2, { ...world.last, prev_hash: new Uint8Array(32) })
    expect(brokenLinks(forged, tip, sha256)).not.toEqual([])
    const cut = world.events.toSpliced(3, 1)
    expect(brokenLinks(cut, tip, sha256)).toEqual([3])
  })

  test('sequence numbers count from 1 in each incident and in ops', () => {
    const world = restarted()
    world.operator({})
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 100 })
    const ids = new Set(world.events.map(({ incident_id }) => incident_id))
    for (const id of ids) {
      const seqs = world.events.filter(({ incident_id }) => incident_id === id)
      expect(seqs.map(({ seq }) => seq)).toEqual(seqs.map((_, i) => i + 1))
    }
    expect([...ids]).toContain('ops')
  })
})
