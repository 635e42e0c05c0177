// An instance without a process, whose records are kept instead of sent.
import { agentId, clusterId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import type { ServiceEvent, Signal, TelemetryDelta } from '../../../src/contracts/records.ts'
import { Instance, type InstanceDeps } from '../../../src/roles/agent/instance.ts'
import type { Driver } from '../../../src/runtime/agent/driver.ts'
import type { Clock } from '../../../src/runtime/ports.ts'

export interface LoneInstance {
  readonly instance: Instance
  readonly signals: Signal[]
  readonly events: ServiceEvent[]
  readonly deltas: TelemetryDelta[]
  readonly entries: unknown[]
  /** As if the driver had started a process. */
  readonly begin: (pid: number) => void
}

const SPEC = {
  service: serviceId('shop'),
  instance: instanceId('shop-1'),
  host: '127.0.0.1',
  port: 8080,
  healthPath: '/health',
  command: () => ({ argv: [], env: {} }),
}

export function loneInstance(
  clock: Clock,
  more: { incarnation?: number; port?: number } = {},
): LoneInstance {
  const own = { signals: [], events: [], deltas: [], entries: [] } as Pick<
    LoneInstance,
    'signals' | 'events' | 'deltas' | 'entries'
  >
  let begin: (pid: number) => void = () => undefined
  const driver: Driver = {
    kind: 'none',
    pid: () => null,
    start: () => Promise.reject(new Error('no process')),
    restart: () => Promise.reject(new Error('no process')),
    stop: async () => undefined,
    onStart: (listener) => {
      begin = listener
    },
    onExit: () => undefined,
    output: () => '',
  }
  const keep =
    (list: unknown[]) =>
    (record: unknown): Promise<boolean> => {
      list.push(record)
      return Promise.resolve(true)
    }
  const deps = {
    options: { clock, clusterId: clusterId('c'), agentId: agentId('a') },
    spec: { ...SPEC, port: more.port ?? SPEC.port },
    driver,
    ledger: {
      instance: () =>
        more.incarnation === undefined
          ? null
          : { incarnation: more.incarnation, pid: 1, start: '1' },
      append: (entry: unknown) => own.entries.push(entry),
    },
    publisher: {
      signal: keep(own.signals),
      serviceEvent: keep(own.events),
      telemetry: keep(own.deltas),
    },
  } as unknown as InstanceDeps
  const instance = new Instance(deps)
  return { ...own, instance, begin: (pid) => begin(pid) }
}
