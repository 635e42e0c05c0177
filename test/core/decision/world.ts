// A small world for the tests of healing: facts that are written by hand, records as people and
// agents write them, and what came out, step by step.
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../../src/contracts/canonical-json.ts'
import {
  agentId,
  commandId,
  eventId,
  type InstanceId,
  instanceId,
  policyName,
  serviceId,
} from '../../../src/contracts/ids.ts'
import type {
  Command,
  CommandResult,
  IncidentEvent,
  OperatorRecord,
  PolicyKind,
  PolicyRecord,
  ResultOutcome,
} from '../../../src/contracts/records.ts'
import {
  decide,
  evolveOperator,
  evolvePolicy,
  evolveResult,
  type HealingAnswer,
  type HealingState,
  initialHealing,
} from '../../../src/core/decision/healing.ts'
import type {
  Facts,
  Figures,
  Finding,
  InstanceFacts,
  ServiceFacts,
} from '../../../src/core/kernel/facts.ts'
import { NO_METRICS, NO_SIGNS } from '../../../src/core/kernel/signs.ts'
import type { CoreContext } from '../../../src/core/kernel/step.ts'
import { viewKey } from '../../../src/contracts/view-key.ts'

export const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

export const CONTEXT: CoreContext = {
  clusterId: 'cluster-1',
  taskId: 's0',
  partition: 0,
  partitionCount: 12,
  behaviour: 1,
  scale: 4,
  sha256,
  decoder: {
    telemetry: () => 'empty',
    decode: () => ({ ok: false, reason: 'empty', detail: 'nothing is decoded here' }),
  },
}

export const SHOP = serviceId('shop')

export function figures(n: number = 0, errors: number = 0, p99Us: number | null = null): Figures {
  const successRate = n === 0 ? null : (n - errors) / n
  return {
    spanMs: 60_000,
    n,
    errors,
    successRate,
    p99Us: n === 0 ? null : p99Us,
    maxUs: p99Us ?? 0,
  }
}

export function finding(some: Partial<Finding> = {}): Finding {
  return {
    detector: 'process_exit',
    class: 'self_evident',
    severity: 'unhealthy',
    sinceMs: 0,
    value: 1,
    limit: 0,
    unit: 'state',
    text: 'the process ended: SIGKILL',
    place: { topic: 'signals', partition: 0, offset: 7 },
    ...some,
  }
}

export function instance(name: string, some: Partial<InstanceFacts> = {}): InstanceFacts {
  const service = some.service ?? SHOP
  return {
    key: viewKey(service, some.instance ?? name),
    service,
    instance: instanceId(name),
    incarnation: 1,
    registeredAtMs: 0,
    lifecycle: 'ready',
    link: 'online',
    zone: 'z1',
    appVersion: null,
    agent: agentId(`agent-${name}`),
    agentEpoch: 1,
    agentHeard: true,
    health: 'healthy',
    healthSinceMs: 0,
    transitions: 0,
    findings: [],
    notes: [],
    signs: NO_SIGNS,
    metrics: NO_METRICS,
    window: figures(),
    probe: { verdict: 'up', atMs: 0 },
    ...some,
  }
}

/** A crashed one: nobody answers. */
export const crashed = (name: string, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  instance(name, {
    health: 'unhealthy',
    findings: [finding()],
    probe: { verdict: 'down', atMs: 0 },
    ...some,
  })

/** One that answers, mostly with errors. */
export const erring = (name: string, some: Partial<InstanceFacts> = {}): InstanceFacts =>
  instance(name, {
    health: 'unhealthy',
    findings: [finding({ detector: 'success_rate', text: '30 of 50 requests failed' })],
    window: figures(50, 30, 20_000),
    ...some,
  })

export function service(instances: readonly InstanceFacts[]): ServiceFacts {
  const n = instances.reduce((sum, { window }) => sum + window.n, 0)
  const errors = instances.reduce((sum, { window }) => sum + window.errors, 0)
  return { service: instances[0]?.service ?? SHOP, window: figures(n, errors), instances }
}

export const RESTART = {
  match: { services: ['*'] },
  mode: 'enforce',
  trigger: 'health == "unhealthy"',
  action: 'restart_instance',
}

/** Limits that let everything pass but what a test is about. */
export const LOOSE = {
  cooldownMs: 0,
  cooldownMaxMs: 0,
  serviceIntervalMs: 0,
  perMinute: 1_000_000,
  warmUpMs: 0,
  flapTransitions: 1_000_000,
  ineffectiveMax: 1_000_000,
  outShareMax: 1,
  routableShareMin: 0,
}

export class World {
  readonly state: HealingState
  readonly events: IncidentEvent[] = []
  readonly commands: Command[] = []
  nowMs: number
  stepSeq = 0
  private version = 0
  private records = 0

  constructor(nowMs: number = 1_000_000, behaviour: number = CONTEXT.behaviour) {
    this.state = initialHealing({ ...CONTEXT, behaviour })
    this.nowMs = nowMs
  }

  document(kind: PolicyKind, name: string, spec: object | string, version?: number): PolicyRecord {
    this.version = version ?? this.version + 1
    const value =
      typeof spec === 'string'
        ? JSON.parse(spec)
        : { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
    const document = canonicalJson(value)
    const record: PolicyRecord = {
      name: policyName(name),
      kind,
      version: this.version,
      deleted: false,
      document,
      sha256: createHash('sha256').update(document).digest('hex'),
      author: 'test',
      at_ms: this.nowMs,
      comment: null,
    }
    evolvePolicy(this.state, record, this.nowMs)
    return record
  }

  policy(spec: object = {}, name: string = 'restart-sick'): PolicyRecord {
    return this.document('HealPolicy', name, { ...RESTART, ...spec })
  }

  guards(limits: object, name: string = 'guards'): PolicyRecord {
    return this.document('GuardSet', name, { match: { services: ['*'] }, ...limits })
  }

  operator(some: Partial<OperatorRecord>): OperatorRecord {
    this.records += 1
    const record: OperatorRecord = {
      id: eventId(`op-${this.records}`),
      kind: 'hold',
      actor: 'ann',
      reason: 'looking into it',
      at_ms: this.nowMs,
      expires_at_ms: null,
      scope: { fleet: true, service: null, instance: null, policy: null },
      refers_to: null,
      verdict: null,
      command: null,
      signature: null,
      kid: null,
      ...some,
    }
    evolveOperator(this.state, record, this.nowMs)
    return record
  }

  /** What the agent says about a command; by default about the last one. */
  result(outcome: ResultOutcome, some: Partial<CommandResult> = {}): CommandResult {
    const command = this.commands.at(-1)
    this.records += 1
    const record: CommandResult = {
      service: command?.target.service ?? SHOP,
      instance: command?.target.instance ?? instanceId('a'),
      agent: command?.target.agent ?? agentId('agent-a'),
      epoch: command?.target.agent_epoch ?? 1,
      lane: 'live',
      seq: this.records,
      command_id: command?.command_id ?? commandId('0'.repeat(32)),
      incident_id: command?.incident_id ?? null,
      action: command?.action ?? 'restart',
      outcome,
      refusal: null,
      detail: '',
      gen: 1,
      command_seq: command?.seq ?? 1,
      started_at_ms: 0,
      ended_at_ms: 0,
      incarnation_before: 1,
      incarnation_after: 2,
      facts: {},
      ...some,
    }
    evolveResult(this.state, record, this.nowMs)
    return record
  }

  /** One step `afterMs` later. */
  step(
    instances: readonly InstanceFacts[],
    { afterMs = 0, ...some }: Partial<Facts> & { afterMs?: number } = {},
  ): HealingAnswer {
    this.nowMs += afterMs
    this.stepSeq += 1
    const services = new Map<string, InstanceFacts[]>()
    for (const one of instances) {
      services.set(one.service, [...(services.get(one.service) ?? []), one])
    }
    const names = [...services.keys()].toSorted()
    const answer = decide(this.state, {
      nowMs: this.nowMs,
      stepSeq: this.stepSeq,
      behind: false,
      blind: false,
      services: names.map((name) => service(services.get(name) ?? [])),
      ...some,
    })
    for (const output of answer.outputs) {
      if (output.topic === 'incidents' && output.body !== null) this.events.push(output.body)
      if (output.topic === 'commands' && output.body !== null) this.commands.push(output.body)
    }
    return answer
  }

  /** Events since the last call, as `event:state`. */
  said(): readonly string[] {
    const lines = this.events.slice(this.read).map(({ event, state }) => `${event}:${state}`)
    this.read = this.events.length
    return lines
  }
  private read = 0

  get last(): IncidentEvent {
    const event = this.events.at(-1)
    if (event === undefined) throw new Error('nothing was said')
    return event
  }
}

export const idOf = (name: string): InstanceId => instanceId(name)

const [A, B, C] = [instance('a'), instance('b'), instance('c')]

/** Three well instances, then `a` crashes. */
export function crash(world: World = new World()): World {
  world.step([A, B, C])
  world.step([crashed('a'), B, C], { afterMs: 1_000 })
  return world
}

/** As `crash`, with a policy that orders a restart, and the agent saying that it was done. */
export function restarted(world: World = new World()): World {
  world.policy()
  crash(world)
  world.result('succeeded', { facts: { pid_before: '12', pid_after: '34' } })
  return world
}
