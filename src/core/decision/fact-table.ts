// The facts a trigger can ask about: name, type, what it means, what values it can take.
// docs/policies.md shows this table and a test holds both equal.

export interface FactSpec {
  readonly type: 'double' | 'string' | 'bool' | 'list<string>'
  readonly text: string
  /** Of a number: what it can be. */
  readonly range?: readonly [number, number]
  /** Of a text: all it can be. */
  readonly values?: readonly string[]
  /** Judged over requests: says nothing while too few were counted. */
  readonly sampled?: true
  /** May be unknown; what reads an unknown fact is not true, and not an error. */
  readonly unknown?: string
}

const COUNT: readonly [number, number] = [0, Infinity]
const SHARE: readonly [number, number] = [0, 1]
const NO_REQUESTS = 'no request in the window'
const HEALTHS = ['unknown', 'healthy', 'unstable', 'unhealthy']

const rate = (text: string): FactSpec => ({
  type: 'double',
  text,
  range: SHARE,
  sampled: true,
  unknown: NO_REQUESTS,
})
const count = (text: string): FactSpec => ({ type: 'double', text, range: COUNT })

export type FactName =
  | 'success_rate'
  | 'error_rate'
  | 'p99_ms'
  | 'n'
  | 'errors'
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
  | 'service_success_rate'
  | 'service_error_rate'
  | 'service_p99_ms'
  | 'service_n'
  | 'service_instances'
  | 'service_healthy'

export const FACTS: Readonly<Record<FactName, FactSpec>> = {
  success_rate: rate('share of requests of the last 60 s that succeeded'),
  error_rate: rate('share of requests of the last 60 s that failed'),
  p99_ms: {
    type: 'double',
    text: '99th percentile of the latencies of the last 60 s, milliseconds',
    range: COUNT,
    sampled: true,
    unknown: NO_REQUESTS,
  },
  n: count('requests in the last 60 s'),
  errors: count('failed requests in the last 60 s'),
  health: { type: 'string', text: 'judged health', values: HEALTHS },
  probe: {
    type: 'string',
    text: 'last probe verdict of this incarnation',
    values: ['up', 'down'],
    unknown: 'not probed yet',
  },
  detectors: { type: 'list<string>', text: 'names of the detectors whose finding stands' },
  self_evident: {
    type: 'bool',
    text: 'a self-evident finding says unhealthy (exit, refused, failed probe, own rate)',
  },
  transitions: count('changes of health in the last 10 minutes'),
  lifecycle: {
    type: 'string',
    text: 'where the instance is in its life',
    values: ['unknown', 'standby', 'ready', 'draining', 'gone'],
  },
  link: {
    type: 'string',
    text: 'whether its agent is heard',
    values: ['unknown', 'online', 'offline'],
  },
  service: { type: 'string', text: 'service of the instance' },
  instance: { type: 'string', text: 'the instance' },
  zone: { type: 'string', text: 'its zone', unknown: 'registered without a zone' },
  incarnation: count('rises with every restart'),
  service_success_rate: rate('success_rate of the whole service'),
  service_error_rate: rate('error_rate of the whole service'),
  service_p99_ms: {
    type: 'double',
    text: 'p99_ms of the whole service',
    range: COUNT,
    sampled: true,
    unknown: NO_REQUESTS,
  },
  service_n: count('requests of the whole service in the last 60 s'),
  service_instances: count('instances of the service, without those in standby, leaving or gone'),
  service_healthy: count('of these, judged healthy'),
}

export const FACT_NAMES: readonly FactName[] = Object.keys(FACTS).filter(isFact)

export function isFact(name: string): name is FactName {
  return Object.hasOwn(FACTS, name)
}

export type FactValue = number | string | boolean | readonly string[]

/** Values of one instance at one moment; null = unknown. */
export type FactValues = Readonly<Record<FactName, FactValue | null>>
