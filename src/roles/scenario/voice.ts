// What a scenario needs of whatever carries its records: the time, and a way to say each kind. A
// driver of a bare core in virtual time is one, the real log with real time is another.
import type {
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'

/** Numbers of sequences are given by the voice, in the order of what is said. */
export interface Voice {
  /** Epoch ms. */
  readonly nowMs: number
  telemetry(record: TelemetryDelta): void
  signal(record: Signal): void
  serviceEvent(record: ServiceEvent): void
  result(record: CommandResult): void
  policy(record: PolicyRecord): void
  operator(record: OperatorRecord): void
  /** Everything that `say` says arrives a second time, as it was. */
  twice(say: () => void): void
}
