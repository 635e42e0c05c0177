// Records as agents and operators of the simulation write them, every field filled in.
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
  Command,
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'
import { indexOf } from '../../core/window/grid.ts'

/** Who speaks, and about whom. */
export interface Speaker {
  readonly cluster: string
  readonly service: string
  readonly instance: string
  readonly agent: string
  readonly incarnation: number
  readonly atMs: number
  readonly seq: number
  /** Of the agent's ledger; default 1. */
  readonly epoch?: number
}

type Head = Pick<Signal, 'service' | 'instance' | 'agent' | 'epoch' | 'lane' | 'seq'>

/** Of a tick, and between two heartbeats, where nothing else is said. */
const TICK_MS = 3_000

function head({ service, instance, agent, seq, epoch = 1 }: Speaker): Head {
  return {
    service: serviceId(service),
    instance: instanceId(instance),
    agent: agentId(agent),
    epoch,
    lane: 'live',
    seq,
  }
}

export interface Counts {
  readonly ok: number
  readonly failed: number
  readonly latencyUs: number
  /** Requests that wait, where it tells. */
  readonly waiting?: number
}

export function telemetry(
  who: Speaker,
  { ok, failed, latencyUs, waiting }: Counts,
  tickMs: number = TICK_MS,
): TelemetryDelta {
  const n = ok + failed
  return {
    ...head(who),
    operation: '',
    incarnation: who.incarnation,
    tick_start_ms: who.atMs,
    tick_ms: tickMs,
    flush: 'tick',
    n,
    errors: failed,
    local_errors: 0,
    sum_us: n * latencyUs,
    max_us: n === 0 ? 0 : latencyUs,
    scale: 4,
    zeros: 0,
    buckets: n === 0 ? [] : [{ gap: indexOf(latencyUs), count: n }],
    gauges: null,
    logs: null,
    tasks: null,
    caller: null,
    exemplars: [],
    metrics: waiting === undefined ? [] : [{ name: 'requests_waiting', value: waiting }],
    synthetic: false,
  }
}

type Part = Partial<Pick<Signal, 'heartbeat' | 'probe' | 'connection' | 'process'>>

function signal(who: Speaker, kind: Signal['kind'], part: Part): Signal {
  return {
    ...head(who),
    incarnation: who.incarnation,
    at_ms: who.atMs,
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

export function heartbeat(who: Speaker, state: string, periodMs: number = TICK_MS): Signal {
  return signal(who, 'heartbeat', {
    heartbeat: {
      level: 2,
      period_ms: periodMs,
      state,
      in_flight: null,
      queue: null,
      last_error: null,
      config_version: null,
      signature: null,
      kid: null,
    },
  })
}

export interface ProbeWords {
  /** Of a verdict that is down. */
  readonly why?: 'refused' | 'timeout'
  readonly local?: boolean
}

export function probe(
  who: Speaker,
  verdict: 'up' | 'down',
  { why = 'refused', local = true }: ProbeWords = {},
): Signal {
  const isDown = verdict === 'down'
  return signal(who, 'probe', {
    probe: {
      protocol: 'http',
      profile: 'fast',
      verdict,
      reason: isDown ? why : 'ok',
      failures: isDown ? 3 : 0,
      latency_us: 1_000,
      status: isDown ? null : 200,
      local,
    },
  })
}

/** Nobody listens at its port. */
export function refusedConnection(who: Speaker): Signal {
  return signal(who, 'connection', {
    connection: { event: 'refused', local: true, port: 8_080 },
  })
}

export function processEvent(who: Speaker, event: 'started' | 'exited'): Signal {
  return signal(who, 'process', {
    process: { event, pid: 1_000, exit_code: event === 'exited' ? 1 : null, signal: null },
  })
}

export interface Where {
  readonly zone?: string
  readonly appVersion?: string
}

export function registration(who: Speaker, version: number, where: Where = {}): ServiceEvent {
  const { service, instance, agent, epoch, seq } = head(who)
  return {
    service_name: service,
    action: 'register',
    cluster_id: clusterId(who.cluster),
    timestamp: who.atMs,
    event_id: null,
    instance_id: instance,
    incarnation: who.incarnation,
    version,
    lifecycle: null,
    lease_ttl_ms: null,
    host: null,
    port: null,
    health_path: null,
    zone: where.zone ?? null,
    app_version: where.appVersion ?? null,
    agent,
    epoch,
    seq,
    path: [],
    vector: {},
    origin: null,
    metadata: {},
    reason: null,
  }
}

export function result(
  who: Speaker,
  command: Command,
  answer: Pick<CommandResult, 'outcome' | 'incarnation_after'>,
): CommandResult {
  return {
    ...head(who),
    command_id: commandId(command.command_id),
    incident_id: command.incident_id,
    action: command.action,
    refusal: null,
    detail: '',
    gen: command.gen,
    command_seq: command.seq,
    started_at_ms: who.atMs,
    ended_at_ms: who.atMs,
    incarnation_before: who.incarnation,
    facts: {},
    ...answer,
  }
}

export function policy(
  name: string,
  kind: PolicyRecord['kind'],
  version: number,
  spec: object,
): PolicyRecord {
  const described = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
  const document = JSON.stringify(described)
  return {
    name: policyName(name),
    kind,
    version,
    deleted: false,
    document,
    sha256: createHash('sha256').update(document).digest('hex'),
    author: 'simulation',
    at_ms: 0,
    comment: null,
  }
}

export function operatorRecord(
  id: string,
  kind: 'hold' | 'release',
  { service, refersTo }: { readonly service: string; readonly refersTo: string | null },
): OperatorRecord {
  const isHold = kind === 'hold'
  return {
    id: eventId(id),
    kind,
    actor: 'simulation',
    reason: 'simulation',
    at_ms: 0,
    expires_at_ms: null,
    scope: {
      fleet: false,
      service: isHold ? serviceId(service) : null,
      instance: null,
      policy: null,
    },
    refers_to: refersTo === null ? null : eventId(refersTo),
    verdict: null,
    command: null,
    signature: null,
    kid: null,
  }
}
