// Records as the agents, instances and people of a scenario write them, every field filled in.
import { createHash } from 'node:crypto'
import {
  agentId,
  clusterId,
  commandId,
  eventId,
  instanceId,
  policyName,
  serviceId,
} from '../../contracts/ids.ts'
import type {
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'
import { indexOf } from '../../core/window/grid.ts'

/** Who speaks, and of whom; ids as plain text. */
export interface Who {
  readonly service: string
  readonly instance: string
  readonly agent: string
  readonly epoch?: number
  readonly lane?: 'live' | 'backlog'
  readonly incarnation?: number
  readonly seq?: number
}

function who(at: Who): Pick<Signal, 'service' | 'instance' | 'agent' | 'epoch' | 'lane' | 'seq'> {
  return {
    service: serviceId(at.service),
    instance: instanceId(at.instance),
    agent: agentId(at.agent),
    epoch: at.epoch ?? 1,
    lane: at.lane ?? 'live',
    seq: at.seq ?? 1,
  }
}

export interface DeltaWords extends Who {
  readonly atMs: number
  /**
   * Requests that succeeded and failed, all of them with this latency unless `latenciesUs` names
   * each.
   */
  readonly ok?: number
  readonly failed?: number
  readonly latencyUs?: number
  readonly latenciesUs?: readonly number[]
  readonly early?: boolean
  readonly caller?: { readonly service: string; readonly instance: string }
}

export function delta(words: DeltaWords): TelemetryDelta {
  const failed = words.failed ?? 0
  const latencies =
    words.latenciesUs ??
    Array.from({ length: (words.ok ?? 0) + failed }, () => words.latencyUs ?? 20_000)
  const { caller } = words
  return {
    ...who(words),
    operation: '',
    incarnation: words.incarnation ?? 1,
    tick_start_ms: words.atMs,
    tick_ms: 1_000,
    flush: words.early === true ? 'early' : 'tick',
    n: latencies.length,
    errors: failed,
    local_errors: 0,
    sum_us: latencies.reduce((sum, us) => sum + us, 0),
    max_us: latencies.reduce((most, us) => Math.max(most, us), 0),
    scale: 4,
    zeros: latencies.filter((us) => us === 0).length,
    buckets: bucketsOf(latencies.filter((us) => us > 0)),
    gauges: null,
    logs: null,
    tasks: null,
    caller:
      caller === undefined
        ? null
        : { service: serviceId(caller.service), instance: instanceId(caller.instance) },
    exemplars: [],
    synthetic: false,
  }
}

function bucketsOf(latenciesUs: readonly number[]): TelemetryDelta['buckets'] {
  const byIndex = new Map<number, number>()
  for (const us of latenciesUs) byIndex.set(indexOf(us), (byIndex.get(indexOf(us)) ?? 0) + 1)
  const sorted = [...byIndex].sort((a, b) => a[0] - b[0])
  return sorted.map(([index, count], i) => ({ gap: index - (sorted[i - 1]?.[0] ?? 0), count }))
}

type SignalPart = Partial<
  Pick<Signal, 'heartbeat' | 'probe' | 'connection' | 'process' | 'breaker'>
>

function signal(words: Who & { atMs: number }, kind: Signal['kind'], part: SignalPart): Signal {
  return {
    ...who(words),
    incarnation: words.incarnation ?? 1,
    at_ms: words.atMs,
    kind,
    heartbeat: null,
    probe: null,
    connection: null,
    process: null,
    breaker: null,
    agent_notice: null,
    ...part,
  }
}

export interface HeartbeatWords extends Who {
  readonly atMs: number
  readonly level?: number
  readonly periodMs?: number
  readonly state?: string
  readonly inFlight?: number
  readonly config?: number | null
  readonly configHash?: string | null
}

export function heartbeat(words: HeartbeatWords): Signal {
  return signal(words, 'heartbeat', {
    heartbeat: {
      level: words.level ?? 1,
      period_ms: words.periodMs ?? 1_000,
      state: words.state ?? null,
      in_flight: words.inFlight ?? null,
      queue: null,
      last_error: null,
      config_version: words.config ?? null,
      config_hash: words.configHash ?? null,
      signature: null,
      kid: null,
    },
  })
}

export interface ProbeWords extends Who {
  readonly atMs: number
  readonly verdict: 'up' | 'down'
  readonly local?: boolean
  readonly reason?: 'ok' | 'refused' | 'timeout'
}

export function probe(words: ProbeWords): Signal {
  const isDown = words.verdict === 'down'
  return signal(words, 'probe', {
    probe: {
      protocol: 'http',
      profile: 'fast',
      verdict: words.verdict,
      reason: words.reason ?? (isDown ? 'refused' : 'ok'),
      failures: isDown ? 3 : 0,
      latency_us: 1_000,
      status: isDown ? null : 200,
      local: words.local ?? true,
    },
  })
}

export interface ProcessWords extends Who {
  readonly atMs: number
  readonly event: 'started' | 'exited'
  readonly by?: string
  readonly code?: number
}

export function processEvent(words: ProcessWords): Signal {
  const { event, by = null, code = null } = words
  return signal(words, 'process', { process: { event, pid: 4_711, exit_code: code, signal: by } })
}

export interface BreakerWords extends Who {
  readonly atMs: number
  readonly name: string
  readonly state: 'closed' | 'open' | 'half_open'
}

export function breaker(words: BreakerWords): Signal {
  const { name, state } = words
  return signal(words, 'breaker', { breaker: { name, state } })
}

export interface ConnectionWords extends Who {
  readonly atMs: number
  readonly event: 'refused' | 'opened'
  readonly local?: boolean
}

export function connection(words: ConnectionWords): Signal {
  const { event, local = true } = words
  return signal(words, 'connection', { connection: { event, local, port: 8_080 } })
}

export interface EventWords extends Who {
  readonly host?: string | null
  readonly appVersion?: string | null
  readonly metadata?: Readonly<Record<string, string>>
  readonly atMs: number
  readonly action?: ServiceEvent['action']
  readonly version?: number
  readonly lifecycle?: ServiceEvent['lifecycle']
  readonly leaseTtlMs?: number
  readonly zone?: string
  /** The event speaks of the service as a whole and of nobody's agent. */
  readonly bare?: boolean
}

export function serviceEvent(words: EventWords): ServiceEvent {
  const { service, instance, agent, epoch, seq } = who(words)
  const isBare = words.bare === true
  return {
    service_name: service,
    action: words.action ?? 'register',
    cluster_id: clusterId('cluster-a'),
    timestamp: words.atMs,
    event_id: null,
    instance_id: isBare ? null : instance,
    incarnation: isBare ? 0 : (words.incarnation ?? 1),
    version: isBare ? 0 : (words.version ?? 1),
    lifecycle: words.lifecycle ?? null,
    lease_ttl_ms: words.leaseTtlMs ?? null,
    host: words.host ?? null,
    port: null,
    health_path: null,
    zone: words.zone ?? null,
    app_version: words.appVersion ?? null,
    agent: isBare ? null : agent,
    epoch: isBare ? 0 : epoch,
    seq: isBare ? 0 : seq,
    path: [],
    vector: {},
    origin: null,
    metadata: words.metadata ?? {},
    reason: null,
  }
}

export interface PolicyWords {
  readonly name: string
  readonly kind?: PolicyRecord['kind']
  readonly version?: number
  readonly document?: unknown
  readonly deleted?: boolean
  readonly atMs?: number
}

export function policy(words: PolicyWords): PolicyRecord {
  const document = words.deleted === true ? '' : JSON.stringify(words.document ?? {})
  return {
    name: policyName(words.name),
    kind: words.kind ?? 'HealPolicy',
    version: words.version ?? 1,
    deleted: words.deleted ?? false,
    document,
    sha256: createHash('sha256').update(document).digest('hex'),
    author: 'test',
    at_ms: words.atMs ?? 0,
    comment: null,
  }
}

export type OperatorWords = Pick<OperatorRecord, 'kind'> & { readonly id: string } & Partial<
    Omit<OperatorRecord, 'id' | 'kind'>
  >

export function operator(words: OperatorWords): OperatorRecord {
  const { id, ...rest } = words
  return {
    id: eventId(id),
    actor: 'a person',
    reason: 'a test',
    at_ms: 0,
    expires_at_ms: null,
    scope: { fleet: false, service: null, instance: null, policy: null },
    refers_to: null,
    verdict: null,
    command: null,
    signature: null,
    kid: null,
    ...rest,
  }
}

export interface ResultWords extends Who {
  readonly refusal?: string
  readonly commandId: string
  readonly action?: string
  readonly outcome?: CommandResult['outcome']
  readonly detail?: string
  /** Incarnation before and after the act. */
  readonly before?: number
  readonly after?: number
}

export function result(words: ResultWords): CommandResult {
  return {
    ...who(words),
    command_id: commandId(words.commandId),
    incident_id: null,
    action: words.action ?? 'restart',
    outcome: words.outcome ?? 'succeeded',
    refusal: words.refusal ?? null,
    detail: words.detail ?? '',
    gen: 1,
    command_seq: 1,
    started_at_ms: 0,
    ended_at_ms: 0,
    incarnation_before: words.before ?? 1,
    incarnation_after: words.after ?? 1,
    facts: {},
  }
}
