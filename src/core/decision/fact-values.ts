// From the facts of a step to the facts a trigger can ask about: looked up when they are asked, as
// most are of nobody's interest.
import type { Health, Lifecycle, Link } from '../../contracts/records.ts'
import type { Figures, InstanceFacts, ServiceFacts, SpanMs } from '../kernel/facts.ts'
import type { Metrics } from '../kernel/signs.ts'
import type { FactValues } from './fact-table.ts'
import { isInService } from './group.ts'

const milliseconds = (figures: Figures | null): number | null => {
  const us = figures?.p99Us ?? null
  return us === null ? null : us / 1_000
}

/** Errors over requests, so that 0.5 is exactly half; null without requests. */
const errorRate = (figures: Figures | null): number | null =>
  figures === null || figures.n === 0 ? null : figures.errors / figures.n

const successRate = (figures: Figures | null): number | null => figures?.successRate ?? null

/** How many there are, and how many of them are unstable or unhealthy. */
interface Count {
  n: number
  sick: number
}

/** Figures of somebody by window, each taken once. */
class Windows {
  private readonly of: Pick<InstanceFacts, 'window' | 'over'>
  private held: Figures | null = null
  private held10: Figures | null = null
  private held300: Figures | null = null

  constructor(of: Pick<InstanceFacts, 'window' | 'over'>) {
    this.of = of
  }

  get judged(): Figures {
    this.held ??= this.of.window
    return this.held
  }

  get short(): Figures | null {
    this.held10 ??= this.over(10_000)
    return this.held10
  }

  get long(): Figures | null {
    this.held300 ??= this.over(300_000)
    return this.held300
  }

  private over(spanMs: SpanMs): Figures | null {
    return this.of.over?.(spanMs) ?? null
  }
}

/** Values that are the same for all instances of a service, and what they are counted from. */
export class ServiceValues {
  readonly windows: Windows
  private readonly facts: ServiceFacts
  private serving: { readonly n: number; readonly healthy: number } | null = null
  private zones: ReadonlyMap<string, Count> | null = null
  private versions: ReadonlyMap<string, Count> | null = null

  constructor(facts: ServiceFacts) {
    this.facts = facts
    this.windows = new Windows(facts)
  }

  get inService(): { readonly n: number; readonly healthy: number } {
    if (this.serving === null) {
      const serving = this.facts.instances.filter(isInService)
      const healthy = serving.filter(({ health }) => health === 'healthy').length
      this.serving = { n: serving.length, healthy }
    }
    return this.serving
  }

  sickInZone(zone: string | null): number | null {
    this.zones ??= this.countBy((facts) => facts.zone)
    return shareOf(this.zones, zone)
  }

  sickOfVersion(version: string | null): number | null {
    this.versions ??= this.countBy((facts) => facts.appVersion)
    return shareOf(this.versions, version)
  }

  private countBy(keyOf: (facts: InstanceFacts) => string | null): ReadonlyMap<string, Count> {
    const counts = new Map<string, Count>()
    for (const facts of this.facts.instances) {
      const key = keyOf(facts)
      if (key === null || !isInService(facts)) continue
      const count = counts.get(key) ?? { n: 0, sick: 0 }
      counts.set(key, count)
      count.n += 1
      if (facts.health === 'unstable' || facts.health === 'unhealthy') count.sick += 1
    }
    return counts
  }
}

function shareOf(counts: ReadonlyMap<string, Count>, key: string | null): number | null {
  const count = key === null ? undefined : counts.get(key)
  return count === undefined ? null : count.sick / count.n
}

/** The facts of one instance, by the names that triggers use. */
export class InstanceValues implements FactValues {
  private readonly facts: InstanceFacts
  private readonly common: ServiceValues
  private readonly windows: Windows

  constructor(facts: InstanceFacts, common: ServiceValues) {
    this.facts = facts
    this.common = common
    this.windows = new Windows(facts)
  }

  get success_rate(): number | null {
    return successRate(this.windows.judged)
  }

  get error_rate(): number | null {
    return errorRate(this.windows.judged)
  }

  get p99_ms(): number | null {
    return milliseconds(this.windows.judged)
  }

  get n(): number {
    return this.windows.judged.n
  }

  get errors(): number {
    return this.windows.judged.errors
  }

  get success_rate_10s(): number | null {
    return successRate(this.windows.short)
  }

  get error_rate_10s(): number | null {
    return errorRate(this.windows.short)
  }

  get p99_ms_10s(): number | null {
    return milliseconds(this.windows.short)
  }

  get n_10s(): number | null {
    return this.windows.short?.n ?? null
  }

  get errors_10s(): number | null {
    return this.windows.short?.errors ?? null
  }

  get success_rate_5m(): number | null {
    return successRate(this.windows.long)
  }

  get error_rate_5m(): number | null {
    return errorRate(this.windows.long)
  }

  get p99_ms_5m(): number | null {
    return milliseconds(this.windows.long)
  }

  get n_5m(): number | null {
    return this.windows.long?.n ?? null
  }

  get errors_5m(): number | null {
    return this.windows.long?.errors ?? null
  }

  get service_success_rate(): number | null {
    return successRate(this.common.windows.judged)
  }

  get service_error_rate(): number | null {
    return errorRate(this.common.windows.judged)
  }

  get service_p99_ms(): number | null {
    return milliseconds(this.common.windows.judged)
  }

  get service_n(): number {
    return this.common.windows.judged.n
  }

  get service_success_rate_10s(): number | null {
    return successRate(this.common.windows.short)
  }

  get service_error_rate_10s(): number | null {
    return errorRate(this.common.windows.short)
  }

  get service_p99_ms_10s(): number | null {
    return milliseconds(this.common.windows.short)
  }

  get service_n_10s(): number | null {
    return this.common.windows.short?.n ?? null
  }

  get service_success_rate_5m(): number | null {
    return successRate(this.common.windows.long)
  }

  get service_error_rate_5m(): number | null {
    return errorRate(this.common.windows.long)
  }

  get service_p99_ms_5m(): number | null {
    return milliseconds(this.common.windows.long)
  }

  get service_n_5m(): number | null {
    return this.common.windows.long?.n ?? null
  }

  get service_instances(): number {
    return this.common.inService.n
  }

  get service_healthy(): number {
    return this.common.inService.healthy
  }

  get health(): Health {
    return this.facts.health
  }

  get probe(): 'up' | 'down' | null {
    return this.facts.probe?.verdict ?? null
  }

  get detectors(): readonly string[] {
    return this.facts.findings.map(({ detector }) => detector)
  }

  get self_evident(): boolean {
    return this.facts.findings.some(
      (finding) => finding.class === 'self_evident' && finding.severity === 'unhealthy',
    )
  }

  get transitions(): number {
    return this.facts.transitions
  }

  get lifecycle(): Lifecycle {
    return this.facts.lifecycle
  }

  get link(): Link {
    return this.facts.link
  }

  get service(): string {
    return this.facts.service
  }

  get instance(): string {
    return this.facts.instance
  }

  get zone(): string | null {
    return this.facts.zone
  }

  get version(): string | null {
    return this.facts.appVersion
  }

  get incarnation(): number {
    return this.facts.incarnation
  }

  get notes(): readonly string[] {
    return this.facts.notes.map(({ detector }) => detector)
  }

  get cpu(): number | null {
    return this.facts.signs.cpu
  }

  get fds(): number | null {
    return this.facts.signs.fds
  }

  get run_queue_ms(): number | null {
    return this.facts.signs.runQueueMs
  }

  get loop_delay_ms(): number | null {
    return this.facts.signs.loopDelayMs
  }

  get rtt_ms(): number | null {
    return this.facts.signs.rttMs
  }

  get loss(): number | null {
    return this.facts.signs.loss
  }

  get error_logs(): number | null {
    return this.facts.signs.errorLogs
  }

  get task_success(): number | null {
    return this.facts.signs.taskSuccess
  }

  get score(): number | null {
    return this.facts.signs.score
  }

  get memory_mib(): number | null {
    const { memory } = this.facts.signs
    return memory === null ? null : memory / 1_048_576
  }

  get breaker(): string | null {
    return this.facts.signs.breaker
  }

  get label(): string | null {
    return this.facts.signs.label
  }

  get metrics(): Metrics {
    return this.facts.metrics
  }

  get zone_sick_share(): number | null {
    return this.common.sickInZone(this.facts.zone)
  }

  get version_sick_share(): number | null {
    return this.common.sickOfVersion(this.facts.appVersion)
  }
}
