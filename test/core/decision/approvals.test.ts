// Approvals and the two-person rule: who counts, for how long, and for which act.
import { expect, test } from 'vitest'
import { incidentId, instanceId, policyName } from '../../../src/contracts/ids.ts'
import {
  approvalState,
  keepApprovals,
  loadApprovals,
  newApprovals,
  noteApproval,
  saveApprovals,
} from '../../../src/core/decision/approvals.ts'
import { openIncident } from '../../../src/core/incident/incident.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, instance, SHOP } from './world.ts'

let world: CarefulWorld
const sick = [crashed('a'), instance('b'), instance('c')]

/** `a` crashes; the incident that people speak of. */
function crash(limits: object): string {
  world = new CarefulWorld()
  world.begin(limits)
  world.step([instance('a'), instance('b'), instance('c')])
  world.step(sick, { afterMs: 1_000 })
  return world.last.incident_id
}

const refusal = (): string => world.last.summary.split('guard approval: ')[1] ?? world.last.summary

test('two different persons, and who wrote the policy is none of them', () => {
  const incident = crash({ approvals: 2 })
  expect(refusal()).toBe(
    'nobody approves yet; missing: 2 persons other than test, who proposes it, limit 2 approvals',
  )
  for (const actor of ['ann', ' Ann ', 'test', 'TEST']) world.approves(actor, incident)
  world.step(sick, { afterMs: 1_000 })
  expect(refusal()).toContain('approved by  Ann ; missing: a person other than')
  expect(world.commands).toHaveLength(0)
  world.approves('bob', incident)
  world.step(sick, { afterMs: 1_000 })
  expect(world.commands).toHaveLength(1)
})

test('the word runs out: of itself, or when the guards say', () => {
  const incident = crash({ approvals: 1, approvalMs: 5_000 })
  world.approves('ann', incident, { expires_at_ms: world.nowMs + 100 })
  world.step(sick, { afterMs: 100 })
  world.approves('bob', 'another')
  world.step(sick, { afterMs: 100 })
  expect(world.commands).toHaveLength(0)
  world.operator({})
  world.approves('bob', incident)
  world.step(sick, { afterMs: 4_000 })
  expect(world.last.summary).toContain('guard hold')
  const [hold] = world.state.holds.keys()
  world.operator({ kind: 'release', refers_to: hold ?? '' })
  world.step(sick, { afterMs: 1_000 })
  expect(world.commands).toHaveLength(0)
  world.approves('bob', incident)
  world.step(sick)
  expect(world.commands).toHaveLength(1)
})

test('one no is enough, also where nobody has to be asked; it can be taken back', () => {
  const incident = crash({ approvals: 1 })
  world.approves('ann', incident)
  world.approves('eve', incident, { verdict: 'deny' })
  world.step(sick, { afterMs: 1_000 })
  expect(refusal()).toContain('denied by eve, limit not denied')
  world.approves('eve', incident)
  world.step(sick, { afterMs: 1_000 })
  expect(world.commands).toHaveLength(1)
})

test('every attempt is approved anew', () => {
  const incident = crash({ approvals: 1, cooldownMs: 0, serviceIntervalMs: 0 })
  world.approves('ann', incident)
  world.step(sick, { afterMs: 1_000 })
  world.result('failed')
  world.step(sick, { afterMs: 1_000 })
  expect(refusal()).toContain('nobody approves yet')
  world.approves('ann', incident)
  world.step(sick, { afterMs: 1_000 })
  expect(world.commands).toHaveLength(2)
})

test('words that mean nothing are told as that; nothing stays of an incident that is over', () => {
  const incident = crash({ approvals: 1 })
  world.approves('ann', 'inc-0')
  world.approves('ann', incident, { verdict: null })
  world.approves('  ', incident)
  for (let i = 0; i < 20; i++) world.approves(`ann${i}`, incident)
  world.step(sick)
  const told = world.events.filter(({ event }) => event === 'note').map(({ summary }) => summary)
  expect(told.filter((text) => text.endsWith('counts for the next act'))).toHaveLength(16)
  for (const why of [
    'it refers to no incident that is open here',
    'it says neither approve nor deny',
    'it does not say who speaks',
    'too many have spoken already',
  ]) {
    expect(told.some((text) => text.endsWith(why))).toBe(true)
  }
  const { approvals } = world.state.care
  const to = new ImageWriter()
  saveApprovals(approvals, to)
  expect(loadApprovals(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(approvals)
  world.step([instance('b'), instance('c')], { afterMs: 1_000 })
  expect(approvals.words.size).toBe(0)
  world.document('HealPolicy', 'restart-sick', '{}', 9)
  expect([...approvals.authors.values()]).toEqual(['test'])
})

test('an older behaviour does nothing on approvals', () => {
  const old = new CarefulWorld()
  old.state.behaviour = 2
  old.approves('ann', 'inc-1')
  old.step([])
  expect(old.last.summary).toContain('this version does nothing on approval')
  expect(old.state.care.approvals.words.size).toBe(0)
})

test('a policy whose author is not known has no proposer; the first word that ends is told', () => {
  const approvals = newApprovals()
  const incident = openIncident(
    { id: incidentId('inc-1'), service: SHOP, instance: instanceId('a'), incarnation: 1 },
    0,
  )
  const say = (actor: string, atMs: number, expiresAtMs: number | null = null): void => {
    const record = { ...new CarefulWorld().operator({}), refers_to: 'inc-1', actor }
    const word = { ...record, verdict: 'approve' as const, expires_at_ms: expiresAtMs }
    noteApproval(approvals, word, { incidents: [incident], nowMs: atMs })
  }
  say('ann', 10, 5_000)
  say('bob', 20)
  say('eve', 30, 4_000)
  const at = { policy: policyName('p'), needed: 2, goodForMs: 1_000, nowMs: 500 }
  expect(approvalState(approvals, incident, at)).toEqual({
    needed: 2,
    by: ['ann', 'bob', 'eve'],
    deniedBy: null,
    proposer: null,
    untilMs: 1_020,
  })
  // Each ends at its own time, and not a moment later.
  const left = [1_019, 1_020, 3_999, 4_000, 5_000].map((nowMs) => {
    const state = approvalState(approvals, incident, { ...at, nowMs })
    return `${state.by.join()} ${state.untilMs}`
  })
  expect(left).toEqual(['ann,bob,eve 1020', 'ann,eve 4000', 'ann,eve 4000', 'ann 5000', ' null'])
  keepApprovals(approvals, [incident])
  expect(approvals.words.size).toBe(1)
  keepApprovals(approvals, [])
  expect(approvals.words.size).toBe(0)
})

test('a yes and a no go on in an image', () => {
  const incident = crash({ approvals: 2 })
  world.approves('ann', incident)
  world.approves('eve', incident, { verdict: 'deny', expires_at_ms: 2_000_000 })
  world.step(sick)
  const { approvals } = world.state.care
  const to = new ImageWriter()
  saveApprovals(approvals, to)
  const [bytes = new Uint8Array(0)] = to.pieces()
  expect(loadApprovals(new ImageReader(bytes))).toEqual(approvals)
  expect(approvals.words.get(incident)?.size).toBe(2)
  const told = world.events.filter(({ event }) => event === 'note').map(({ summary }) => summary)
  expect(told.at(-1)).toContain('stops acts of this incident')
})
