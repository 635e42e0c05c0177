import type {
  Command,
  CommandResult,
  OperatorRecord,
  PolicyRecord,
  ServiceEvent,
  Signal,
  TelemetryDelta,
} from '../../contracts/records.ts'
/** Who speaks, and about whom. */
export interface Speaker {
  readonly cluster: string
  readonly service: string
  readonly instance: string
  readonly agent: string
  readonly incarnation: number
  readonly atMs: number
  readonly seq: number
}
export interface Counts {
  readonly ok: number
  readonly failed: number
  readonly latencyUs: number
}
export declare function telemetry(who: Speaker, { ok, failed, latencyUs }: Counts): TelemetryDelta
export declare function heartbeat(who: Speaker, state: string): Signal
export declare function probe(who: Speaker, verdict: 'up' | 'down'): Signal
export declare function processEvent(who: Speaker, event: 'started' | 'exited'): Signal
export declare function registration(who: Speaker, version: number): ServiceEvent
export declare function result(
  who: Speaker,
  command: Command,
  answer: Pick<CommandResult, 'outcome' | 'incarnation_after'>,
): CommandResult
export declare function policy(
  name: string,
  kind: PolicyRecord['kind'],
  version: number,
  spec: object,
): PolicyRecord
export declare function operatorRecord(
  id: string,
  kind: 'hold' | 'release',
  {
    service,
    refersTo,
  }: {
    readonly service: string
    readonly refersTo: string | null
  },
): OperatorRecord
