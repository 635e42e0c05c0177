// What has come of a scenario: told out of records alone, and never better than they are.
import { expect, test } from 'vitest'
import { commandId, incidentId, instanceId } from '../../../src/contracts/ids.ts'
import type { StoryRecord } from '../../../src/roles/demo/story.ts'
import { type Played, verdictOf } from '../../../src/roles/demo/verdict.ts'
import { aCommand, anEvent, aResult } from '../projector/records.ts'

const event = (appendMs: number, more: Parameters<typeof anEvent>[0]): StoryRecord => ({
  kind: 'incident',
  appendMs,
  event: anEvent({ at_ms: appendMs, ...more }),
})
const order: StoryRecord = { kind: 'command', appendMs: 10_010, command: aCommand() }
const done: StoryRecord = {
  kind: 'result',
  appendMs: 10_200,
  result: aResult({ outcome: 'succeeded' }),
}
const healed: readonly StoryRecord[] = [
  event(10_005, { event: 'detected' }),
  order,
  { ...done, result: aResult({ outcome: 'started' }) },
  done,
  event(12_000, { seq: 3, event: 'recovered', state: 'recovered' }),
]
const played: Played = {
  scenario: 'crash',
  log: 'memory',
  mustAct: ['stock-2'],
  lines: [
    { atMs: 4_000, text: 'policy' },
    { atMs: 10_000, text: 'stock-2 crashes' },
    { atMs: 11_000, text: 'something else' },
  ],
  records: healed,
}

test('an act is timed from the last thing that happened before it was detected', () => {
  const { asExpected, acts, latestIncident } = verdictOf(played)
  expect(asExpected).toBe(true)
  expect(acts).toMatchObject([
    { detectedAfterMs: 5, orderedAfterMs: 10, recoveredAfterMs: 2_000, outcome: 'succeeded' },
  ])
  expect(latestIncident).toBe(acts[0]?.incidentId)
})

test('topics may have been read in any order', () => {
  const reversed = verdictOf({ ...played, records: healed.toReversed() })
  expect(reversed).toEqual(verdictOf(played))
})

test('not done, done to another, done and not seen to recover: each is a problem', () => {
  const problems = (more: Partial<Played>) => verdictOf({ ...played, ...more }).problems
  expect(problems({ records: [] })).toEqual(['nothing was done to stock-2'])
  expect(problems({ mustAct: null })).toEqual([
    'restart of stock-2 was ordered',
    'nothing was noticed: no guard refused, and the fleet was not blind',
  ])
  expect(problems({ mustAct: ['stock-1'] })).toEqual([
    'nothing was done to stock-1',
    'restart of stock-2 was ordered',
  ])
  expect(problems({ records: healed.slice(0, 4) })).toEqual([
    'stock-2 was not seen to recover by restart',
  ])
})

test('a command nobody answered, of an incident nobody told of, has no times', () => {
  const target = { ...aCommand().target, instance: instanceId('stock-2') }
  const strange = aCommand({ target, incident_id: incidentId('inc-other') })
  const command = { ...strange, command_id: commandId('f'.repeat(32)) }
  const records: readonly StoryRecord[] = [{ kind: 'command', appendMs: 9_000, command }, done]
  const { acts } = verdictOf({ ...played, records, lines: [] })
  expect(acts).toMatchObject([
    { detectedAfterMs: null, orderedAfterMs: null, recoveredAfterMs: null, outcome: null },
  ])
})

test('the first guard that refused, with the others, once for each instance', () => {
  const guard = (name: string, passed: boolean) => {
    return { guard: name, passed, value: `v-${name}`, limit: 'l', until_ms: null }
  }
  const guards = [guard('hold', true), guard('storm', false), guard('budget', false)]
  const refused = event(10_006, { event: 'refused', guards })
  const other = event(10_007, { event: 'refused', guards, instance: instanceId('stock-3') })
  const records = [refused, refused, other, event(10_008, { event: 'matched', guards })]
  const { refusals, asExpected } = verdictOf({ ...played, mustAct: null, records })
  expect(asExpected).toBe(true)
  expect(refusals.map(({ instance }) => instance)).toEqual(['stock-2', 'stock-3'])
  expect(refusals[0]).toMatchObject({ guard: 'storm', value: 'v-storm', also: ['budget'] })
})

test('the blindest moment of the fleet, or none', () => {
  const pulse = (seen: number, blind: boolean): StoryRecord => {
    const body = { as_of_ms: 1, reporters_expected: 5, reporters_seen: seen, blind }
    return { kind: 'pulse', appendMs: 1, pulse: body }
  }
  const records = [pulse(5, false), pulse(3, true), pulse(0, true), pulse(2, true)]
  const blind = (more: readonly StoryRecord[]) => verdictOf({ ...played, records: more }).blind
  expect(blind(records)).toEqual({ missing: 5, expected: 5 })
  expect(blind([pulse(0, false)])).toBeNull()
})
