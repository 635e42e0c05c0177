// What every role on a cluster is handed, opened once per process from its settings: a log, the
// codec, a clock, instruments, and what the genesis says.
import { createKafkaLog } from '../../adapters/kafka/kafka-log.ts'
import { createInstruments } from '../../adapters/observability/instruments.ts'
import type { Observability } from '../../adapters/observability/instruments.ts'
import { createSerde } from '../../adapters/serde/serde.ts'
import type { Role } from '../../config/access.ts'
import type { ResolvedSettings } from '../../config/settings.ts'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import { clusterId as toClusterId } from '../../contracts/ids.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import { forPeople } from '../../runtime/reaction.ts'
import { requireAccess } from '../doctor/access.ts'
import { kafkaOptionsOf, registryAccessOf } from './access.ts'
import { partitionsLeft } from './partitions-left.ts'

export interface Parts {
  readonly log: LogPort
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  /** P, from the genesis. */
  readonly partitions: number
  readonly clusterId: ClusterId
}

/** Of a process of its own. */
export interface ProcessParts extends Parts {
  readonly group: string
  readonly metrics: () => Promise<string>
  /** Closes the log. */
  close(): Promise<void>
}

export interface OpenOptions {
  /** For log lines, as the client's name at the brokers, and for what it has to be allowed. */
  readonly role: Role
  /** Default: Kafka, as the settings say. */
  readonly connect?: () => LogPort
}

/** Between two questions to brokers that do not answer; doubles up to the last. */
const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 2_000

/**
 * Brokers that do not answer are waited for, as long as it takes, as every client of Kafka does: a
 * process that ended would only be started again. Errors: HS_CONFIG, HS_LOG when the brokers
 * refuse, HS_NO_ACCESS naming what the role may not do, HS_NO_GENESIS, HS_FOREIGN_CLUSTER,
 * HS_CHAIN_BROKEN; HS_UNREACHABLE and HS_SCHEMA of the schema registry.
 */
export async function openParts(
  resolved: ResolvedSettings,
  options: OpenOptions,
): Promise<ProcessParts> {
  const { settings } = resolved
  const registry = registryAccessOf(resolved)
  const observability = createInstruments({
    level: settings.logLevel,
    labels: { role: options.role },
    secrets: registry?.account === undefined ? [] : [registry.account.password],
  })
  const { instruments } = observability
  for (const detail of resolved.warnings) notice(observability, 'settings', detail)
  const log = options.connect?.() ?? connectTo(resolved, options.role)
  try {
    const clusterId = await reach(log, instruments)
    if (options.connect === undefined)
      await whileAway(instruments, () => checkRole(resolved, options.role))
    const partitions = await whileAway(instruments, () =>
      partitionsLeft(log, settings.prefix, clusterId),
    )
    const { prefix, cacheDir, group } = settings
    const ids = registry === null ? {} : { registry, cacheDir }
    const serde = await createSerde({ ...ids, prefix, clusterId })
    if (serde.warning !== null) notice(observability, 'schema_registry', serde.warning)
    return {
      log,
      encoder: serde,
      decoder: serde,
      clock: systemClock,
      instruments,
      prefix,
      partitions,
      clusterId,
      group,
      metrics: () => observability.metricsText(),
      close: () => log.close(),
    }
  } catch (error) {
    await log.close()
    throw forPeople(error)
  }
}

/** What would else show much later, as a record that cannot be written. */
function checkRole(resolved: ResolvedSettings, role: Role): Promise<void> {
  const { prefix, group } = resolved.settings
  return requireAccess(kafkaOptionsOf(resolved, { clock: systemClock }), { role, prefix, group })
}

/** A log of its own for each caller, as another process would have. Errors: HS_CONFIG. */
export function connectTo(resolved: ResolvedSettings, role: string): LogPort {
  const clientId = `healstream-${role}`
  return createKafkaLog(kafkaOptionsOf(resolved, { clock: systemClock, clientId }))
}

function notice({ instruments }: Observability, code: string, detail: string): void {
  instruments.emit('process_notice', { code, detail })
}

/**
 * The cluster's id, once it answers. Errors: LogError, `UNAVAILABLE` after `forMs` (default: never)
 * without an answer.
 */
export async function reach(
  log: LogPort,
  instruments: Instruments,
  forMs: number = Infinity,
): Promise<ClusterId> {
  return toClusterId(await whileAway(instruments, () => log.clusterId(), forMs))
}

/** Asks again while nobody answers, and says so each time. Errors: all others. */
export async function whileAway<T>(
  instruments: Instruments,
  ask: () => Promise<T>,
  forMs: number = Infinity,
): Promise<T> {
  const untilMs = systemClock.monotonicMs() + forMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    try {
      return await ask()
    } catch (error) {
      const isAway = error instanceof LogError && error.code === 'UNAVAILABLE'
      if (!isAway || systemClock.monotonicMs() > untilMs) throw error
      instruments.emit('read_failed', { reason: error.message })
    }
    await systemClock.sleep(pauseMs)
  }
}
