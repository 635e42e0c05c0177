// The audit: a chain in which no event can be changed or left out unseen.
import { describe, expect, test } from 'vitest'
import {
  Audit,
  brokenLinks,
  loadChain,
  newChain,
  saveChain,
} from '../../../src/core/incident/audit.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'
import { CONTEXT, instance, restarted, sha256, SHOP } from '../decision/world.ts'

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

  test('a link of another length is broken, whatever its bytes', () => {
    const world = restarted()
    const forged = world.events.with(1, { ...world.last, prev_hash: new Uint8Array(0) })
    expect(brokenLinks(forged, new Uint8Array(32), sha256)).toContain(1)
  })

  test('an event of the task itself names no instance, no life and no state', () => {
    const chain = newChain()
    const audit = new Audit(CONTEXT, chain, { nowMs: 5_000, stepSeq: 7, behaviour: 3 })
    const said = { event: 'refused', summary: 'a document was refused' } as const
    const { body: first } = audit.ops(said, null)
    expect(first).toEqual({
      ...said,
      evidence: [],
      policy: null,
      clauses: [],
      guards: [],
      command_id: null,
      action: null,
      outcome: null,
      facts: {},
      incident_id: 'ops',
      seq: 1,
      service: 'ops',
      instance: null,
      incarnation: 0,
      state: 'unknown',
      attempt: 0,
      at_ms: 5_000,
      task: 's0',
      step_seq: 7,
      behaviour: 3,
      prev_hash: new Uint8Array(32),
    })
    const { body: second } = audit.ops({ ...said, to: 'matched' }, SHOP)
    expect(second).toMatchObject({ seq: 2, service: 'shop', state: 'unknown' })
    expect(second).not.toHaveProperty('to')
  })

  test('the chain goes on where an image left it', () => {
    const chain = { tip: sha256(new Uint8Array([1])), opsSeq: 41 }
    expect(loadChain(new ImageReader(saved((to) => saveChain(chain, to))))).toEqual(chain)
  })
})
