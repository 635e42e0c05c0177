// Approvals and the two-person rule: who counts, for how long, and for which act.
import { beforeEach, expect, test } from 'vitest'
import { loadApprovals, saveApprovals } from '../../../src/core/decision/approvals.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, instance } from './world.ts'

let world: CarefulWorld
const sick = [crashed('a'), instance('b'), instance('c')]

/** `a` crashes; the incident that people speak of. */
function crash(limits: object): string {
  world.begin(limits)
  world.step([instance('a'), instance('b'), instance('c')])
  world.step(sick, { afterMs: 1_000 })
  return world.last.incident_id
}

beforeEach(() => {
  world = new CarefulWorld()
})

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
