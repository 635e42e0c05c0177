// An agent on a real embedded log with real services (`stock` of the demo), and a reader of its own
// that keeps everything the agent writes.
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { createSerde, type Serde } from '../../../src/adapters/serde/serde.ts'
import {
  agentId,
  clusterId,
  commandId,
  incidentId,
  instanceId,
  policyName,
  serviceId,
  taskId,
} from '../../../src/contracts/ids.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import type {
  Command,
  CommandResult,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../../src/contracts/records.ts'
import { topicName } from '../../../src/contracts/topics.ts'
import { type AgentHandle, startAgent } from '../../../src/roles/agent/agent.ts'
import type { AgentInstance, AgentOptions } from '../../../src/roles/agent/options.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { topicSetups } from '../../../src/runtime/init.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import { tsArgv } from '../../support/ts.ts'

export const PREFIX = 'hs.'
export const PARTITIONS = 4
export const CLUSTER = clusterId('test-cluster')
export const AGENT = agentId('agent-1')

export interface Written {
  readonly telemetry: TelemetryDelta[]
  readonly signals: (Signal & { readonly appendMs: number })[]
  readonly results: CommandResult[]
  readonly events: ServiceEvent[]
}

/**
 * Below the ports that systems hand out to outgoing connections, so that nobody takes it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

export async function until(what: string, holds: () => boolean, ms: number = 8_000): Promise<void> {
  const endMs = performance.now() + ms
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`)
    await wait(5)
  }
}

/** An instance of `stock`, run from sources. */
export function stockInstance(name: string, port: number): AgentInstance {
  return {
    service: serviceId('stock'),
    instance: instanceId(name),
    host: '127.0.0.1',
    port,
    healthPath: '/health',
    command: (intake) => ({
      argv: tsArgv(
        'src/roles/demo/service/main.ts',
        '--service=stock',
        `--instance=${name}`,
        `--port=${port}`,
        `--intake=${intake.host}:${intake.port}`,
      ),
      env: { HEALSTREAM_INTAKE_TOKEN: intake.token },
    }),
  }
}

/** A restart of an instance as the decision writes it; `more` and `target` override. */
export function restartCommand(
  of: { readonly handle: { readonly epoch: number }; readonly instance: string },
  more: Partial<Omit<Command, 'target'>> & { readonly target?: Partial<Command['target']> } = {},
): Command {
  const { target, ...rest } = more
  const nowMs = Date.now()
  return {
    kid: null,
    signature: null,
    command_id: commandId('c-1'),
    action: 'restart',
    target: {
      cluster_id: CLUSTER,
      service: serviceId('stock'),
      instance: instanceId(of.instance),
      incarnation: 1,
      agent: AGENT,
      agent_epoch: of.handle.epoch,
      host: null,
      ...target,
    },
    args: {},
    task: taskId('s1'),
    gen: 1,
    seq: 1,
    step_seq: 1,
    predicate: 'incarnation_is',
    issued_at_ms: nowMs,
    not_before_ms: nowMs,
    expires_at_ms: nowMs + 60_000,
    incident_id: incidentId('i-1'),
    plan_step: 0,
    attempt: 1,
    policy: policyName('p'),
    policy_version: 1,
    policy_sha256: '00',
    mode: 'enforce',
    lease_id: null,
    behaviour: 1,
    ...rest,
  }
}

export class Rig {
  readonly log: MemoryLog
  readonly serde: Serde
  readonly folder: string
  readonly written: Written = { telemetry: [], signals: [], results: [], events: [] }
  readonly #stop = new AbortController()
  readonly #handles: AgentHandle[] = []
  #reading: Promise<void> = Promise.resolve()

  private constructor(log: MemoryLog, serde: Serde, parent: string) {
    this.log = log
    this.serde = serde
    this.folder = mkdtempSync(join(parent, 'healstream-agent-'))
  }

  static async open(parent: string = tmpdir()): Promise<Rig> {
    const log = createMemoryLog({ clusterId: CLUSTER })
    const rig = new Rig(log, await createSerde(), parent)
    const admin = log.admin()
    await admin.createTopics(topicSetups(PREFIX, PARTITIONS))
    await admin.close()
    rig.#reading = rig.#read(log.broker.connect())
    return rig
  }

  async start(
    instances: readonly AgentInstance[],
    more: Partial<AgentOptions> = {},
  ): Promise<AgentHandle> {
    const handle = await startAgent({
      log: this.log.broker.connect(),
      encoder: this.serde,
      decoder: this.serde,
      clock: systemClock,
      instruments: SILENT,
      prefix: PREFIX,
      partitions: PARTITIONS,
      clusterId: CLUSTER,
      agentId: AGENT,
      stateDir: join(this.folder, 'state'),
      instances,
      ...more,
    })
    this.#handles.push(handle)
    return handle
  }

  async send(command: Command): Promise<void> {
    const producer = this.log.producer()
    const { service } = command.target
    await producer.send([
      {
        topic: topicName('commands', PREFIX),
        partition: partitionFor(service, PARTITIONS),
        key: Buffer.from(service),
        value: this.serde.encode('commands', command),
        timestampMs: Date.now(),
      },
    ])
    await producer.close()
  }

  async close(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.stop()))
    this.#stop.abort()
    await this.#reading
    await this.log.close()
    rmSync(this.folder, { recursive: true })
  }

  async #read(log: LogPort): Promise<void> {
    const reader = log.reader({ isolation: 'read_committed' })
    for (const kind of ['telemetry', 'signals', 'results', 'service-events'] as const) {
      for (let partition = 0; partition < PARTITIONS; partition++)
        reader.assign({ topic: topicName(kind, PREFIX), partition }, 'earliest')
    }
    while (!this.#stop.signal.aborted) {
      const fetched = await reader.poll(50, this.#stop.signal).catch(() => [])
      for (const { topic, batches } of fetched) {
        for (const batch of batches) batch.visit((view) => this.#keep(topic, view))
      }
    }
    await reader.close()
  }

  #keep(topic: string, view: Parameters<Serde['decode']>[1]): void {
    const { written, serde } = this
    const take = <T>(decoded: { ok: true; record: T } | { ok: false; detail: string }): T => {
      if (!decoded.ok) throw new Error(`the agent wrote what cannot be read: ${decoded.detail}`)
      return decoded.record
    }
    const appendMs = view.timestampMs
    if (topic === topicName('telemetry', PREFIX))
      written.telemetry.push(take(serde.decode('telemetry', view)))
    else if (topic === topicName('signals', PREFIX))
      written.signals.push({ ...take(serde.decode('signals', view)), appendMs })
    else if (topic === topicName('results', PREFIX))
      written.results.push(take(serde.decode('results', view)))
    else written.events.push(take(serde.decode('service-events', view)))
  }
}
