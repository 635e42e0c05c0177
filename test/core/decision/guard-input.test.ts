// What the guards are asked, gathered from the facts of a moment and from what is remembered.
import { describe, expect, test } from 'vitest'
import { commandId } from '../../../src/contracts/ids.ts'
import { guardInput, tokenZone } from '../../../src/core/decision/guard-input.ts'
import type { GuardInput } from '../../../src/core/decision/guards.ts'
import { Turn } from '../../../src/core/decision/state.ts'
import { openIncident } from '../../../src/core/incident/incident.ts'
import type { Facts, InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, erring, finding, idOf, instance, service, SHOP, type World } from './world.ts'

const ID = 'inc-1' as never
const AT = { id: ID, service: SHOP, instance: idOf('a'), incarnation: 1 }

interface Asked {
  readonly world?: World
  readonly target?: InstanceFacts
  readonly others?: readonly InstanceFacts[]
  readonly facts?: Partial<Facts>
  readonly incident?: object
}

/** What is asked about acting on the target, now. */
function asked({ world = careful(), target = crashed('a'), ...some }: Asked): GuardInput {
  const { state, nowMs } = world
  const found = service([target, ...(some.others ?? [instance('b')])])
  const moment = { nowMs, stepSeq: 9, behind: false, blind: false, services: [found] }
  const [ready] = [...state.documents.held.values()].flatMap((one) => one.ready ?? [])
  if (ready === undefined) throw new Error('no policy is in force')
  const incident = { ...openIncident(AT, nowMs), ...some.incident }
  const matching = { matches: [], triggered: new Set<string>(), dueMs: null }
  return guardInput(
    new Turn(state, { ...moment, ...some.facts }),
    { service: found, facts: target, matching, incident },
    { ready, sinceMs: nowMs - 400, clauses: [] },
  )
}

function careful(limits: object = {}): CarefulWorld {
  const world = new CarefulWorld()
  world.begin(limits)
  return world
}

describe('the agent beside it', () => {
  test.each([
    ['none', { agent: null }],
    ['silent', { agentHeard: false }],
    ['heard', {}],
  ])('%s', (agent, some) => {
    expect(asked({ target: crashed('a', some) }).agent).toBe(agent)
  })
})

test('one finding that speaks for itself is enough', () => {
  const inferred = finding({ class: 'inferred', detector: 'silence' })
  const of = (findings: InstanceFacts['findings']): boolean =>
    asked({ target: crashed('a', { findings }) }).selfEvident
  expect(of([inferred, finding()])).toBe(true)
  expect(of([inferred])).toBe(false)
})

test('well once counts for the life that was well', () => {
  const world = careful()
  world.state.wellOnce.set(crashed('a').key, 1)
  expect(asked({ world }).wasWell).toBe(true)
  expect(asked({ world, target: crashed('a', { incarnation: 2 }) }).wasWell).toBe(false)
})

test('a command is open while our hand is on the instance', () => {
  const command = { id: commandId('c'.repeat(32)) }
  const of = (state: string): string | null => asked({ incident: { command, state } }).openCommand
  expect([of('repairing'), of('verifying'), of('matched')]).toEqual([command.id, command.id, null])
  expect(asked({ incident: { state: 'repairing' } }).openCommand).toBeNull()
})

test('each behaviour asks what it knows of', () => {
  const of = (behaviour: number): readonly boolean[] => {
    const world = careful()
    world.state.behaviour = behaviour
    const { fleet, care } = asked({ world })
    return [fleet !== null, care !== null]
  }
  expect([of(1), of(2), of(3)]).toEqual([
    [false, false],
    [true, false],
    [true, true],
  ])
})

test('a token has to be of the zone of the target, from behaviour 3 on', () => {
  const { state } = careful()
  expect(tokenZone(state, instance('a', { zone: 'z9' }))).toBe('z9')
  expect(tokenZone(state, instance('a', { zone: null }))).toBe('')
  state.behaviour = 2
  expect(tokenZone(state, instance('a', { zone: 'z9' }))).toBeUndefined()
})

describe('zones', () => {
  const out = { state: 'repairing' as const }
  /** `b` and `c` are in our hand. */
  function busy(): CarefulWorld {
    const world = careful()
    for (const name of ['b', 'c']) {
      const incident = openIncident({ ...AT, instance: idOf(name) }, 0)
      world.state.incidents.set(instance(name).key, { ...incident, ...out })
    }
    return world
  }
  const zoneOf = (own: string | null, zones: readonly (string | null)[]): unknown =>
    asked({
      world: busy(),
      target: crashed('a', { zone: own }),
      others: ['b', 'c', 'd'].map((name, i) => instance(name, { zone: zones[i] ?? null })),
    }).care?.zone

  test('others in which something is in our hand, not the own one and not nobody', () => {
    expect(zoneOf('z1', ['z2', 'z3', 'z4'])).toMatchObject({ name: 'z1', others: ['z2', 'z3'] })
    expect(zoneOf('z1', ['z1', null, 'z4'])).toMatchObject({ others: [] })
  })

  test('how many of the own one are sick', () => {
    expect(zoneOf('z1', ['z1', 'z2', 'z2'])).toMatchObject({ count: { n: 2, sick: 1 } })
  })

  test('one without a zone has none to be counted', () => {
    expect(zoneOf(null, ['z2', 'z3', 'z4'])).toEqual({
      name: null,
      count: { n: 0, sick: 0 },
      others: [],
    })
  })
})

test('a storm and a cause end when they have been calm for as long as the limits say', () => {
  const world = careful({ stormCalmMs: '10s', groupMin: 4, commonMin: 5 })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  world.step(names.map((name) => instance(name)))
  world.step(
    names.map((name) => erring(name)),
    { afterMs: 1_000 },
  )
  const many = { world, target: erring('a'), others: names.slice(1).map((name) => erring(name)) }
  const since = world.nowMs
  const raging = asked(many).care
  expect(raging?.storm).toMatchObject({ sinceMs: since, untilMs: null, seen: true })
  expect(raging?.cause).toMatchObject({ shared: 'service', fell: 6, of: 6, untilMs: null })
  // All are well again.
  world.step(
    names.map((name) => instance(name)),
    { afterMs: 2_000 },
  )
  const calm = asked(many).care
  expect(calm?.storm).toMatchObject({ sinceMs: since, untilMs: world.nowMs + 10_000 })
})

test('doubt stretches nothing where nothing is said of it', () => {
  expect(asked({}).care?.doubt).toEqual({ factor: 1, why: [] })
})

test('what the limits and the policy both say of approvals: the more', () => {
  const needed = (limits: object, policy: object): number | undefined => {
    const world = new CarefulWorld()
    world.policy(policy)
    world.guards(limits)
    return asked({ world }).care?.approval.needed
  }
  expect(needed({ approvals: 2 }, {})).toBe(2)
  expect(needed({ approvals: 1 }, { approvals: 2 })).toBe(2)
  expect(needed({}, {})).toBe(0)
})
