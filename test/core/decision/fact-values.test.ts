// Facts as triggers see them: units, unknowns, exact halves.
import { expect, test } from 'vitest'
import { factValues, serviceValues } from '../../../src/core/decision/fact-values.ts'
import { FACT_NAMES } from '../../../src/core/decision/fact-table.ts'
import { crashed, figures, finding, instance, service } from './world.ts'

test('every fact has a value, and only what may be unknown is null', () => {
  const one = instance('a', { probe: null, zone: null })
  const values = factValues(one, serviceValues(service([one])))
  expect(Object.keys(values).toSorted()).toEqual([...FACT_NAMES].toSorted())
  const unknown = FACT_NAMES.filter((name) => values[name] === null)
  expect(unknown).toEqual([
    'success_rate',
    'error_rate',
    'p99_ms',
    'probe',
    'zone',
    'service_success_rate',
    'service_error_rate',
    'service_p99_ms',
  ])
})

test('rates are quotients of counts, latencies are milliseconds', () => {
  const one = instance('a', { window: figures(3, 1, 1_500) })
  const values = factValues(one, serviceValues(service([one])))
  expect(values).toMatchObject({ error_rate: 1 / 3, success_rate: 2 / 3, p99_ms: 1.5, n: 3 })
  const half = instance('a', { window: figures(2, 1) })
  expect(factValues(half, serviceValues(service([half]))).error_rate).toBe(0.5)
})

test('figures of the service count the instances in service', () => {
  const gone = instance('d', { lifecycle: 'gone', window: figures(10, 10) })
  const all = [instance('a', { window: figures(30, 6) }), crashed('b'), gone]
  expect(serviceValues(service(all))).toMatchObject({
    service_instances: 2,
    service_healthy: 1,
    service_n: 40,
    service_error_rate: 0.4,
  })
})

test('self_evident asks for severity unhealthy', () => {
  const mild = instance('a', { findings: [finding({ severity: 'unstable' })] })
  expect(factValues(mild, serviceValues(service([mild])))).toMatchObject({
    self_evident: false,
    detectors: ['process_exit'],
  })
})
