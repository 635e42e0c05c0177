// What plans want told, as alerts (S0-52, S0-55, S3-30): whom it is for, once per incident, over
// when the incident is; and what is not begun because there is too much is counted.
import { describe, expect, test } from 'vitest'
import { TIERS } from '../../../src/contracts/alert-tiers.ts'
import { incidentId, policyName, serviceId } from '../../../src/contracts/ids.ts'
import { instanceId } from '../../../src/contracts/ids.ts'
import type { IncidentEvent } from '../../../src/contracts/records.ts'
import { Alerts } from '../../../src/core/alert/alerts.ts'
import { addressOf } from '../../../src/core/alert/notifications.ts'
import type { Notification } from '../../../src/core/plan/notification.ts'
import { rulesetOf } from '../../../src/core/alert/ruleset.ts'
import { anEnd } from '../../roles/notifier/records.ts'
import { CONTEXT, instance } from '../decision/world.ts'
import { inForce } from './policies.ts'
import { S, Stage } from './stage.ts'

const told = (some: Partial<Notification> = {}): Notification => ({
  name: 'PolicyNotice',
  service: serviceId('shop'),
  instance: instanceId('shop-1'),
  incidentId: incidentId('inc-1'),
  to: 'page',
  text: 'shop/shop-1: error_rate > 0.5',
  policy: { name: policyName('repair'), version: 3, sha256: '' },
  ...some,
})
const event = (some: Partial<IncidentEvent>): IncidentEvent => anEnd('inc-1', some)

describe('whom it is for', () => {
  const set = rulesetOf('shop', [])
  test.each([
    ['page', 'high', 'page'],
    ['high', 'high', 'page'],
    ['ticket', 'medium', 'ticket'],
    ['low', 'low', 'digest'],
    ['sre', 'medium', 'sre'],
  ])('to %s: tier %s, route %s', (to, tier, route) => {
    expect(addressOf({ name: 'PolicyNotice', to }, set)).toEqual({ tier, route })
  })

  test('no room calls a person, by the route of the alert policy in force', () => {
    const policies = [inForce('routes', { routes: { high: 'store-team' } })]
    const stage = new Stage(policies)
    stage.step([], { notifications: [told({ name: 'NoRoom', to: null })] })
    expect(stage.told).toMatchObject([{ rule: 'NoRoom', tier: 'high', route: 'store-team' }])
    expect(
      addressOf({ name: 'PolicyNotice', to: 'store-team' }, rulesetOf('shop', policies)).tier,
    ).toBe('high')
  })
})

describe('a word of a plan', () => {
  test('is one alert with tier, incident and policy, until the incident ends', () => {
    const stage = new Stage()
    stage.step([], { notifications: [told()] })
    stage.step([], { notifications: [told()] })
    expect(stage.told).toMatchObject([
      {
        rule: 'PolicyNotice',
        tier: 'high',
        state: 'firing',
        route: 'page',
        incident_id: 'inc-1',
        policy: 'repair',
        policy_version: 3,
        labels: { instance: 'shop-1', policy: 'repair', severity: 'critical' },
        title: 'a plan wants you to know: shop/shop-1',
        count: 1,
      },
    ])
    stage.step([], { events: [event({ event: 'commanded', state: 'repairing' })] })
    stage.step([], { events: [anEnd('inc-2', { event: 'recovered', state: 'recovered' })] })
    const isOver = (rule: string): boolean =>
      stage.told.some((one) => one.rule === rule && one.state === 'resolved')
    expect([isOver('IncidentOpen'), isOver('PolicyNotice')]).toEqual([true, false])
    stage.step([], { events: [event({ event: 'recovered', state: 'recovered' })] })
    const over = stage.told.filter(
      ({ rule, state }) => [rule, state].join() === 'PolicyNotice,resolved',
    )
    expect(over).toMatchObject([{ incident_id: 'inc-1', fingerprint: stage.told[0]?.fingerprint }])
  })

  test('a repeat within five minutes is the same alert with a count; others are others', () => {
    const stage = new Stage()
    for (let i = 0; i < 3; i++) {
      stage.nowMs += 20 * S
      stage.step([], { notifications: [told()] })
      stage.nowMs += S
      stage.step([], { events: [event({ event: 'recovered', state: 'recovered' })] })
    }
    stage.step([], { notifications: [told({ to: 'sre' })] })
    stage.wait(301 * S)
    const own = stage.told.filter(({ rule }) => rule === 'PolicyNotice')
    expect(new Set(own.map(({ fingerprint }) => fingerprint)).size).toBe(2)
    expect(Math.max(...own.map(({ count }) => count))).toBe(3)
  })

  test('while behind nobody is told, caught up they are; an image keeps it', () => {
    const stage = new Stage()
    stage.step([], { notifications: [told()], behind: true })
    expect(stage.told).toEqual([])
    stage.restore()
    expect(stage.step()).toMatchObject([{ rule: 'PolicyNotice', incident_id: 'inc-1' }])
    stage.restore()
    const ended = stage.step([], { events: [event({ event: 'failed', state: 'failed' })] })
    expect(ended.map(({ rule, state }) => `${rule} ${state}`)).toContain('PolicyNotice resolved')
  })

  test('no room is over as soon as anything is ordered, also in the same step', () => {
    const stage = new Stage()
    const noRoom = told({ name: 'NoRoom', to: null })
    const ordered = event({ event: 'commanded', state: 'repairing' })
    stage.step([], { notifications: [noRoom], events: [ordered] })
    expect(stage.told.filter(({ rule }) => rule === 'NoRoom')).toEqual([])
    stage.nowMs += 400 * S
    stage.step()
    stage.step([], { notifications: [noRoom] })
    stage.step([], { events: [ordered] })
    const states = stage.told.flatMap(({ rule, state }) => (rule === 'NoRoom' ? [state] : []))
    expect(states).toEqual(['firing', 'resolved'])
  })
})

describe('too many', () => {
  test('what is not begun is counted, told to people, and over once there is room', () => {
    const alerts = new Alerts(CONTEXT, () => [], 300)
    const names = Array.from({ length: 310 }, (_, i) => `shop-${i}`)
    const sick = names.map((name) => ({ ...instance(name), health: 'unstable' as const }))
    let seq = 0
    const step = (due: typeof sick, nowMs: number): readonly string[] => {
      const services = [{ service: 'shop', due }]
      const quiet = { behind: false, blind: false, left: [], events: [], notifications: [] }
      const outputs = alerts.step({ ...quiet, nowMs, stepSeq: seq++, services, find: () => null })
      return outputs.flatMap(({ body }) => {
        if (body?.rule !== 'AlertsDropped') return []
        return [`${body.state} ${body.tier} ${body.count} ${body.instance}`]
      })
    }
    const said: string[] = [...step(sick, 0), ...step([], 0)]
    expect(said).toEqual([`firing ${TIERS[0]} 10 null`])
    step(sick.slice(-10), 20_000)
    for (const at of [20_000, 320_000, 330_000, 620_000, 630_000]) said.push(...step([], at))
    expect(said.slice(1)).toEqual(['firing high 20 null', 'resolved high 20 null'])
  })
})
