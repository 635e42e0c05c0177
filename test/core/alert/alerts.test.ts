// The stage that tells people: six conditions with their tiers and routes, a thousand repeats, what
// a graver alert makes needless, incidents, and images (S0-52, S0-23, S3-14, S2-44).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Alert, IncidentEvent } from '../../../src/contracts/records.ts'
import { FAILED_MS } from '../../../src/core/alert/incidents.ts'
import type { AlertFacts } from '../../../src/core/alert/metric.ts'
import { NO_SIGNS } from '../../../src/core/kernel/signs.ts'
import { anEnd } from '../../roles/notifier/records.ts'
import { instance } from '../decision/world.ts'
import { inForce } from './policies.ts'
import { S, Stage } from './stage.ts'

const metrics = (values: Readonly<Record<string, number>>): Partial<AlertFacts> => {
  return { metrics: new Map(Object.entries(values)) }
}
const shop = (some: Partial<AlertFacts> = {}, name: string = 'shop-1'): AlertFacts => {
  return { ...instance(name), ...some }
}
const said = (alerts: readonly Alert[]): readonly string[] =>
  alerts.map(({ rule, tier, route, state }) => `${rule} ${tier} ${route} ${state}`)

describe('S0-52: six conditions, six alerts with the right tier and route', () => {
  test.each([
    ['DatabasePoolExhausted', 'high', 'page', metrics({ db_pool_used_percent: 100 }), 10],
    ['CoreApiLatencyJump', 'high', 'page', metrics({ core_api_latency_jump_ratio: 3.5 }), 10],
    ['CacheHitRateLow', 'medium', 'ticket', metrics({ cache_hit_percent: 40 }), 120],
    ['TaskBacklog', 'medium', 'ticket', metrics({ task_backlog: 5_000 }), 120],
    ['ErrorLogsFrequent', 'low', 'digest', { signs: { ...NO_SIGNS, errorLogs: 11 } }, 0],
    ['ProbeTimeouts', 'low', 'digest', metrics({ probe_timeouts: 1 }), 0],
  ] as const)('%s: %s, %s', (...[rule, tier, route, condition, forS]) => {
    const stage = new Stage()
    stage.step([shop()])
    expect(stage.told).toEqual([])
    stage.step([shop(condition)])
    stage.wait(forS * S)
    expect(said(stage.told)).toEqual([`${rule} ${tier} ${route} firing`])
    stage.step([shop()])
    expect(said(stage.told.slice(1))).toEqual([])
    stage.wait(300 * S)
    expect(said(stage.told).at(-1)).toBe(`${rule} ${tier} ${route} resolved`)
  })

  test('low alone never pages, and judges only where its metric is told', () => {
    const stage = new Stage()
    stage.step([shop({ health: 'unstable', ...metrics({ probe_timeouts: 3 }) })])
    stage.step([shop({}, 'shop-2')])
    expect(new Set(stage.told.map(({ route }) => route))).toEqual(new Set(['digest']))
  })

  test('1,000 repeats are one alert with count 1,000', () => {
    const stage = new Stage()
    for (let i = 0; i < 1_000; i++) {
      stage.nowMs += S
      stage.step([shop(metrics({ probe_timeouts: 1 }))])
      stage.nowMs += S
      stage.step([shop(metrics({ probe_timeouts: 0 }))])
    }
    stage.wait(301 * S)
    expect(new Set(stage.told.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(stage.told.at(-1)).toMatchObject({ state: 'resolved', count: 1_000, since_ms: S })
    expect(stage.told.length).toBeLessThan(30)
    expect(new Set(stage.told.map(({ alert_id: id }) => id)).size).toBe(stage.told.length)
  })
})

describe('other rules of ours', () => {
  test('S0-23: unstable is told, with who and why', () => {
    const stage = new Stage()
    stage.step([shop({ health: 'unstable' })])
    expect(stage.told).toMatchObject([
      {
        rule: 'InstanceUnstable',
        service: 'shop',
        instance: 'shop-1',
        title: 'shop-1 is unstable and keeps part of its traffic',
        group: 'service=shop',
        labels: { alertname: 'InstanceUnstable', severity: 'info', zone: 'z1' },
      },
    ])
  })

  test.each([
    [60, 0],
    [59.95, 1],
  ])('S3-14: a score of %d', (score, count) => {
    const stage = new Stage()
    stage.step([shop({ signs: { ...NO_SIGNS, score } })])
    expect(stage.told.length).toBe(count)
    if (count > 0) expect(stage.told[0]?.rule).toBe('ScoreLow')
  })
})

describe('inhibition: high suppresses its low consequences', () => {
  const high = metrics({ db_pool_used_percent: 100, probe_timeouts: 1 })
  test('while the high one fires, and not longer; what was told before goes on', () => {
    const stage = new Stage()
    stage.step([shop(metrics({ db_pool_used_percent: 100 }))])
    stage.wait(10 * S)
    stage.step([shop(high), shop(metrics({ probe_timeouts: 1 }), 'shop-2')])
    expect(said(stage.told)).toEqual(['DatabasePoolExhausted high page firing'])
    stage.nowMs += S
    const rest = stage.step([shop(metrics({ db_pool_used_percent: 1, probe_timeouts: 1 }))])
    expect([...said(rest)].sort()).toEqual([
      'DatabasePoolExhausted high page resolved',
      'ProbeTimeouts low digest firing',
      'ProbeTimeouts low digest firing',
    ])
  })

  test('one that nobody was told of is over without a word', () => {
    const stage = new Stage()
    stage.step([shop(metrics({ db_pool_used_percent: 100 }))])
    stage.wait(10 * S)
    stage.step([shop(high)])
    const before = stage.told.length
    stage.nowMs += S
    stage.step([shop(metrics({ db_pool_used_percent: 100, probe_timeouts: 0 }))])
    expect(said(stage.told.slice(before))).toEqual([])
  })
})

describe('policies', () => {
  const cpu = inForce('cpu', {
    rules: [
      {
        alert: 'HighCPUUsage',
        expr: 'instance_cpu_time_percent > 80',
        for: '2m',
        labels: { severity: 'warning', team: 'of {{ $labels.service }}' },
        annotations: { summary: 'High CPU usage on {{ $labels.instance }}: {{ $value }} %' },
      },
    ],
    routes: { medium: 'cpu-people' },
    groupBy: ['alertname', 'team'],
  })
  const busy = shop({ signs: { ...NO_SIGNS, cpu: 0.81 } })

  test('S2-44: 2 m of 81 % fire, texts and labels filled, back below is over', () => {
    const stage = new Stage([cpu])
    stage.step([busy])
    expect(stage.wait(119_999)).toEqual([])
    stage.wait(1)
    expect(stage.told).toMatchObject([
      {
        rule: 'HighCPUUsage',
        tier: 'medium',
        route: 'cpu-people',
        title: 'High CPU usage on shop-1: 81 %',
        labels: { severity: 'warning', team: 'of shop', service: 'shop', instance: 'shop-1' },
        group: 'alertname=HighCPUUsage,team=of shop',
        policy: 'cpu',
        policy_version: 1,
        since_ms: 120_000,
      },
    ])
    stage.nowMs += S
    expect(said(stage.step([shop({ signs: { ...NO_SIGNS, cpu: 0.8 } })]))).toEqual([
      'HighCPUUsage medium cpu-people resolved',
    ])
  })

  test('a rule that is taken away ends its alert; a new version of the same rule does not', () => {
    const stage = new Stage([cpu])
    stage.step([busy])
    stage.wait(120 * S)
    stage.policies = [{ ...cpu, ref: { ...cpu.ref, version: 2 } }]
    stage.alerts.rulesChanged()
    expect(stage.step([busy])).toEqual([])
    stage.policies = []
    stage.alerts.rulesChanged()
    expect(said(stage.step([busy]))).toEqual(['HighCPUUsage medium cpu-people resolved'])
  })

  test('what is not known any more fires on for five minutes', () => {
    const stage = new Stage([cpu])
    stage.step([busy])
    stage.wait(120 * S)
    stage.nowMs += S
    stage.step([shop()])
    expect(said(stage.wait(299 * S))).toEqual(['HighCPUUsage medium cpu-people firing'])
    expect(stage.told.at(-1)?.refresh).toBe(true)
    expect(said(stage.wait(S))).toEqual(['HighCPUUsage medium cpu-people resolved'])
  })

  test('while nothing is heard of anybody, nothing is over', () => {
    const stage = new Stage([cpu])
    stage.step([busy])
    stage.wait(120 * S)
    stage.nowMs += S
    expect(stage.step([shop({ signs: { ...NO_SIGNS, cpu: 0 } })], { blind: true })).toEqual([])
  })
})

describe('incidents', () => {
  const event = (kind: IncidentEvent['event'], state: IncidentEvent['state']): IncidentEvent =>
    anEnd('inc-1', { event: kind, state })

  test('open: a ticket; left to a person: a page; well again: both are over', () => {
    const stage = new Stage()
    stage.step([], { events: [event('detected', 'detected'), event('matched', 'matched')] })
    expect(said(stage.told)).toEqual(['IncidentOpen medium ticket firing'])
    expect(stage.told[0]?.incident_id).toBe('inc-1')
    stage.nowMs += S
    stage.step([], { events: [event('escalated', 'escalated')] })
    expect(said(stage.told.slice(1))).toEqual(['IncidentEscalated high page firing'])
    stage.nowMs += S
    stage.step([], { events: [event('recovered', 'recovered')] })
    expect([...said(stage.told.slice(2))].sort()).toEqual([
      'IncidentEscalated high page resolved',
      'IncidentOpen medium ticket resolved',
    ])
  })

  test('one that failed is told for an hour', () => {
    const stage = new Stage()
    stage.step([], { events: [event('detected', 'detected')] })
    stage.nowMs += S
    stage.step([], { events: [event('failed', 'failed')], left: [shop().key] })
    expect([...said(stage.told.slice(1))].sort()).toEqual([
      'IncidentFailed high page firing',
      'IncidentOpen medium ticket resolved',
    ])
    stage.wait(FAILED_MS)
    expect(said(stage.told).at(-1)).toBe('IncidentFailed high page resolved')
  })

  test('what the task says of itself is no incident', () => {
    const stage = new Stage()
    stage.step([], { events: [anEnd('ops', { event: 'held', state: 'unknown', instance: null })] })
    expect(stage.told).toEqual([])
  })

  test('of a service as a whole: an alert without an instance', () => {
    const stage = new Stage()
    stage.step([], {
      events: [anEnd('inc-2', { event: 'detected', state: 'detected', instance: null })],
    })
    expect(stage.told).toMatchObject([{ instance: null, title: 'not healed yet: shop' }])
  })
})

describe('steps', () => {
  test('behind, nothing is told; caught up, what still is so', () => {
    const stage = new Stage()
    stage.step([shop({ health: 'unstable' })], { behind: true })
    stage.step([shop({ health: 'unstable' }, 'shop-2')], { behind: true })
    stage.nowMs += S
    stage.step([shop()], { behind: true })
    expect(stage.told).toEqual([])
    expect(stage.step().map((alert) => alert.instance)).toEqual(['shop-2'])
  })

  test('many at once are told in several steps', () => {
    const stage = new Stage()
    const all = Array.from({ length: 600 }, (_, i) => shop({ health: 'unstable' }, `shop-${i}`))
    expect(stage.step(all).length).toBe(256)
    expect(stage.alerts.hasUntold).toBe(true)
    expect([stage.step().length, stage.step().length, stage.step().length]).toEqual([256, 88, 0])
    expect(stage.alerts.hasUntold).toBe(false)
  })

  test('one that has left holds nothing any more', () => {
    const stage = new Stage()
    const one = shop({ health: 'unstable' })
    stage.step([one])
    stage.nowMs += S
    stage.facts.clear()
    expect(said(stage.step([], { left: [one.key] }))).toEqual([
      'InstanceUnstable low digest resolved',
    ])
    stage.wait(301 * S)
    expect(stage.alerts.nextMs(Infinity)).toBeNull()
  })

  test('an image anywhere changes nothing of what is told', () => {
    const act = fc.record({
      ms: fc.oneof(fc.nat(3_000), fc.nat(200_000)),
      health: fc.constantFrom('healthy' as const, 'unstable' as const, 'unhealthy' as const),
      pool: fc.option(fc.constantFrom(0, 100), { nil: null }),
      name: fc.constantFrom('shop-1', 'shop-2'),
      event: fc.option(fc.constantFrom('detected', 'escalated', 'recovered', 'failed'), {
        nil: null,
      }),
      behind: fc.boolean(),
      save: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 25 }), (acts) => {
        const run = (saves: boolean): readonly Alert[] => {
          const stage = new Stage()
          for (const { ms, health, pool, name, event, behind, save } of acts) {
            if (saves && save) stage.restore()
            stage.wait(ms)
            const own = pool === null ? {} : metrics({ db_pool_used_percent: pool })
            const state = event === null ? 'detected' : event
            const events =
              event === null ? [] : [anEnd('i', { event, state: state as IncidentEvent['state'] })]
            stage.step([shop({ health, ...own }, name)], { events, behind })
          }
          if (saves) stage.restore()
          stage.step()
          stage.wait(1_000_000)
          return stage.told
        }
        expect(run(true)).toEqual(run(false))
      }),
    )
  })
})
