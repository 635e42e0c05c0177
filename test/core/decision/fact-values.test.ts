// Facts as triggers see them: units, unknowns, exact halves.
import { expect, test } from 'vitest'
import { InstanceValues, ServiceValues } from '../../../src/core/decision/fact-values.ts'
import { FACT_NAMES, FACTS, type FactValues } from '../../../src/core/decision/fact-table.ts'
import type { Figures, InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { NO_SIGNS } from '../../../src/core/kernel/signs.ts'
import { crashed, figures, finding, instance, service } from './world.ts'

const valuesOf = (one: InstanceFacts, all: readonly InstanceFacts[] = [one]): FactValues =>
  new InstanceValues(one, new ServiceValues(service(all)))

test('every fact has a value, and only what may be unknown is null', () => {
  const over = (): Figures => figures()
  const one = instance('a', { probe: null, zone: null, over })
  const values = valuesOf(one)
  expect(FACT_NAMES.filter((name) => values[name] === undefined)).toEqual([])
  const unknown = FACT_NAMES.filter((name) => values[name] === null && !/_(10s|5m)$/.test(name))
  expect(unknown).toEqual([
    'success_rate',
    'error_rate',
    'p99_ms',
    'probe',
    'zone',
    'service_success_rate',
    'service_error_rate',
    'service_p99_ms',
    'version',
    'zone_sick_share',
    'version_sick_share',
    'cpu',
    'memory_mib',
    'fds',
    'run_queue_ms',
    'loop_delay_ms',
    'rtt_ms',
    'loss',
    'error_logs',
    'task_success',
    'breaker',
    'score',
    'label',
  ])
  expect(valuesOf(instance('a')).metrics).toEqual(new Map())
  const optional = FACT_NAMES.filter((name) => FACTS[name].unknown !== undefined)
  expect(unknown.filter((name) => !optional.includes(name))).toEqual([])
})

test('figures of the other windows come from those', () => {
  const over = (spanMs: number): Figures => figures(spanMs / 1_000, spanMs / 10_000, spanMs)
  const values = valuesOf(instance('a', { window: figures(60, 0), over }))
  expect(values).toMatchObject({ n: 60, n_10s: 10, n_5m: 300, errors_10s: 1, errors_5m: 30 })
  expect(values).toMatchObject({ error_rate: 0, error_rate_10s: 0.1, p99_ms_5m: 300 })
  expect(valuesOf(instance('a')).n_10s).toBeNull()
})

test('signs and metrics are as the instance tells them', () => {
  const signs = {
    ...NO_SIGNS,
    cpu: 1.5,
    memory: 3 * 1_048_576,
    breaker: 'open' as const,
    score: 40,
  }
  const metrics = new Map([['queue_depth', 12]])
  const one = instance('a', { signs, metrics, notes: [finding({ detector: 'rtt_jump' })] })
  expect(valuesOf(one)).toMatchObject({ cpu: 1.5, memory_mib: 3, breaker: 'open', score: 40 })
  expect(valuesOf(one)).toMatchObject({ notes: ['rtt_jump'], metrics, rtt_ms: null })
})

test('shares of a zone and of a version count those in service', () => {
  const at = (name: string, zone: string | null, some: Partial<InstanceFacts>): InstanceFacts =>
    instance(name, { zone, ...some })
  const all = [
    at('a', 'z1', { health: 'unhealthy', appVersion: '2' }),
    at('b', 'z1', { appVersion: '2' }),
    at('c', 'z2', { health: 'unstable', appVersion: '1' }),
    at('d', 'z1', { health: 'unhealthy', lifecycle: 'gone', appVersion: '2' }),
    at('e', null, { health: 'unhealthy' }),
  ]
  const shares = all.map((one) => {
    const { zone_sick_share: zone, version_sick_share: version } = valuesOf(one, all)
    return [zone, version]
  })
  const [half, whole, none] = [
    [0.5, 0.5],
    [1, 1],
    [null, null],
  ]
  expect(shares).toEqual([half, half, whole, half, none])
})

test('rates are quotients of counts, latencies are milliseconds', () => {
  const one = instance('a', { window: figures(3, 1, 1_500) })
  const values = valuesOf(one)
  expect(values).toMatchObject({ error_rate: 1 / 3, success_rate: 2 / 3, p99_ms: 1.5, n: 3 })
  const half = instance('a', { window: figures(2, 1) })
  expect(valuesOf(half).error_rate).toBe(0.5)
})

test('figures of the service count the instances in service', () => {
  const gone = instance('d', { lifecycle: 'gone', window: figures(10, 10) })
  const all = [instance('a', { window: figures(30, 6) }), crashed('b'), gone]
  expect(valuesOf(instance('a'), all)).toMatchObject({
    service_instances: 2,
    service_healthy: 1,
    service_n: 40,
    service_error_rate: 0.4,
  })
})

test('self_evident asks for severity unhealthy', () => {
  const mild = instance('a', { findings: [finding({ severity: 'unstable' })] })
  expect(valuesOf(mild)).toMatchObject({
    self_evident: false,
    detectors: ['process_exit'],
  })
})
