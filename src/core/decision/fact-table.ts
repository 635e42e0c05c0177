// The facts a trigger can ask about: name, type, what it means, what values it can take.
// docs/policies.md shows this table and a test holds both equal.

import { assert } from '../kernel/assert.ts'

/** A fact that is a text longer than this, in UTF-16 code units, counts as unknown. */
export const TEXT_MAX = 256
/** A fact that is a list is cut to so many items. */
export const FACT_LIST_MAX = 64

/**
 * What a fact hangs on: what happens to the instance, its windows, the service as a whole (the same
 * for all its instances), or the others of the service (another for each instance).
 */
export type FactScope = 'instance' | 'window' | 'service' | 'group'

export interface FactSpec {
  readonly type: 'double' | 'string' | 'bool' | 'list<string>' | 'map<string, double>'
  readonly text: string
  /** Of a number: what it can be. */
  readonly range?: readonly [number, number]
  /** Of a text: all it can be. */
  readonly values?: readonly string[]
  /** Judged over requests: says nothing while too few were counted. */
  readonly sampled?: true
  /** May be unknown; what reads an unknown fact is not true, and not an error. */
  readonly unknown?: string
  readonly scope: FactScope
  /** Behaviours before judgement do not know it. */
  readonly isNew?: true
}

const COUNT: readonly [number, number] = [0, Infinity]
const SHARE: readonly [number, number] = [0, 1]
const NO_REQUESTS = 'no request in the window'
const HEALTHS = ['unknown', 'healthy', 'unstable', 'unhealthy']

const rate = (text: string, scope: FactScope): FactSpec => ({
  type: 'double',
  text,
  range: SHARE,
  sampled: true,
  unknown: NO_REQUESTS,
  scope,
})
const count = (text: string, scope: FactScope): FactSpec => ({
  type: 'double',
  text,
  range: COUNT,
  scope,
})
const p99 = (text: string, scope: FactScope): FactSpec => ({
  ...rate(text, scope),
  range: COUNT,
})

/** What an instance tells of itself; it goes on with its telemetry. */
const told = (text: string, range: readonly [number, number]): FactSpec => ({
  type: 'double',
  text,
  range,
  unknown: 'not told',
  scope: 'window',
  isNew: true,
})
const toldWord = (text: string, values: readonly string[]): FactSpec => ({
  type: 'string',
  text,
  values,
  unknown: 'not told',
  scope: 'window',
  isNew: true,
})

/** Figures that are taken over a window, of an instance. */
const FIGURES = ['success_rate', 'error_rate', 'p99_ms', 'n', 'errors'] as const
/** The same of a whole service. */
const SERVICE_FIGURES = [
  'service_success_rate',
  'service_error_rate',
  'service_p99_ms',
  'service_n',
] as const

export type Figure = (typeof FIGURES)[number] | (typeof SERVICE_FIGURES)[number]
/** What is added to the name of a figure over another window than that of 60 s. */
export type WindowSuffix = '_10s' | '_5m'

type First =
  | 'health'
  | 'probe'
  | 'detectors'
  | 'self_evident'
  | 'transitions'
  | 'lifecycle'
  | 'link'
  | 'service'
  | 'instance'
  | 'zone'
  | 'incarnation'
  | 'service_instances'
  | 'service_healthy'

export type FactName = First | Figure | `${Figure}${WindowSuffix}` | New

type New =
  | 'version'
  | 'zone_sick_share'
  | 'version_sick_share'
  | 'notes'
  | 'cpu'
  | 'memory_mib'
  | 'fds'
  | 'run_queue_ms'
  | 'loop_delay_ms'
  | 'rtt_ms'
  | 'loss'
  | 'error_logs'
  | 'task_success'
  | 'breaker'
  | 'score'
  | 'label'
  | 'metrics'

const FIRST: Readonly<Record<Figure | First, FactSpec>> = {
  success_rate: rate('share of requests of the last 60 s that succeeded', 'window'),
  error_rate: rate('share of requests of the last 60 s that failed', 'window'),
  p99_ms: p99('99th percentile of the latencies of the last 60 s, milliseconds', 'window'),
  n: count('requests in the last 60 s', 'window'),
  errors: count('failed requests in the last 60 s', 'window'),
  health: { type: 'string', text: 'judged health', values: HEALTHS, scope: 'instance' },
  probe: {
    type: 'string',
    text: 'last probe verdict of this incarnation',
    values: ['up', 'down'],
    unknown: 'not probed yet',
    scope: 'instance',
  },
  detectors: {
    type: 'list<string>',
    text: 'names of the detectors whose finding stands',
    scope: 'instance',
  },
  self_evident: {
    type: 'bool',
    text: 'a self-evident finding says unhealthy (exit, refused, failed probe, own rate)',
    scope: 'instance',
  },
  transitions: count('changes of health in the last 10 minutes', 'instance'),
  lifecycle: {
    type: 'string',
    text: 'where the instance is in its life',
    values: ['unknown', 'standby', 'ready', 'draining', 'gone'],
    scope: 'instance',
  },
  link: {
    type: 'string',
    text: 'whether its agent is heard',
    values: ['unknown', 'online', 'offline'],
    scope: 'instance',
  },
  service: { type: 'string', text: 'service of the instance', scope: 'instance' },
  instance: { type: 'string', text: 'the instance', scope: 'instance' },
  zone: {
    type: 'string',
    text: 'its zone',
    unknown: 'registered without a zone',
    scope: 'instance',
  },
  incarnation: count('rises with every restart', 'instance'),
  service_success_rate: rate('success_rate of the whole service', 'service'),
  service_error_rate: rate('error_rate of the whole service', 'service'),
  service_p99_ms: p99('p99_ms of the whole service', 'service'),
  service_n: count('requests of the whole service in the last 60 s', 'service'),
  service_instances: count(
    'instances of the service, without those in standby, leaving or gone',
    'service',
  ),
  service_healthy: count('of these, judged healthy', 'service'),
}

const NEW: Readonly<Record<New, FactSpec>> = {
  version: {
    type: 'string',
    text: 'version of the application, as it was registered',
    unknown: 'registered without a version',
    scope: 'instance',
    isNew: true,
  },
  zone_sick_share: {
    type: 'double',
    text: 'share of the service in the zone of the instance that is unstable or unhealthy',
    range: SHARE,
    unknown: 'registered without a zone',
    scope: 'group',
    isNew: true,
  },
  version_sick_share: {
    type: 'double',
    text: 'share of the service of the version of the instance that is unstable or unhealthy',
    range: SHARE,
    unknown: 'registered without a version',
    scope: 'group',
    isNew: true,
  },
  notes: {
    type: 'list<string>',
    text: 'names of the detectors whose finding argues for nothing by itself',
    scope: 'instance',
    isNew: true,
  },
  cpu: told('CPU time it uses, cores', COUNT),
  memory_mib: told('resident memory, MiB', COUNT),
  fds: told('open file descriptors', COUNT),
  run_queue_ms: told('time runnable but not running, milliseconds per second', COUNT),
  loop_delay_ms: told('delay of its event loop, milliseconds', COUNT),
  rtt_ms: told('round trip of probes, milliseconds', COUNT),
  loss: told('share of probes that were lost', SHARE),
  error_logs: told('log lines of level error and above in the last 60 s', COUNT),
  task_success: told('share of its last tasks that succeeded', SHARE),
  breaker: toldWord('the worst of its circuit breakers (S0-54)', ['closed', 'half_open', 'open']),
  score: told('health score, 0 to 100 (S3-14)', [0, 100]),
  label: toldWord('why it fails, as far as its signs say (S1-13, S1-14, S1-15)', [
    'network_partition',
    'resource_contention',
    'config_drift',
  ]),
  metrics: {
    type: 'map<string, double>',
    text: '`metrics["name"]`: newest value of a metric of your own',
    unknown: 'not told under this name',
    scope: 'window',
    isNew: true,
  },
}

/** A figure of the last 60 s, taken over another window. */
function over(name: Figure, span: string): FactSpec {
  const { text } = FIRST[name]
  const told = text.includes('60 s') ? text.replace('60 s', span) : `${text}, last ${span}`
  return { ...FIRST[name], text: told, isNew: true }
}

const WINDOWED: Readonly<Record<`${Figure}${WindowSuffix}`, FactSpec>> = {
  success_rate_10s: over('success_rate', '10 s'),
  error_rate_10s: over('error_rate', '10 s'),
  p99_ms_10s: over('p99_ms', '10 s'),
  n_10s: over('n', '10 s'),
  errors_10s: over('errors', '10 s'),
  service_success_rate_10s: over('service_success_rate', '10 s'),
  service_error_rate_10s: over('service_error_rate', '10 s'),
  service_p99_ms_10s: over('service_p99_ms', '10 s'),
  service_n_10s: over('service_n', '10 s'),
  success_rate_5m: over('success_rate', '5 min'),
  error_rate_5m: over('error_rate', '5 min'),
  p99_ms_5m: over('p99_ms', '5 min'),
  n_5m: over('n', '5 min'),
  errors_5m: over('errors', '5 min'),
  service_success_rate_5m: over('service_success_rate', '5 min'),
  service_error_rate_5m: over('service_error_rate', '5 min'),
  service_p99_ms_5m: over('service_p99_ms', '5 min'),
  service_n_5m: over('service_n', '5 min'),
}

export const FACTS: Readonly<Record<FactName, FactSpec>> = { ...FIRST, ...NEW, ...WINDOWED }

/** The fact that is the figure over the window of `spanMs`; other facts are what they are. */
export function overWindow(name: FactName, spanMs: number): FactName {
  if (spanMs === 60_000) return name
  const other = `${name}${spanMs === 10_000 ? '_10s' : '_5m'}`
  return isFact(other) ? other : name
}

export const FACT_NAMES: readonly FactName[] = Object.keys(FACTS).filter(isFact)

export function isFact(name: string): name is FactName {
  return Object.hasOwn(FACTS, name)
}

export type FactValue = number | string | boolean | readonly string[] | ReadonlyMap<string, number>

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}

export function isMetrics(value: unknown): value is ReadonlyMap<string, number> {
  return value instanceof Map
}

/** Values of one instance at one moment; null = unknown. */
export type FactValues = Readonly<Record<FactName, FactValue | null>>

/** The values given; all others are unknown. */
export function valuesOf(some: Partial<FactValues>): FactValues {
  const values: Partial<Record<FactName, FactValue | null>> = {}
  for (const name of FACT_NAMES) values[name] = some[name] ?? null
  assert(isWhole(values), 'every fact has a value')
  return values
}

function isWhole(values: Partial<FactValues>): values is FactValues {
  return FACT_NAMES.every((name) => values[name] !== undefined)
}
