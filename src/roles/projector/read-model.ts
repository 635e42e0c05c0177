// The read model: what the rows of a store of views say now, bounded. It is a fold like any other,
// but nothing decides from it; it can be thrown away and read again.
import type {
  Command,
  CommandResult,
  HealthView,
  IncidentEvent,
  PolicyKind,
  PolicyRecord,
  RecordOf,
  RegistryEntry,
} from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { ViewTopic } from '../../runtime/view-port.ts'
import { isOver, OPS } from './views.ts'
import type {
  CommandView,
  IncidentSummary,
  IncidentView,
  InstanceView,
  PolicyView,
  ServiceView,
  WindowView,
} from './views.ts'

export interface ModelLimits {
  readonly instancesMax: number
  readonly incidentsMax: number
  readonly eventsPerIncidentMax: number
  readonly commandsMax: number
  readonly policiesMax: number
}

/** About 100 MB at the very most; the oldest ended incidents and the oldest commands go first. */
export const MODEL_LIMITS: ModelLimits = {
  instancesMax: 20_000,
  incidentsMax: 1_000,
  eventsPerIncidentMax: 200,
  commandsMax: 2_000,
  policiesMax: 2_000,
}

const SPAN_MS = 60_000
/** Results kept of one command: started, ended, and what a garbled agent may repeat. */
const RESULTS_MAX = 16

interface Incident {
  readonly events: IncidentEvent[]
  dropped: number
  openedAtMs: number
}

interface Place {
  readonly partition: number
  readonly key: string
}

interface HeldPolicy {
  record: PolicyRecord
  readonly partitions: Set<number>
}

export class ReadModel {
  private readonly limits: ModelLimits
  private health = new Map<string, HealthView>()
  private registry = new Map<string, RegistryEntry>()
  private incidentsById = new Map<string, Incident>()
  private commandsById = new Map<string, Command>()
  /** By command id; a result may be read before its command (they lie on two topics). */
  private resultsById = new Map<string, CommandResult[]>()
  private policiesByName = new Map<string, HeldPolicy>()

  constructor(limits: ModelLimits = MODEL_LIMITS) {
    this.limits = limits
  }

  /**
   * Takes one record; null is a tombstone. Records of a partition come in offset order, each once.
   */
  fold<K extends ViewTopic>(
    at: { readonly topic: K; readonly partition: number; readonly key: string },
    record: RecordOf[K] | null,
  ): void {
    ReadModel.FOLDS[at.topic](this, record, at)
  }

  /** From now on what `other` is; `other` is not to be used any more. */
  become(other: ReadModel): void {
    this.health = other.health
    this.registry = other.registry
    this.incidentsById = other.incidentsById
    this.commandsById = other.commandsById
    this.resultsById = other.resultsById
    this.policiesByName = other.policiesByName
  }

  /** Only the compacted views know tombstones; elsewhere one says nothing. */
  private static readonly FOLDS: {
    readonly [K in ViewTopic]: (model: ReadModel, record: RecordOf[K] | null, at: Place) => void
  } = {
    health: (model, record, at) =>
      model.keep(model.health, at.key, record, (a, b) => a.version - b.version),
    registry: (model, record, at) =>
      model.keep(model.registry, at.key, record, (a, b) => a.record_version - b.record_version),
    incidents: (model, event) => event !== null && model.foldIncident(event),
    commands: (model, command) => command !== null && model.foldCommand(command),
    results: (model, result) => result !== null && model.foldResult(result),
    policies: (model, record, at) => record !== null && model.foldPolicy(record, at.partition),
  }

  private keep<T>(
    map: Map<string, T>,
    key: string,
    record: T | null,
    compare: (a: T, b: T) => number,
  ): void {
    const held = map.get(key)
    if (record === null) map.delete(key)
    else if (held === undefined || compare(record, held) >= 0) map.set(key, record)
    dropOldest(map, this.limits.instancesMax)
  }

  private foldIncident(event: IncidentEvent): void {
    const held = this.incidentsById.get(event.incident_id)
    const incident = held ?? { events: [], dropped: 0, openedAtMs: event.at_ms }
    incident.events.push(event)
    if (incident.events.length > this.limits.eventsPerIncidentMax) {
      // The first event says what was detected: it stays, the one after it goes.
      incident.events.splice(1, 1)
      incident.dropped++
    }
    if (held !== undefined) return
    this.incidentsById.set(event.incident_id, incident)
    if (this.incidentsById.size <= this.limits.incidentsMax) return
    const ended = [...this.incidentsById].find(([, i]) => isOver(stateOf(i)))
    this.incidentsById.delete(ended?.[0] ?? firstKey(this.incidentsById))
  }

  private foldCommand(command: Command): void {
    if (!this.commandsById.has(command.command_id))
      this.commandsById.set(command.command_id, command)
    dropOldest(this.commandsById, this.limits.commandsMax)
  }

  private foldResult(result: CommandResult): void {
    const results = this.resultsById.get(result.command_id) ?? []
    const known = results.some(
      (r) => r.epoch === result.epoch && r.lane === result.lane && r.seq === result.seq,
    )
    if (known || results.length >= RESULTS_MAX) return
    results.push(result)
    this.resultsById.set(result.command_id, results)
    dropOldest(this.resultsById, this.limits.commandsMax)
  }

  private foldPolicy(record: PolicyRecord, partition: number): void {
    const id = policyId(record.kind, record.name)
    const held = this.policiesByName.get(id)
    if (held === undefined || record.version > held.record.version) {
      this.policiesByName.set(id, { record, partitions: new Set([partition]) })
      dropOldest(this.policiesByName, this.limits.policiesMax)
    } else if (record.version === held.record.version && record.sha256 === held.record.sha256) {
      held.partitions.add(partition)
    }
  }

  instances(service: string | null = null): readonly InstanceView[] {
    const keys = new Set([...this.registry.keys(), ...this.health.keys()])
    const found: InstanceView[] = []
    for (const key of keys) {
      const view = this.instance(key)
      if (view !== null && (service === null || view.service === service)) found.push(view)
    }
    return found.sort((a, b) => byText(a.service, b.service) || byText(a.instance, b.instance))
  }

  private instance(key: string): InstanceView | null {
    const health = this.health.get(key)
    const entry = this.registry.get(key)
    const service = health?.service ?? entry?.service
    const instance = health?.instance ?? entry?.instance ?? null
    if (service === undefined || instance === null) return null
    return {
      service,
      instance,
      incarnation: Math.max(health?.incarnation ?? 0, entry?.incarnation ?? 0),
      lifecycle: entry?.lifecycle ?? 'unknown',
      link: entry?.link ?? 'unknown',
      health: health?.health ?? 'unknown',
      since_ms: health?.since_ms ?? null,
      reason: health?.reason ?? 'nothing judged yet',
      routable: health?.routable ?? false,
      guard: health?.guard ?? null,
      signals: health?.signals ?? [],
      ...windowOf(health),
      host: entry?.host ?? null,
      port: entry?.port ?? null,
      zone: entry?.zone ?? null,
      app_version: entry?.app_version ?? null,
      agent: entry?.agent ?? null,
      incident_id: health?.incident_id ?? null,
      score: health?.score ?? null,
    }
  }

  services(): readonly ServiceView[] {
    const groups = new Map<string, InstanceView[]>()
    for (const view of this.instances()) {
      const group = groups.get(view.service)
      if (group === undefined) groups.set(view.service, [view])
      else group.push(view)
    }
    const open = this.incidents().filter((incident) => incident.open)
    return [...groups].flatMap(([name, members]) => {
      const first = members[0]
      if (first === undefined) return []
      const whole = this.health.get(viewKey(name, null))
      const count = (health: string): number => members.filter((m) => m.health === health).length
      return {
        service: first.service,
        health: whole?.health ?? 'unknown',
        reason: whole?.reason ?? 'nothing judged yet',
        instances: members.length,
        healthy: count('healthy'),
        unstable: count('unstable'),
        unhealthy: count('unhealthy'),
        unknown: count('unknown'),
        routable: members.filter((m) => m.routable).length,
        ...windowOf(whole),
        open_incidents: open.filter((incident) => incident.service === name).length,
      }
    })
  }

  /** Newest first. */
  incidents(service: string | null = null): readonly IncidentSummary[] {
    return [...this.incidentsById.values()]
      .filter((incident) => incident.events[0]?.incident_id !== OPS)
      .flatMap((incident) => this.summary(incident) ?? [])
      .filter((view) => service === null || view.service === service)
      .sort((a, b) => b.opened_at_ms - a.opened_at_ms || byText(a.incident_id, b.incident_id))
  }

  private summary(incident: Incident): IncidentSummary | null {
    const first = incident.events[0]
    const last = incident.events.at(-1)
    if (first === undefined || last === undefined) return null
    return {
      incident_id: first.incident_id,
      service: first.service,
      instance: first.instance,
      state: last.state,
      open: !isOver(last.state),
      opened_at_ms: incident.openedAtMs,
      updated_at_ms: last.at_ms,
      attempt: last.attempt,
      events: incident.events.length + incident.dropped,
      commands: this.commandsOf(first.incident_id).length,
      summary: last.summary,
    }
  }

  private commandsOf(incidentId: string): readonly Command[] {
    return [...this.commandsById.values()].filter((c) => c.incident_id === incidentId)
  }

  private resultsOf(command: Command): readonly CommandResult[] {
    return this.resultsById.get(command.command_id) ?? []
  }

  incident(id: string): IncidentView | null {
    const incident = this.incidentsById.get(id)
    const summary = incident === undefined ? null : this.summary(incident)
    if (incident === undefined || summary === null) return null
    const commands = this.commandsOf(id)
    return {
      ...summary,
      timeline: [...incident.events],
      events_dropped: incident.dropped,
      command_records: commands,
      results: commands.flatMap((c) => this.resultsOf(c)),
    }
  }

  /** Newest first. */
  commands(service: string | null = null): readonly CommandView[] {
    return [...this.commandsById.values()]
      .filter((command) => service === null || command.target.service === service)
      .map((command) => commandView(command, this.resultsOf(command).at(-1)))
      .sort((a, b) => b.issued_at_ms - a.issued_at_ms || byText(a.command_id, b.command_id))
  }

  policies(): readonly PolicyView[] {
    return [...this.policiesByName.values()]
      .filter(({ record }) => !record.deleted)
      .map(policyView)
      .sort((a, b) => byText(a.kind, b.kind) || byText(a.name, b.name))
  }

  /** The newest record of a kind and name, deleted ones too, and how many partitions hold it. */
  policy(
    kind: PolicyKind,
    name: string,
  ): { readonly record: PolicyRecord; readonly partitions: number } | null {
    const held = this.policiesByName.get(policyId(kind, name))
    return held === undefined ? null : { record: held.record, partitions: held.partitions.size }
  }
}

const policyId = (kind: PolicyKind, name: string): string => `${kind}/${name}`

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const stateOf = (incident: Incident): IncidentEvent['state'] =>
  incident.events.at(-1)?.state ?? 'unknown'

const firstKey = (map: ReadonlyMap<string, unknown>): string => map.keys().next().value ?? ''

function dropOldest(map: Map<string, unknown>, max: number): void {
  while (map.size > max) map.delete(firstKey(map))
}

function windowOf(health: HealthView | undefined): WindowView {
  const window = health?.windows.find((w) => w.span_ms === SPAN_MS)
  return {
    n: window?.n ?? 0,
    success_rate: window?.success_rate ?? null,
    p99_us: window?.p99_us ?? null,
  }
}

function commandView(command: Command, result: CommandResult | undefined): CommandView {
  const ended = result !== undefined && result.outcome !== 'started'
  return {
    command_id: command.command_id,
    service: command.target.service,
    instance: command.target.instance,
    action: command.action,
    mode: command.mode,
    incident_id: command.incident_id,
    attempt: command.attempt,
    policy: command.policy,
    policy_version: command.policy_version,
    agent: command.target.agent,
    issued_at_ms: command.issued_at_ms,
    expires_at_ms: command.expires_at_ms,
    outcome: result?.outcome ?? null,
    refusal: result?.refusal ?? null,
    detail: result?.detail ?? '',
    ended_at_ms: ended ? result.ended_at_ms : null,
  }
}

function policyView({ record, partitions }: HeldPolicy): PolicyView {
  const { name, kind, version, sha256, author, at_ms, comment, document } = record
  const held = partitions.size
  return { name, kind, version, sha256, author, at_ms, comment, document, partitions: held }
}
