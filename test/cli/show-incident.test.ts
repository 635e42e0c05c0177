// `describe` and `explain` print what was recorded, all of it that answers the question, and
// nothing else.
import { expect, test } from 'vitest'
import { describeIncident, explainIncident } from '../../src/cli/show-incident.ts'
import { policyName } from '../../src/contracts/ids.ts'
import type { IncidentView } from '../../src/roles/projector/views.ts'
import { ReadModel } from '../../src/roles/projector/read-model.ts'
import { aCommand, anEvent, aResult } from '../roles/projector/records.ts'

const plain = (_colour: string, text: string): string => text
const at = { partition: 3, key: 'i-1' }

function incident(): IncidentView {
  const model = new ReadModel()
  const policy = { name: policyName('restart-dead'), version: 2, sha256: 'ab'.repeat(32) }
  const evidence = {
    detector: 'consecutive_failures',
    class: 'self_evident' as const,
    since_ms: 9_800,
    value: 5,
    limit: 5,
    unit: 'requests',
    text: 'five requests failed in a row',
    topic: 'telemetry',
    partition: 3,
    offset: 117,
  }
  const clauses = [
    { text: 'health == "unhealthy"', value: 'health = unhealthy', holds: true },
    { text: 'n > 1000', value: 'n = 200', holds: false },
  ]
  const guards = [
    { guard: 'cooldown', passed: true, value: 'none', limit: '10s', until_ms: null },
    { guard: 'last_routable', passed: false, value: '0 left', limit: '1', until_ms: 12_500 },
  ]
  const events = [
    anEvent({ evidence: [evidence] }),
    anEvent({
      seq: 2,
      event: 'refused',
      summary: 'not now',
      at_ms: 10_004,
      policy,
      clauses,
      guards,
    }),
    anEvent({
      seq: 3,
      event: 'recovered',
      state: 'recovered',
      at_ms: 12_871,
      summary: 'well again',
    }),
  ]
  for (const event of events) model.fold({ topic: 'incidents', ...at }, event)
  model.fold({ topic: 'commands', ...at }, aCommand())
  const result = aResult({ outcome: 'refused', refusal: 'stale_gen', ended_at_ms: 10_400 })
  model.fold({ topic: 'results', ...at }, result)
  const view = model.incident('i-1')
  if (view === null) throw new Error('no incident')
  return view
}

test('describe is the timeline with times from the start', () => {
  const lines = describeIncident(incident(), plain)
  expect(lines.slice(1, 3)).toEqual(['target   stock/stock-2', 'state    recovered'])
  expect(lines[3]).toMatch(/lasted 2[.]871 s$/)
  expect(lines.slice(5)).toEqual([
    '   +0.000 s  detected    stock-2 is unhealthy',
    '                         consecutive_failures: five requests failed in a row ' +
      '(5 against 5 requests; self-evident, telemetry-3@117)',
    '   +0.004 s  refused     not now',
    '                         last_routable: 0 left, limit 1',
    '   +2.871 s  recovered   well again',
    '',
    'Command 00112233445566778899aabbccddeeff',
    'action   restart of stock-2 (incarnation 1) by agent-1, enforce',
    'policy   restart-dead v1, attempt 1',
    'issued   +0.010 s, expires 1 min 0 s later',
    'result   +0.400 s  refused: stale_gen',
  ])
})

test('explain shows every clause and guard with value and limit, refused ones too', () => {
  const lines = explainIncident(incident(), plain)
  expect(lines.slice(4)).toEqual([
    '',
    '+0.000 s  detected  stock-2 is unhealthy',
    '  evidence consecutive_failures: five requests failed in a row ' +
      '(5 against 5 requests; self-evident, telemetry-3@117)',
    '',
    '+0.004 s  refused  not now',
    '  policy   restart-dead v2 (sha256 abababababab)',
    '  clause   holds    health == "unhealthy"  [health = unhealthy]',
    '  clause   does not n > 1000  [n = 200]',
    '  guard    passed  cooldown: none, limit 10s',
    '  guard    REFUSED last_routable: 0 left, limit 1, may pass at +2.500 s',
    '',
    'now      recovered: well again',
  ])
})

test('an open incident has no end', () => {
  const model = new ReadModel()
  model.fold({ topic: 'incidents', ...at }, anEvent())
  const view = model.incident('i-1')
  expect(view === null ? [] : describeIncident(view, plain)[3]).toMatch(/, open$/)
})
