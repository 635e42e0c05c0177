// What a person reads of a scenario: what happened, what was done or why not, and the verdict.
import { expect, test } from 'vitest'
import { alertLine, happenedLine, PlayedLines, verdictLines } from '../../src/cli/scenario-view.ts'
import { incidentId } from '../../src/contracts/ids.ts'
import type { StoryRecord } from '../../src/roles/demo/story.ts'
import type { Verdict } from '../../src/roles/demo/verdict.ts'
import { aCommand, anEvent, aResult } from '../roles/projector/records.ts'

const plain = (_colour: string, text: string): string => text

const incident = (more: Parameters<typeof anEvent>[0]): StoryRecord => {
  return { kind: 'incident', appendMs: 1_500, event: anEvent({ at_ms: 1_500, ...more }) }
}

test('foreign text reaches the terminal without control characters', () => {
  const line = new PlayedLines(plain).line(incident({ summary: 'a\u001B[2Jb\nc' }), 1_000)
  expect(line).toMatch(/^ {2}\+0[.]500 s {2}detected {3}a/)
  for (const control of ['\u001B', '\n']) expect(line).not.toContain(control)
})

test('steps that other lines tell are left out; what all tasks say is told once', () => {
  const lines = new PlayedLines(plain)
  for (const event of ['matched', 'commanded', 'evidence'] as const)
    expect(lines.line(incident({ event }), 0)).toBeNull()
  const held = incident({ event: 'held', incident_id: incidentId('ops'), summary: 'held by A' })
  expect(lines.line(held, 0)).toContain('held by A')
  expect(lines.line(held, 0)).toBeNull()
  const started: StoryRecord = {
    kind: 'result',
    appendMs: 1,
    result: aResult({ outcome: 'started' }),
  }
  expect(lines.line(started, 0)).toBeNull()
  const command: StoryRecord = { kind: 'command', appendMs: 1, command: aCommand() }
  expect(lines.line(command, 0)).toContain('restart stock-2 to ')
})

test('a blind fleet is told when it goes blind and when that changes', () => {
  const lines = new PlayedLines(plain)
  const say = (seen: number, blind: boolean) => {
    const pulse = { as_of_ms: 1, reporters_expected: 5, reporters_seen: seen, blind }
    return lines.line({ kind: 'pulse', appendMs: 1_000, pulse }, 0)
  }
  expect(say(5, false)).toBeNull()
  expect(say(1, true)).toContain('4 of 5 agents are missing: nothing disruptive is done')
  expect(say(1, true)).toBeNull()
  expect(say(0, true)).toContain('5 of 5 agents are missing')
  expect(say(5, false)).toBeNull()
  expect(say(0, true)).toContain('5 of 5')
})

test('lines of the script and of the console sink', () => {
  const line = { atMs: 4_000, text: 'shop-2 crashes' }
  const at = { sinceMs: 1_000, paint: plain }
  expect(happenedLine(line, { ...at, isSetUp: false })).toContain('+3.000 s  HAPPENS    shop-2')
  expect(happenedLine(line, { ...at, isSetUp: true })).toContain('set up     shop-2')
  const alert = alertLine('2026-01-01T00:00:00.000Z firing high → page shop: x', 250, plain)
  expect(alert).toBe('  +0.250 s  alert      firing high → page shop: x')
})

const verdict: Verdict = {
  scenario: 'crash',
  log: 'memory',
  mustAct: null,
  asExpected: true,
  problems: [],
  acts: [],
  refusals: [],
  blind: null,
  escalated: [],
  incidents: 0,
  latestIncident: null,
}
const text = (more: Partial<Verdict>): string =>
  verdictLines({ ...verdict, ...more }, plain).join('\n')

test('nothing done, and why: guards, blindness, a person, or nothing detected', () => {
  expect(text({})).toContain('as expected: nothing was done\n  nothing was detected')
  const refusal = { service: 'shop', guard: 'storm', value: '0 of 5 healthy', limit: '51 %' }
  const refusals = ['shop-1', 'shop-2'].map((instance) => {
    return { ...refusal, instance, also: ['budget'] }
  })
  const told = text({ incidents: 2, refusals, escalated: ['look'], blind: null })
  expect(told).toContain(
    'guard storm for shop-1, shop-2: 0 of 5 healthy, limit 51 %; also against it: budget',
  )
  expect(told).toContain('left to a person: look')
  expect(told).not.toContain('nothing was detected')
  const blind = { missing: 5, expected: 5 }
  expect(text({ blind })).toContain('the fleet was blind: 5 of 5 agents were missing')
  const held = [{ ...refusal, instance: null, guard: 'hold', limit: 'none', also: [] }]
  expect(text({ incidents: 1, refusals: held })).toMatch(/hold for shop: 0 of 5 healthy$/)
})

test('what was not to happen is said first', () => {
  const act = {
    action: 'restart',
    service: 'shop',
    instance: 'shop-2',
    policy: 'p',
    incidentId: 'i',
    detectedAfterMs: 9,
    orderedAfterMs: null,
    outcome: null,
    recoveredAfterMs: null,
  }
  const told = text({ asExpected: false, problems: ['restart of shop-2 was ordered'], acts: [act] })
  expect(told).toContain('NOT as expected (nothing is done): restart of shop-2 was ordered')
  expect(told).toContain('detected after 9 ms, not answered, not seen to recover')
})
