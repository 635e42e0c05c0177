// From samples of facts to what judging hands to deciding: the figures, findings and signs that a
// real instance with these facts would have.
import { agentId, instanceId, serviceId } from '../../contracts/ids.ts'
import type { Health, Lifecycle, Link } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { FactName } from '../../core/decision/fact-table.ts'
import type {
  Figures,
  Finding,
  InstanceFacts,
  ServiceFacts,
  SpanMs,
} from '../../core/kernel/facts.ts'
import type { Breaker, FailureLabel, Signs } from '../../core/kernel/signs.ts'
import type { Series } from './policy-test-file.ts'
import type { Sample } from './series.ts'

/** Requests of an instance whose rate is given without their number; a power of two is exact. */
const REQUESTS = 1_024
/** Everybody was there long before the test. */
const REGISTERED_AGO_MS = 86_400_000
const MIB = 1_048_576

/** Samples of one instance at one moment: by fact, and by metric of its own. */
export interface Moment {
  readonly facts: ReadonlyMap<FactName, Sample>
  readonly metrics: ReadonlyMap<string, number>
}

/** The samples of an instance at an index; a series that has ended stays at its last sample. */
export function momentOf(series: readonly Series[], instance: string, index: number): Moment {
  const facts = new Map<FactName, Sample>()
  const metrics = new Map<string, number>()
  for (const { instance: of, fact, metric, samples } of series) {
    if (of !== instance) continue
    const sample = samples[Math.min(index, samples.length - 1)] ?? null
    if (fact !== null) facts.set(fact, sample)
    else if (metric !== null && typeof sample === 'number') metrics.set(metric, sample)
  }
  return { facts, metrics }
}

const CALM: Moment = { facts: new Map(), metrics: new Map() }

class Reader {
  private readonly moment: Moment
  constructor(moment: Moment) {
    this.moment = moment
  }

  number(fact: FactName): number | null {
    const sample = this.moment.facts.get(fact)
    return typeof sample === 'number' ? sample : null
  }

  text<T extends string>(fact: FactName, otherwise: T): T
  text(fact: FactName, otherwise: null): string | null
  text(fact: FactName, otherwise: string | null): string | null {
    const sample = this.moment.facts.get(fact)
    if (sample === undefined) return otherwise
    return typeof sample === 'string' ? sample : null
  }

  word<T extends string>(fact: FactName, words: readonly T[], otherwise: T): T {
    const text = this.text(fact, null)
    return words.find((word) => word === text) ?? otherwise
  }

  list(fact: FactName): readonly string[] {
    const sample = this.moment.facts.get(fact)
    return Array.isArray(sample) ? sample.map(String) : []
  }

  isTold(fact: FactName): boolean {
    return this.moment.facts.has(fact)
  }
}

type Suffix = '' | '_10s' | '_5m'

function figuresOf(read: Reader, suffix: Suffix, spanMs: SpanMs): Figures {
  const rate = read.number(`error_rate${suffix}`)
  const success = read.number(`success_rate${suffix}`)
  const p99Ms = read.number(`p99_ms${suffix}`)
  const isAny = rate !== null || success !== null || p99Ms !== null
  const n = read.number(`n${suffix}`) ?? (isAny ? REQUESTS : 0)
  const share = rate ?? (success === null ? 0 : 1 - success)
  const errors = read.number(`errors${suffix}`) ?? share * n
  const p99Us = n === 0 || p99Ms === null ? null : p99Ms * 1_000
  const successRate = n === 0 ? null : (success ?? (n - errors) / n)
  return { spanMs, n, errors, successRate, p99Us, maxUs: p99Us ?? 0 }
}

function finding(detector: string, isEvident: boolean, severity: Finding['severity']): Finding {
  const text = `${detector}, as the test says`
  const figures = { sinceMs: 0, value: 1, limit: 0, unit: 'state', text, place: null }
  return { detector, class: isEvident ? 'self_evident' : 'inferred', severity, ...figures }
}

function findingsOf(read: Reader, isEvident: boolean): readonly Finding[] {
  const named = read.list('detectors')
  const all = named.length === 0 && isEvident ? ['process_exit'] : named
  return all.map((detector) => finding(detector, isEvident, 'unhealthy'))
}

function signsOf(read: Reader): Signs {
  const memory = read.number('memory_mib')
  const breakers: readonly Breaker[] = ['closed', 'half_open', 'open']
  const labels: readonly FailureLabel[] = [
    'network_partition',
    'resource_contention',
    'config_drift',
  ]
  return {
    cpu: read.number('cpu'),
    memory: memory === null ? null : memory * MIB,
    fds: read.number('fds'),
    runQueueMs: read.number('run_queue_ms'),
    loopDelayMs: read.number('loop_delay_ms'),
    rttMs: read.number('rtt_ms'),
    loss: read.number('loss'),
    errorLogs: read.number('error_logs'),
    taskSuccess: read.number('task_success'),
    breaker: breakers.find((one) => one === read.text('breaker', null)) ?? null,
    score: read.number('score'),
    label: labels.find((one) => one === read.text('label', null)) ?? null,
  }
}

const HEALTHS: readonly Health[] = ['unknown', 'healthy', 'unstable', 'unhealthy']
const LIVES: readonly Lifecycle[] = ['unknown', 'standby', 'ready', 'draining', 'gone']
const LINKS: readonly Link[] = ['unknown', 'online', 'offline']

/** `moment` absent: one that is well. */
export function instanceFacts(
  at: { readonly service: string; readonly instance: string; readonly startMs: number },
  moment: Moment = CALM,
): InstanceFacts {
  const read = new Reader(moment)
  const isEvident = moment.facts.get('self_evident') === true
  const link = read.word('link', LINKS, 'online')
  const probe = read.text('probe', 'up')
  const registeredAtMs = at.startMs - REGISTERED_AGO_MS
  return {
    key: viewKey(at.service, at.instance),
    service: serviceId(at.service),
    instance: instanceId(at.instance),
    incarnation: read.number('incarnation') ?? 1,
    registeredAtMs,
    lifecycle: read.word('lifecycle', LIVES, 'ready'),
    link,
    zone: read.isTold('zone') ? read.text('zone', null) : 'z1',
    appVersion: read.text('version', null),
    agent: agentId(`agent-${at.instance}`),
    agentEpoch: 1,
    agentHeard: link !== 'offline',
    health: read.word('health', HEALTHS, 'healthy'),
    healthSinceMs: registeredAtMs,
    transitions: read.number('transitions') ?? 0,
    findings: findingsOf(read, isEvident),
    notes: read.list('notes').map((name) => finding(name, false, 'note')),
    signs: signsOf(read),
    metrics: moment.metrics,
    window: figuresOf(read, '', 60_000),
    over: (spanMs) => figuresOf(read, spanMs === 10_000 ? '_10s' : '_5m', spanMs),
    probe: probe === 'up' || probe === 'down' ? { verdict: probe, atMs: at.startMs } : null,
  }
}

/** The figures of a service: those of its instances together, the slowest P99 of them. */
export function serviceFacts(service: string, instances: readonly InstanceFacts[]): ServiceFacts {
  const sum = (spanMs: SpanMs): Figures => {
    const all = instances.map((one) => (spanMs === 60_000 ? one.window : one.over?.(spanMs)))
    const n = all.reduce((total, figures) => total + (figures?.n ?? 0), 0)
    const errors = all.reduce((total, figures) => total + (figures?.errors ?? 0), 0)
    const slow = all.map((figures) => figures?.p99Us ?? null).filter((us) => us !== null)
    const p99Us = slow.length === 0 ? null : Math.max(...slow)
    const successRate = n === 0 ? null : (n - errors) / n
    return { spanMs, n, errors, successRate, p99Us, maxUs: p99Us ?? 0 }
  }
  return { service: serviceId(service), window: sum(60_000), over: sum, instances }
}
