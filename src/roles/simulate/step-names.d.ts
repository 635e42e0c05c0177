import type { Api, RequestOf } from '../../adapters/client/protocol.ts'
/** Requests of a worker, of which each is a place to die before and after. */
export declare const REQUEST_NAMES: readonly [
  'join',
  'sync',
  'heartbeat',
  'leave',
  'fence',
  'renew',
  'abort',
  'begin fence entry',
  'produce fence entry',
  'commit fence entry',
  'begin steps',
  'produce steps',
  'commit steps',
  'begin snapshot',
  'produce snapshot',
  'commit snapshot',
  'read journal',
  'read snapshot',
  'read inputs',
  'read telemetry',
  'find journal end',
  'find topics',
  'find leaders',
  'find cluster',
]
/** Events of a worker at which it can die too. */
export declare const EVENT_NAMES: readonly [
  'task_step',
  'task_commit',
  'task_restored',
  'group_assigned',
]
/** What a worker of this process is doing with its transactional ids. */
export declare class StepNames {
  #private
  constructor(prefix: string)
  of<K extends Api>(api: K, request: RequestOf<K>): string
}
