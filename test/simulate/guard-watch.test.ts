// What the checker says of guards that rest on what others say, by records that somebody else may
// have written: told are acts on what is held, on an old pulse and in a blind fleet, and no others.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { commandId, eventId, serviceId, taskId } from '../../src/contracts/ids.ts'
import type { Evidence, FleetRecord, OperatorRecord } from '../../src/contracts/records.ts'
import { type GuardCounts, GuardWatch } from '../../src/roles/simulate/guard-watch.ts'
import { aCommand, anEvent } from '../roles/projector/records.ts'
import { testSerde } from '../support/core-driver.ts'
import { operator } from '../support/records.ts'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

const ID = commandId('a'.repeat(32))
const INFERRED: Evidence = {
  detector: 'latency_p99',
  class: 'inferred',
  since_ms: 0,
  value: 1,
  limit: 1,
  unit: 'ms',
  text: 'slow',
  topic: null,
  partition: null,
  offset: null,
}
const EVIDENT: Evidence = { ...INFERRED, class: 'self_evident' }

const bytes = (value: Uint8Array) => {
  return {
    buffer: value,
    offset: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: 0,
    valueEnd: value.length,
    headersStart: value.length,
    headerCount: 0,
  }
}

function watching() {
  const counts: GuardCounts = {
    inferredActs: 0,
    pulseRefusals: 0,
    holdRefusals: 0,
    fleetTakeovers: 0,
  }
  const watch = new GuardWatch('s0', serde, counts)
  const pulse = (asOfMs: number, more: Partial<FleetRecord> = {}, blind = false) => {
    const body: FleetRecord = {
      task: taskId('s0'),
      seq: asOfMs,
      gen: 1,
      at_ms: asOfMs,
      kind: 'pulse',
      pulse: { as_of_ms: asOfMs, reporters_expected: 4, reporters_seen: blind ? 1 : 4, blind },
      grant: null,
      verdict: null,
      ...more,
    }
    return watch.heard('fleet', bytes(serde.encode('fleet', body)))
  }
  const says = (word: OperatorRecord) =>
    watch.heard('operator', bytes(serde.encode('operator', word)))
  /** A command at that time, and the event that tells of it. */
  const acts = (nowMs: number, evidence: Evidence, lease: string | null = 'lease-1') => {
    const body = aCommand({
      command_id: ID,
      lease_id: lease === null ? null : lease,
    })
    const ordered = watch.wrote({ topic: 'commands', key: 'stock', body }, nowMs)
    const event = anEvent({ event: 'commanded', command_id: ID, evidence: [evidence] })
    return ordered ?? watch.wrote({ topic: 'incidents', key: 'stock', body: event }, nowMs)
  }
  return { watch, counts, pulse, says, acts }
}

describe('pulses', () => {
  test('inferred evidence wants one of at most 5 s ago; what is evident does not', () => {
    const { pulse, acts, counts } = watching()
    expect(acts(1_000, INFERRED)).toContain('is inferred, and the last pulse is Infinity ms old')
    expect(pulse(1_000)).toBeNull()
    expect(acts(6_000, INFERRED)).toBeNull()
    expect(acts(6_001, INFERRED)).toContain('the last pulse is 5001 ms old')
    expect(acts(9_000, EVIDENT)).toBeNull()
    expect(counts.inferredActs).toBe(3)
  })

  test('in a blind fleet nothing is done, for as long as that is known', () => {
    const { pulse, acts } = watching()
    pulse(1_000, {}, true)
    expect(acts(2_000, EVIDENT)).toContain('in a blind fleet')
    expect(acts(6_001, EVIDENT)).toBeNull()
  })

  test('of another task they say nothing; without a lease behaviour is an old one', () => {
    const { pulse, acts } = watching()
    pulse(1_000, { task: taskId('s1') })
    expect(acts(1_500, INFERRED)).toContain('is inferred')
    expect(acts(1_500, INFERRED, null)).toBeNull()
  })

  test('rise; another owner is counted, and one before it is told of', () => {
    const { pulse, counts } = watching()
    expect(pulse(1, { seq: 1 })).toBeNull()
    expect(pulse(1, { seq: 1 })).toContain('says 1 of gen 1 after 1 of 1')
    expect(pulse(2, { seq: 2, gen: 2 })).toBeNull()
    expect(counts.fleetTakeovers).toBe(1)
    expect(pulse(3, { seq: 3, gen: 1 })).toContain('says 3 of gen 1 after 2 of 2')
  })
})

describe('holds', () => {
  const scope = { fleet: false, service: serviceId('stock'), instance: null, policy: null }
  const hold = operator({ id: 'h', kind: 'hold', scope })

  test('what is held is left alone until it is released or the hold has run out', () => {
    const { says, acts } = watching()
    says(hold)
    expect(acts(1_000, EVIDENT)).toContain('which is held by h')
    says(operator({ id: 'r', kind: 'release', refers_to: eventId('h') }))
    expect(acts(1_000, EVIDENT)).toBeNull()
    says({ ...hold, expires_at_ms: 2_000 })
    expect(acts(1_999, EVIDENT)).toContain('held')
    expect(acts(2_000, EVIDENT)).toBeNull()
  })

  test('of everything, and of something else', () => {
    const { says, acts } = watching()
    says({ ...hold, scope: { ...scope, service: serviceId('shop') } })
    expect(acts(1_000, EVIDENT)).toBeNull()
    says({ ...hold, scope: { ...scope, fleet: true, service: null } })
    expect(acts(1_000, EVIDENT)).toContain('held')
  })
})

test('a command nobody tells of, an event of a command that is not there', () => {
  const { watch, acts } = watching()
  expect(acts(1, EVIDENT)).toBeNull()
  expect(watch.rest()).toBeNull()
  const event = anEvent({ event: 'commanded', command_id: ID, evidence: [EVIDENT] })
  const told = watch.wrote({ topic: 'incidents', key: 'stock', body: event }, 1)
  expect(told).toContain('is told of and not ordered')
  const body = aCommand({ command_id: ID })
  watch.wrote({ topic: 'commands', key: 'stock', body }, 1)
  expect(watch.rest()).toContain('no incident tells of command')
})

test('refusals are counted by the guard that refused first', () => {
  const { watch, counts } = watching()
  const guard = (name: string) => {
    return { guard: name, passed: false, value: '', limit: '', until_ms: null }
  }
  for (const names of [['hold', 'pulse'], ['pulse'], ['budget', 'pulse']]) {
    const event = anEvent({ event: 'refused', guards: names.map((name) => guard(name)) })
    watch.wrote({ topic: 'incidents', key: 'stock', body: event }, 1)
  }
  expect(counts).toMatchObject({ holdRefusals: 1, pulseRefusals: 1 })
})
