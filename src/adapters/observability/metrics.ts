// Metrics of the named events, as Prometheus reads them. Names come from the table of events alone,
// and every metric has a bounded number of series: labels taken from records cannot fill the
// memory.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { printable } from '../../contracts/printable.ts'
import type { EventSpec, MetricSpec } from '../../runtime/event-spec.ts'
import type { EventFields } from '../../runtime/instruments.ts'

const PREFIX = 'healstream_'
/** Series of one metric; further combinations of labels are counted as `other`. */
export const SERIES_MAX = 1_000
const LABEL_MAX = 64
/** For times in ms, when the event names none. */
const BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

/**
 * prom-client measures how late the event loop is by waking it a hundred times a second, and cannot
 * be told not to: so it does that as seldom as a timer can, and what it makes of it is not shown.
 * How late it is at the moment of asking stays.
 */
const NEVER_MS = 2_147_483_647
const BY_WAKING = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99']

type Instrument = Counter | Gauge | Histogram
type Labels = Record<string, string>

interface Metric {
  readonly instrument: Instrument
  readonly seen: Set<string>
}

export class Metrics {
  private readonly registry = new Registry()
  private readonly metrics: ReadonlyMap<string, Metric>

  constructor(events: readonly EventSpec[], labels: Labels, build: Labels) {
    this.registry.setDefaultLabels(labels)
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: NEVER_MS })
    for (const which of BY_WAKING)
      this.registry.removeSingleMetric(`nodejs_eventloop_lag_${which}_seconds`)
    const info = new Gauge({
      name: `${PREFIX}build_info`,
      help: 'Version of healstream and of Node; always 1.',
      labelNames: Object.keys(build),
      registers: [this.registry],
    })
    info.set(build, 1)
    const specs = new Map(events.flatMap((event) => event.metrics ?? []).map((m) => [m.name, m]))
    this.metrics = new Map([...specs].map(([name, spec]) => [name, this.create(spec)]))
  }

  get contentType(): string {
    return this.registry.contentType
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }

  observe(spec: MetricSpec, fields: EventFields): void {
    const metric = this.metrics.get(spec.name)
    const value = spec.value === undefined ? 1 : fields[spec.value]
    if (metric === undefined) return
    if (value === null && metric.instrument instanceof Gauge) {
      metric.instrument.remove(labelsOf(spec, fields))
      return
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) return
    const labels = bounded(metric, labelsOf(spec, fields))
    const { instrument } = metric
    if (instrument instanceof Gauge) instrument.set(labels, value)
    else if (instrument instanceof Histogram) instrument.observe(labels, value)
    else if (value >= 0) instrument.inc(labels, value)
  }

  private create(spec: MetricSpec): Metric {
    const common = {
      name: PREFIX + spec.name,
      help: spec.help,
      labelNames: [...(spec.labels ?? [])],
      registers: [this.registry],
    }
    const seen = new Set<string>()
    if (spec.kind === 'counter') return { instrument: new Counter(common), seen }
    if (spec.kind === 'gauge') return { instrument: new Gauge(common), seen }
    const buckets = [...(spec.buckets ?? BUCKETS)]
    return { instrument: new Histogram({ ...common, buckets }), seen }
  }
}

function labelsOf(spec: MetricSpec, fields: EventFields): Labels {
  const names = spec.labels ?? []
  return Object.fromEntries(
    names.map((name) => [name, printable(String(fields[name] ?? '')).slice(0, LABEL_MAX)]),
  )
}

function bounded(metric: Metric, labels: Labels): Labels {
  const key = JSON.stringify(Object.values(labels))
  if (metric.seen.has(key)) return labels
  if (metric.seen.size < SERIES_MAX) {
    metric.seen.add(key)
    return labels
  }
  return Object.fromEntries(Object.keys(labels).map((name) => [name, 'other']))
}
