// Incidents of random worlds: only listed transitions, every one ends or is open, numbers without
// gaps.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IncidentState, ResultOutcome } from '../../../src/contracts/records.ts'
import { isInHand, openIncident } from '../../../src/core/incident/incident.ts'
import { brokenLinks } from '../../../src/core/incident/audit.ts'
import { crashed, erring, idOf, instance, sha256, SHOP, World } from '../decision/world.ts'

/** Written down again from S2-46, not taken from the table. */
const ALLOWED: ReadonlySet<string> = new Set(
  (
    'detected>matched detected>recovered detected>failed matched>repairing matched>escalated ' +
    'matched>recovered matched>failed repairing>verifying repairing>matched repairing>failed ' +
    'verifying>matched verifying>recovered verifying>failed escalated>recovered escalated>failed'
  ).split(' '),
)

const outcomes: readonly ResultOutcome[] = [
  'started',
  'succeeded',
  'failed',
  'refused',
  'timed_out',
  'doubtful',
  'unknown',
]
const moment = fc.record({
  afterMs: fc.constantFrom(0, 1, 2_000, 31_000, 70_000, 700_000),
  a: fc.constantFrom('well', 'well', 'dead', 'dead', 'erring', 'anew', 'absent', 'gone'),
  result: fc.option(fc.constantFrom(...outcomes), { nil: null }),
  behind: fc.boolean(),
})

test('only listed transitions; sequence, chain and attempts without gaps', () => {
  const run = (
    moments: readonly (typeof moment extends fc.Arbitrary<infer M> ? M : never)[],
  ): void => {
    const world = new World()
    world.policy()
    let incarnation = 1
    world.step([instance('a'), instance('b')])
    for (const { afterMs, a, result, behind } of moments) {
      if (a === 'anew') incarnation += 1
      if (result !== null) world.result(result)
      const one = { incarnation }
      const facts = {
        well: instance('a', one),
        anew: instance('a', one),
        dead: crashed('a', one),
        erring: erring('a', one),
        gone: instance('a', { ...one, lifecycle: 'gone' }),
        absent: null,
      }[a]
      world.step(facts === null ? [instance('b')] : [facts, instance('b')], { afterMs, behind })
    }
    const states = new Map<string, { state: IncidentState; seq: number; attempt: number }>()
    for (const { incident_id: id, state, seq, attempt } of world.events) {
      const before = states.get(id)
      if (before === undefined) expect([state, seq]).toEqual(['detected', 1])
      else {
        expect(seq).toBe(before.seq + 1)
        expect([0, 1]).toContain(attempt - before.attempt)
        const move = `${before.state}>${state}`
        if (before.state !== state) expect(ALLOWED.has(move), move).toBe(true)
      }
      states.set(id, { state, seq, attempt })
    }
    const ends = [...states.values()].filter(
      ({ state }) => state !== 'recovered' && state !== 'failed',
    )
    expect(ends.length).toBe(world.state.incidents.size)
    expect(brokenLinks(world.events, new Uint8Array(32), sha256)).toEqual([])
    expect(new Set(world.commands.map(({ command_id: id }) => id)).size).toBe(world.commands.length)
  }
  fc.assert(fc.property(fc.array(moment, { maxLength: 25 }), run), {
    numRuns: Math.min(3_000, Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 300),
  })
})

test('in hand while a command is under way or its effect is watched', () => {
  const at = { id: 'inc-1' as never, service: SHOP, instance: idOf('a'), incarnation: 1 }
  const incident = openIncident(at, 5)
  const inHand = (state: IncidentState): boolean => isInHand({ ...incident, state })
  expect((['repairing', 'verifying'] as const).map(inHand)).toEqual([true, true])
  expect((['detected', 'matched', 'escalated'] as const).map(inHand)).toEqual([false, false, false])
})
