// The named detectors: whether each is on, how much it argues for, and its parameters. The one
// place of their defaults; `spec.detectors` of a DetectorSet overrides them by service, and
// docs/detection.md shows this table.
import * as z from 'zod'
import { ms } from './policy-fields.ts'

/** What a detector argues for: nothing by itself, or a health. */
export type Severity = 'note' | 'unstable' | 'unhealthy'

export interface Rule {
  readonly enabled: boolean
  readonly severity: Severity
}

/** `kind`: what it looks at; detectors of one kind are one voice in fusion, '' has none. */
export const DETECTOR_TABLE = {
  process_exit: {
    text: 'the process ended and no newer one has begun',
    rows: 'DESIGN 5',
    kind: 'probe',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  connection_refused: {
    text: 'a connection was refused on the own host',
    rows: 'DESIGN 5',
    kind: 'probe',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  probe_down: {
    text: 'the last probe verdict is down',
    rows: 'S0-31, S1-25, S3-37, S4-24',
    kind: 'probe',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  consecutive_failures: {
    text: 'requests failed in a row',
    rows: 'S4-22',
    kind: 'errors',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  success_rate: {
    text: 'success rate over 60 s at or below the limit',
    rows: 'S0-21',
    kind: 'errors',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  latency_p99: {
    text: 'P99 latency over 60 s at or above the limit',
    rows: 'S0-21',
    kind: 'latency',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  silence: {
    text: 'nothing heard for three heartbeats; the third miss asks for a second opinion',
    rows: 'S0-29, S0-30',
    kind: 'heartbeat',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  announced: {
    text: 'somebody announced it on the service events',
    rows: 'S0-18',
    kind: '',
    enabled: true,
    severity: 'unhealthy',
    parameters: {},
  },
  peers: {
    text: 'errors or P99 latency far above those of the other instances of the service',
    rows: 'S0-21, DESIGN 11',
    kind: 'errors, latency',
    enabled: true,
    severity: 'note',
    parameters: {
      everyMs: 10_000,
      factor: 1.9,
      instancesMin: 5,
      samplesMin: 100,
      errorsMin: 0.05,
      latencyShareMin: 0.5,
    },
  },
  ewma3s: {
    text: 'errors or mean latency above mean + 3σ of the samples before, twice in a row',
    rows: 'S1-35',
    kind: 'errors, latency',
    enabled: false,
    severity: 'note',
    parameters: { everyMs: 10_000, window: 100, factor: 3, inRow: 2 },
  },
  adaptive: {
    text: 'errors or mean latency outside a band that follows them, within hard limits',
    rows: 'S3-19, S0-22',
    kind: 'errors, latency',
    enabled: false,
    severity: 'note',
    parameters: {
      everyMs: 10_000,
      alpha: 0.3,
      window: 100,
      factor: 3,
      inRow: 1,
      relearnAfter: 30,
      driftFactor: 2,
    },
  },
  adaptive_load: {
    text: 'mean latency above what is usual at this load, within hard limits',
    rows: 'S3-19, S3-20, S0-22',
    kind: 'latency',
    enabled: false,
    severity: 'note',
    parameters: { everyMs: 10_000, ratioMin: 1.4, factor: 2.5, relearnAfter: 480 },
  },
  median_mad: {
    text: 'errors or mean latency far from the median, in units of the MAD',
    rows: 'S0-51',
    kind: 'errors, latency',
    enabled: false,
    severity: 'note',
    parameters: { everyMs: 10_000, window: 60, factor: 3.5, inRow: 2 },
  },
  seasonal: {
    text: 'errors or mean latency unusual for this time of day',
    rows: 'S0-51',
    kind: 'errors, latency',
    enabled: false,
    severity: 'note',
    parameters: {
      everyMs: 10_000,
      periodMs: 86_400_000,
      bucketMs: 900_000,
      factor: 4,
      inRow: 2,
      least: 2,
    },
  },
  joint: {
    text: 'errors, latency, CPU, memory and round trip unusual together',
    rows: 'S1-36',
    kind: '',
    enabled: false,
    severity: 'note',
    parameters: { everyMs: 10_000, window: 100, single: 4, joint: 1.9, top: 3, inRow: 2 },
  },
  burn_rate: {
    text: 'the error budget burns too fast over a long and a short window',
    rows: 'S0-21, SRE workbook',
    kind: 'errors',
    enabled: false,
    severity: 'note',
    parameters: { everyMs: 10_000, objective: 0.999, samplesMin: 100 },
  },
  rtt: {
    text: 'round trip at four times its baseline',
    rows: 'S0-35',
    kind: 'rtt',
    enabled: true,
    severity: 'note',
    parameters: { alpha: 0.1, asRatio: false, floorRttMs: 1, relearnAfter: 60 },
  },
  loss: {
    text: 'probes lost, sustained',
    rows: 'S0-36',
    kind: 'loss',
    enabled: true,
    severity: 'note',
    parameters: { max: 0.15, windowMs: 2_000, sustainMs: 1_000, samplesMin: 10 },
  },
  cpu_wait: {
    text: 'ready to run and waiting for a processor, in a second',
    rows: 'S0-37, C-30',
    kind: 'cpu',
    enabled: true,
    severity: 'note',
    parameters: { maxMs: 200 },
  },
  overload: {
    text: 'CPU or memory above its share without a break; 0 cores or bytes: not known, not judged',
    rows: 'S3-10',
    kind: 'cpu',
    enabled: true,
    severity: 'note',
    parameters: { cpuMax: 0.8, cpuCores: 0, memoryMax: 0.9, memoryBytes: 0, forMs: 60_000 },
  },
  memory_leak: {
    text: 'memory grows steadily and is not given back',
    rows: 'S0-55',
    kind: 'memory',
    enabled: true,
    severity: 'note',
    parameters: { everyMs: 10_000, spanMs: 240_000, perMinuteBytes: 5_242_880, correlation: 0.9 },
  },
  error_logs: {
    text: 'error lines in 10 s or in 60 s',
    rows: 'S3-12',
    kind: 'logs',
    enabled: true,
    severity: 'note',
    parameters: { burst: 100, minute: 300 },
  },
  task_success: {
    text: 'share of the last tasks that succeeded',
    rows: 'S3-13',
    kind: 'tasks',
    enabled: true,
    severity: 'note',
    parameters: { window: 50, samplesMin: 10, min: 0.8 },
  },
  arrival: {
    text: 'a heartbeat came far later than usual',
    rows: 'S3-11',
    kind: 'heartbeat',
    enabled: true,
    severity: 'note',
    parameters: { window: 20, factor: 4, sigmaMinMs: 100 },
  },
  heartbeat_levels: {
    text: 'a level of heartbeats is missing: so many of its periods without one',
    rows: 'S1-20, S1-21, S1-22, S1-23, S1-24',
    kind: 'heartbeat',
    enabled: true,
    severity: 'note',
    parameters: { level1: 3, level2: 3, level3: 2 },
  },
  evidence_conflict: {
    text: 'the instance and its probes say different things',
    rows: 'S1-25',
    kind: '',
    enabled: true,
    severity: 'note',
    parameters: {},
  },
  config_drift: {
    text: 'another configuration than the intended one; version 0: the newest of its service',
    rows: 'S1-15',
    kind: 'config',
    enabled: true,
    severity: 'note',
    parameters: { afterMs: 10_000, version: 0 },
  },
  network_partition: {
    text: 'silent, and others reach it',
    rows: 'S1-13',
    kind: '',
    enabled: true,
    severity: 'note',
    parameters: {},
  },
  resource_contention: {
    text: 'its samples come late while it waits for a processor',
    rows: 'S1-14',
    kind: '',
    enabled: true,
    severity: 'note',
    parameters: {},
  },
  score_low: {
    text: 'health score below the warning',
    rows: 'S3-14, S3-15, C-25',
    kind: '',
    enabled: true,
    severity: 'note',
    parameters: {
      warning: 60,
      cpuWeight: 0.4,
      memoryWeight: 0.3,
      errorWeight: 5,
      latencyWeight: 0.01,
      heartbeatWeight: 0,
      logsWeight: 0,
      tasksWeight: 0,
    },
  },
  fusion: {
    text: 'so many kinds of signal stand together',
    rows: 'S0-38',
    kind: '',
    enabled: true,
    severity: 'unstable',
    parameters: { k: 2, windowMs: 1_000 },
  },
} as const

type Table = typeof DETECTOR_TABLE
export type DetectorName = keyof Table
type Widened<T> = T extends number ? number : T extends boolean ? boolean : string
type ParametersOf<D extends DetectorName> = {
  readonly [P in keyof Table[D]['parameters']]: Widened<Table[D]['parameters'][P]>
}
export type DetectorSettings = { readonly [D in DetectorName]: Rule & ParametersOf<D> }
/** What a document says of them; the rest stays as it is. */
export type DetectorOverrides = { readonly [D in DetectorName]?: Partial<DetectorSettings[D]> }

/** Some detector, its parameters by name. */
interface Row {
  readonly text: string
  readonly rows: string
  readonly kind: string
  readonly enabled: boolean
  readonly severity: Severity
  readonly parameters: Readonly<Record<string, number | boolean>>
}

export const DETECTOR_NAMES: readonly DetectorName[] = Object.keys(DETECTOR_TABLE).filter(isName)

function isName(name: string): name is DetectorName {
  return Object.hasOwn(DETECTOR_TABLE, name)
}

export function detectorRow(name: DetectorName): Row {
  return DETECTOR_TABLE[name]
}

/** The defaults. */
export const DETECTOR_SETTINGS: DetectorSettings = merged([])

/** The defaults, then each of `overrides`; the later one wins. */
export function merged(overrides: readonly DetectorOverrides[]): DetectorSettings {
  const all = DETECTOR_NAMES.map((name) => {
    const { enabled, severity, parameters } = detectorRow(name)
    const said = overrides.map((override) => override[name] ?? {})
    return [name, Object.assign({ enabled, severity, ...parameters }, ...said) as unknown]
  })
  // The table has every name with every parameter, and an override has no others.
  return Object.fromEntries(all) as DetectorSettings
}

const SHARES = new Set(['alpha', 'max', 'min', 'objective', 'cpuMax', 'memoryMax', 'correlation'])
const COUNTS = new Set(['window', 'inRow', 'relearnAfter', 'k', 'top', 'least', 'instancesMin'])
const WINDOW_MAX = 1_000

function parameterOf(name: string, value: number | boolean): z.ZodType {
  if (typeof value === 'boolean') return z.boolean()
  if (name.endsWith('Ms')) return ms
  if (SHARES.has(name)) return z.number().min(0).max(1)
  if (COUNTS.has(name)) return z.number().int().min(1).max(WINDOW_MAX)
  return z.number().min(0).max(Number.MAX_SAFE_INTEGER)
}

function ruleOf(name: DetectorName): z.ZodType {
  const parameters = Object.entries(detectorRow(name).parameters).map(([key, value]) => {
    return [key, parameterOf(key, value).optional()]
  })
  return z.strictObject({
    enabled: z.boolean().optional(),
    severity: z.enum(['note', 'unstable', 'unhealthy']).optional(),
    ...Object.fromEntries(parameters),
  })
}

const SEASONS_MAX = 1_440
const SHORTEST_MS = 1_000
const all = z
  .strictObject(Object.fromEntries(DETECTOR_NAMES.map((name) => [name, ruleOf(name).optional()])))
  .superRefine((said, context) => {
    const whole = merged([said])
    for (const name of DETECTOR_NAMES) {
      const rule = whole[name]
      if ('everyMs' in rule && rule.everyMs < SHORTEST_MS) {
        const message = 'at least 1s between samples'
        context.addIssue({ code: 'custom', path: [name, 'everyMs'], message })
      }
    }
    const { periodMs, bucketMs } = whole.seasonal
    if (bucketMs > 0 && periodMs % bucketMs === 0 && periodMs / bucketMs <= SEASONS_MAX) return
    const message = `a part of periodMs without a rest, at most ${SEASONS_MAX} of them`
    context.addIssue({ code: 'custom', path: ['seasonal', 'bucketMs'], message })
  })

/** `spec.detectors` of a DetectorSet. */
export const detectorOverrides: z.ZodType<DetectorOverrides> = all
