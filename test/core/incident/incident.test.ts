// Incidents of random worlds: only listed transitions, every one ends or is open, numbers without
// gaps.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IncidentState, ResultOutcome } from '../../../src/contracts/records.ts'
import { agentId, commandId, incidentId, policyName } from '../../../src/contracts/ids.ts'
import {
  type Incident,
  isInHand,
  loadIncident,
  matchKey,
  openIncident,
  saveIncident,
  targetName,
} from '../../../src/core/incident/incident.ts'
import { brokenLinks } from '../../../src/core/incident/audit.ts'
import {
  FORM_FIRST,
  FORM_JUDGEMENT,
  ImageReader,
  ImageWriter,
} from '../../../src/core/kernel/image.ts'
import { newRun } from '../../../src/core/plan/run.ts'
import { joined } from '../../support/image.ts'
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

const AT = { id: incidentId('inc-1'), service: SHOP, instance: idOf('a'), incarnation: 3 }
const POLICY = { name: policyName('restart-sick'), version: 4, sha256: 'f'.repeat(64) }

/** One with everything in it that an image of the form knows. */
function full(form: number): Incident {
  const incident: Incident = {
    ...openIncident(AT, 5_000),
    state: 'repairing',
    seq: 9,
    attempt: 2,
    command: {
      id: commandId('c'.repeat(32)),
      action: 'restart',
      policy: POLICY,
      agent: agentId('agent-a'),
      agentEpoch: 6,
      incarnation: 3,
      issuedAtMs: 6_000,
      expiresAtMs: 66_000,
      verifyMs: 30_000,
    },
    watch: { effectAtMs: 7_000, deadlineMs: 37_000, certain: true },
    wellSinceMs: 8_000,
    told: new Set(['process_exit', 'silence']),
    matched: new Set([matchKey(POLICY)]),
    refused: new Set(['1 restart-sick hold op-1']),
    guard: 'hold',
    kept: true,
  }
  if (form < FORM_JUDGEMENT) return incident
  const run = newRun({ policy: POLICY, rung: 1, verifyMs: 30_000, targets: [], incarnation: 3 }, 9)
  return { ...incident, run, rungs: new Map([[matchKey(POLICY), 1]]), escalated: true }
}

function readBack(incident: Incident, form: number): Incident {
  const to = new ImageWriter(form)
  saveIncident(incident, to)
  const from = new ImageReader(joined(to.pieces()))
  from.form = form
  const again = loadIncident(from)
  from.end()
  return again
}

test('read back from an image it is the same, in each form', () => {
  for (const form of [FORM_FIRST, FORM_JUDGEMENT]) {
    expect(readBack(full(form), form)).toEqual(full(form))
    expect(readBack(openIncident(AT, 5_000), form)).toEqual(openIncident(AT, 5_000))
  }
  const ofService = { ...full(FORM_JUDGEMENT), instance: null }
  expect(readBack(ofService, FORM_JUDGEMENT)).toEqual(ofService)
})

test('an older form has no place for plans: they are as in a new one', () => {
  const fresh = { run: null, rungs: new Map(), escalated: false }
  expect(readBack(full(FORM_JUDGEMENT), FORM_FIRST)).toEqual({ ...full(FORM_FIRST), ...fresh })
})

test('a new one has said, tried and asked nothing', () => {
  expect(openIncident(AT, 5_000)).toEqual({
    ...AT,
    openedAtMs: 5_000,
    state: 'detected',
    seq: 0,
    attempt: 0,
    command: null,
    watch: null,
    wellSinceMs: null,
    told: new Set(),
    matched: new Set(),
    refused: new Set(),
    guard: null,
    kept: false,
    run: null,
    rungs: new Map(),
    escalated: false,
  })
})

test('people read the service and the instance, or the service alone', () => {
  expect(targetName(AT)).toBe('shop/a')
  expect(targetName({ ...AT, instance: null })).toBe('shop')
  expect(matchKey(POLICY)).toBe('restart-sick@4')
})
