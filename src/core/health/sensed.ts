// The findings that are made of gauges, series, heartbeats and peers: their names, the rule whose
// settings they follow, the kind of evidence they are, and how they are told.
import type { DetectorName } from '../../contracts/detector-settings.ts'

export type Unit =
  | 'ratio'
  | 'us'
  | 'ms'
  | 'sigma'
  | 'times'
  | 'bytes'
  | 'lines'
  | 'state'
  | 'points'

export interface Sensed {
  readonly rule: DetectorName
  /** What it looks at; those of one kind are one voice. */
  readonly kind: string
  readonly unit: Unit
  /** What deviates, for people. */
  readonly what: string
}

const errors = (rule: DetectorName, what: string): Sensed => {
  return { rule, kind: 'errors', unit: 'ratio', what }
}
const latency = (rule: DetectorName, what: string): Sensed => {
  return { rule, kind: 'latency', unit: 'us', what }
}

export type SensedName =
  | 'peers_errors'
  | 'peers_latency'
  | 'ewma3s_errors'
  | 'ewma3s_latency'
  | 'adaptive_errors'
  | 'adaptive_latency'
  | 'adaptive_load'
  | 'median_mad_errors'
  | 'median_mad_latency'
  | 'seasonal_errors'
  | 'seasonal_latency'
  | 'joint'
  | 'burn_rate'
  | 'rtt'
  | 'loss'
  | 'cpu_wait'
  | 'overload_cpu'
  | 'overload_memory'
  | 'memory_leak'
  | 'error_logs'
  | 'task_success'
  | 'arrival'
  | 'heartbeat_level_1'
  | 'heartbeat_level_2'
  | 'heartbeat_level_3'
  | 'evidence_conflict'
  | 'config_drift'
  | 'network_partition'
  | 'resource_contention'
  | 'score_low'
  | 'fusion'

const beat = (level: number): Sensed => {
  const what = `no heartbeat of level ${level} for`
  return { rule: 'heartbeat_levels', kind: 'heartbeat', unit: 'ms', what }
}

/** In the order in which they are told. */
export const SENSED: Readonly<Record<SensedName, Sensed>> = {
  peers_errors: errors('peers', 'share of errors among its peers'),
  peers_latency: latency('peers', 'P99 among its peers'),
  ewma3s_errors: errors('ewma3s', 'share of errors'),
  ewma3s_latency: latency('ewma3s', 'mean latency'),
  adaptive_errors: errors('adaptive', 'share of errors'),
  adaptive_latency: latency('adaptive', 'mean latency'),
  adaptive_load: latency('adaptive_load', 'mean latency at this load'),
  median_mad_errors: errors('median_mad', 'share of errors'),
  median_mad_latency: latency('median_mad', 'mean latency'),
  seasonal_errors: errors('seasonal', 'share of errors at this time of day'),
  seasonal_latency: latency('seasonal', 'mean latency at this time of day'),
  joint: { rule: 'joint', kind: '', unit: 'sigma', what: 'several figures together' },
  burn_rate: { rule: 'burn_rate', kind: 'errors', unit: 'times', what: 'error budget burns' },
  rtt: { rule: 'rtt', kind: 'rtt', unit: 'ms', what: 'round trip' },
  loss: { rule: 'loss', kind: 'loss', unit: 'ratio', what: 'probes lost' },
  cpu_wait: { rule: 'cpu_wait', kind: 'cpu', unit: 'ms', what: 'waited for a processor' },
  overload_cpu: { rule: 'overload', kind: 'cpu', unit: 'ratio', what: 'CPU' },
  overload_memory: { rule: 'overload', kind: 'memory', unit: 'ratio', what: 'memory' },
  memory_leak: {
    rule: 'memory_leak',
    kind: 'memory',
    unit: 'bytes',
    what: 'memory grows a minute',
  },
  error_logs: { rule: 'error_logs', kind: 'logs', unit: 'lines', what: 'error lines in 10 s' },
  task_success: { rule: 'task_success', kind: 'tasks', unit: 'ratio', what: 'tasks succeeded' },
  arrival: { rule: 'arrival', kind: 'heartbeat', unit: 'ms', what: 'heartbeat after' },
  heartbeat_level_1: beat(1),
  heartbeat_level_2: beat(2),
  heartbeat_level_3: beat(3),
  evidence_conflict: {
    rule: 'evidence_conflict',
    kind: '',
    unit: 'state',
    what: 'the instance and its probes say different things',
  },
  config_drift: {
    rule: 'config_drift',
    kind: 'config',
    unit: 'ms',
    what: 'another configuration than the intended one for',
  },
  network_partition: {
    rule: 'network_partition',
    kind: '',
    unit: 'state',
    what: 'silent, and others reach it',
  },
  resource_contention: {
    rule: 'resource_contention',
    kind: '',
    unit: 'state',
    what: 'its samples come late while it waits for a processor',
  },
  score_low: { rule: 'score_low', kind: '', unit: 'points', what: 'health score' },
  fusion: { rule: 'fusion', kind: '', unit: 'state', what: 'kinds of signal that stand together' },
}

export const SENSED_NAMES: readonly SensedName[] = Object.keys(SENSED).filter(isSensed)

export function isSensed(name: string): name is SensedName {
  return Object.hasOwn(SENSED, name)
}

/** One sentence with the figures. */
export function sensedText(name: SensedName, value: number, limit: number): string {
  const { unit, what } = SENSED[name]
  if (unit === 'state' && name !== 'fusion') return what
  return `${what}: ${figure(value, unit)}, limit ${figure(limit, unit)}`
}

function figure(value: number, unit: Unit): string {
  switch (unit) {
    case 'ratio':
      return `${(value * 100).toFixed(1)} %`
    case 'us':
      return `${(value / 1_000).toFixed(1)} ms`
    case 'ms':
      return value < 10_000 ? `${value.toFixed(1)} ms` : `${(value / 1_000).toFixed(1)} s`
    case 'bytes':
      return `${(value / 1_048_576).toFixed(1)} MiB`
    case 'sigma':
      return `${value.toFixed(1)} σ`
    case 'times':
      return `${value.toFixed(1)} times`
    case 'points':
      return value.toFixed(1)
    case 'lines':
    case 'state':
      return String(Math.round(value))
  }
}
