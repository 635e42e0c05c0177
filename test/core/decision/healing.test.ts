// The life of an incident from its detection to its end, as it stands in the audit.
import { describe, expect, test } from 'vitest'
import { GUARDS } from '../../../src/core/decision/guards.ts'
import {
  detectorLimits,
  detectorSettings,
  overlay,
  readsOf,
} from '../../../src/core/decision/healing.ts'
import { crash, crashed, erring, finding, idOf, instance, service, SHOP, World } from './world.ts'

const [a, b, c] = [instance('a'), instance('b'), instance('c')]

describe('a crash', () => {
  test('is detected, matched, commanded at once; acted, effective, recovered after', () => {
    const world = new World()
    world.policy()
    world.step([a, b, c])
    const answer = world.step([crashed('a'), b, c], { afterMs: 1_000 })
    expect(answer.urgent).toBe(true)
    expect(answer.outputs.map(({ topic }) => topic)).toEqual([
      'incidents',
      'incidents',
      'commands',
      'incidents',
    ])
    expect(world.said()).toEqual(['detected:detected', 'matched:matched', 'commanded:repairing'])
    expect(world.commands[0]).toMatchObject({
      action: 'restart',
      target: {
        cluster_id: 'cluster-1',
        service: 'shop',
        instance: 'a',
        incarnation: 1,
        agent: 'agent-a',
        agent_epoch: 1,
      },
      gen: 0,
      seq: 1,
      attempt: 1,
      mode: 'enforce',
      policy: 'restart-sick',
      issued_at_ms: 1_001_000,
      expires_at_ms: 1_061_000,
    })
    expect(world.last.summary).toBe(
      'restart of shop/a ordered from agent agent-a, attempt 1, valid for 1 min',
    )
    expect(world.last.guards.every(({ passed }) => passed)).toBe(true)
    // Behaviour 1 asks neither what the fleet task says nor what came with behaviour 3.
    expect(world.last.guards).toHaveLength(GUARDS.length - 8)

    world.result('started')
    expect(world.step([crashed('a'), b, c], { afterMs: 100 }).outputs).toEqual([])
    world.result('succeeded', { facts: { pid_before: '12', pid_after: '34' } })
    const acted = world.step([instance('a', { incarnation: 2, health: 'unknown' }), b, c], {
      afterMs: 900,
    })
    expect(acted.cuts).toEqual([{ service: 'shop', instance: 'a', atMs: 1_002_000 }])
    expect(world.said()).toEqual(['acted:verifying'])
    expect(world.last.facts).toMatchObject({ pid_before: '12', pid_after: '34' })

    const well = instance('a', { incarnation: 2 })
    expect(world.step([well, b, c], { afterMs: 500 }).wakeAtMs).toBe(1_004_500)
    world.step([well, b, c], { afterMs: 1_999 })
    expect(world.said()).toEqual([])
    world.step([well, b, c], { afterMs: 1 })
    expect(world.said()).toEqual(['effective:verifying', 'recovered:recovered'])
    expect(world.last.summary).toBe('shop/a has recovered after 3.5 s, by restart, attempt 1')
    expect(overlay(world.state, SHOP, idOf('a'))).toEqual({
      routable: null,
      guard: null,
      incidentId: null,
      maxPercent: null,
    })
  })

  test('without a policy is only told; clearing by itself recovers without us', () => {
    const world = crash()
    expect(world.said()).toEqual(['detected:detected'])
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 1_000 })
    world.step([instance('a', { incarnation: 2 }), b, c], { afterMs: 2_000 })
    expect(world.said()).toEqual(['recovered:recovered'])
    expect(world.last.summary).toContain('without an effect of ours')
    expect(world.commands).toEqual([])
  })

  test('an instance that leaves while its incident is open: failed', () => {
    const world = crash()
    world.step([b, c], { afterMs: 100 })
    expect(world.said()).toEqual(['detected:detected', 'failed:failed'])
    const gone = crash()
    gone.step([crashed('a', { lifecycle: 'gone' }), b, c])
    expect(gone.said()).toEqual(['detected:detected', 'failed:failed'])
  })

  test('more evidence is told once per detector', () => {
    const world = crash()
    const silent = finding({ detector: 'silence', class: 'inferred', text: 'nothing heard' })
    const worse = crashed('a', { findings: [finding(), silent] })
    world.step([worse, b, c])
    world.step([worse, b, c])
    world.step([crashed('a'), b, c])
    world.step([worse, b, c])
    expect(world.said()).toEqual(['detected:detected', 'evidence:detected'])
    expect(world.last.summary).toBe('also seen: nothing heard')
  })
})

describe('what is said elsewhere', () => {
  test('a refusal is told once per cause, not per step, and the wake time is the guard’s', () => {
    const world = new World()
    world.policy()
    const quiet = finding({ detector: 'silence', class: 'inferred', sinceMs: 1_000_500 })
    const sick = instance('a', { health: 'unhealthy', findings: [quiet], link: 'offline' })
    world.step([a, b, c])
    const first = world.step([sick, b, c], { afterMs: 1_000 })
    expect(world.said().at(-1)).toBe('refused:matched')
    expect(world.last.summary).toMatch(
      /by guard settle: stands for 500 ms, limit 1.5 s; may pass in 1 s/,
    )
    expect(first.wakeAtMs).toBe(1_002_000)
    world.step([sick, b, c], { afterMs: 500 })
    expect(world.said()).toEqual([])
    world.step([sick, b, c], { afterMs: 500 })
    expect(world.said()).toEqual(['commanded:repairing'])
  })

  test('overlay: in hand is not routable; kept because it is the last stays routable', () => {
    const world = new World()
    world.policy()
    crash(world)
    const incidentId = world.last.incident_id
    expect(overlay(world.state, SHOP, idOf('a'))).toEqual({
      routable: false,
      guard: null,
      incidentId,
      maxPercent: null,
    })
    expect(overlay(world.state, SHOP, idOf('b')).incidentId).toBeNull()
    const alone = new World()
    alone.policy()
    alone.step([a])
    alone.step([erring('a')], { afterMs: 1_000 })
    expect(overlay(alone.state, SHOP, idOf('a'))).toMatchObject({
      routable: true,
      guard: 'last_routable',
    })
  })

  test('detector limits come from the sets in force', () => {
    const world = new World()
    world.document('DetectorSet', 'd', { match: { services: ['shop'] }, settleMs: 7 })
    expect(detectorLimits(world.state, SHOP).settleMs).toBe(7)
  })

  test('a step that is behind, or blind, takes no action and says so', () => {
    for (const how of ['behind', 'blind'] as const) {
      const world = new World()
      world.policy()
      world.step([a, b, c])
      world.step([crashed('a'), b, c], { afterMs: 1_000, [how]: true })
      expect(world.commands).toEqual([])
      expect(world.last.summary).toContain(`refused by guard ${how}`)
      world.step([crashed('a'), b, c], { afterMs: 10 })
      expect(world.commands).toHaveLength(1)
    }
  })
})

test('what the policies in force read of the figures of a service', () => {
  const reads = (trigger: string): string => {
    const world = new World()
    world.policy({ trigger })
    return readsOf(world.state, SHOP)
  }
  expect(readsOf(new World().state, SHOP)).toBe('nothing')
  expect(reads('health == "unhealthy"')).toBe('nothing')
  expect(reads('error_rate > 0.5')).toBe('own')
  expect(reads('service_error_rate > 0.5')).toBe('service')
})

test('settings of named detectors are those of the documents in force', () => {
  const world = new World(1_000_000, 3)
  expect(detectorSettings(world.state, SHOP).rtt?.alpha).not.toBe(0.2)
  const set = { match: { services: ['shop'] }, detectors: { rtt: { alpha: 0.2 } } }
  world.document('DetectorSet', 'mild', set)
  expect(detectorSettings(world.state, SHOP).rtt?.alpha).toBe(0.2)
})

test('a service of whom nobody is due is not looked at', () => {
  const world = new World()
  world.policy()
  world.step([a, b, c])
  const facts = [crashed('a'), b, c]
  world.step(facts, { afterMs: 1_000, services: [{ ...service(facts), due: [] }], left: [] })
  expect(world.events).toEqual([])
  world.step(facts, { services: [{ ...service(facts), due: facts }], left: [] })
  expect(world.commands).toHaveLength(1)
})
