// The sum of a fault's story out of records alone, whatever order the topics were read in.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { healingState, summarise } from '../../../src/roles/demo/healing.ts'
import type { Broken } from '../../../src/roles/demo/healing.ts'
import type { StoryRecord } from '../../../src/roles/demo/story.ts'
import { aCommand, anEvent, aResult } from '../projector/records.ts'

const victim = { service: 'stock', instance: 'stock-2', pid: 100, port: 1, token: '' }
const broken: Broken = { log: 'memory', fault: 'crash', faultAt: 10_000, victim, text: '' }

const event = (appendMs: number, more: Parameters<typeof anEvent>[0]): StoryRecord => ({
  kind: 'incident',
  appendMs,
  event: anEvent({ at_ms: appendMs, ...more }),
})
const result = (appendMs: number, more: Parameters<typeof aResult>[0]): StoryRecord => ({
  kind: 'result',
  appendMs,
  result: aResult(more),
})

const story: readonly StoryRecord[] = [
  event(10_005, {}),
  { kind: 'command', appendMs: 10_010, command: aCommand() },
  result(10_200, { outcome: 'succeeded', facts: { pid_before: '100', pid_after: '200' } }),
  event(12_000, { seq: 2, event: 'effective', state: 'verifying' }),
  event(12_000, { seq: 3, event: 'recovered', state: 'recovered' }),
]
const sum = {
  log: 'memory',
  fault: 'crash',
  faultAt: 10_000,
  detectedAt: 10_005,
  commandAt: 10_010,
  actedAt: 10_200,
  recoveredAt: 12_000,
  commands: 1,
  oldPid: 100,
  newPid: 200,
}

describe('a healed fault', () => {
  test('is summed up whatever order its records were read in', () => {
    const orders = fc.shuffledSubarray([...story], { minLength: story.length })
    fc.assert(
      fc.property(orders, (records) => {
        expect(summarise(records, broken)).toEqual(sum)
        expect(healingState(records, broken)).toBe('recovered')
      }),
    )
  })

  test('knows only what has been read so far', () => {
    expect(summarise([], broken)).toEqual({
      ...sum,
      detectedAt: null,
      commandAt: null,
      actedAt: null,
      recoveredAt: null,
      commands: 0,
      newPid: null,
    })
    expect(healingState(story.slice(0, 4), broken)).toBe('open')
  })

  test('is not mixed up with another incident, an earlier one, or another instance', () => {
    const others: readonly StoryRecord[] = [
      event(9_000, { incident_id: incidentId('earlier') }),
      event(9_900, { incident_id: incidentId('earlier'), seq: 2, state: 'recovered' }),
      event(10_001, { incident_id: incidentId('else'), instance: instanceId('stock-1') }),
      event(10_002, { incident_id: incidentId('shop'), service: serviceId('shop') }),
    ]
    expect(summarise([...others, ...story], broken)).toEqual(sum)
    expect(healingState(others, broken)).toBe('open')
  })
})

// A slow or hanging stock made its callers slow, they were restarted, and the sum said "1 command",
// because it counted those of the broken service only.
test('every command counts, also one for another instance or another service', () => {
  const target = aCommand().target
  const others = [
    aCommand({ target: { ...target, instance: instanceId('stock-1') } }),
    aCommand({ target: { ...target, service: serviceId('shop'), instance: instanceId('shop-1') } }),
  ]
  const records: readonly StoryRecord[] = [
    ...story,
    ...others.map((command) => ({ kind: 'command' as const, appendMs: 11_000, command })),
  ]
  expect(summarise(records, broken).commands).toBe(3)
})

test('a failed act is no act; an incident that failed or was escalated is over', () => {
  const failed = result(10_200, { outcome: 'failed' })
  expect(summarise([...story.slice(0, 2), failed], broken)).toMatchObject({
    actedAt: null,
    newPid: null,
  })
  for (const state of ['failed', 'escalated'] as const)
    expect(healingState([...story.slice(0, 2), event(11_000, { seq: 2, state })], broken)).toBe(
      state,
    )
})
