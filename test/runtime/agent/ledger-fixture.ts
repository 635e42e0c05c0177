// A result as ledgers keep it.
import { commandId, incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import type { ResultOutcome } from '../../../src/contracts/records.ts'
import type { ResultBody } from '../../../src/runtime/agent/ledger-entry.ts'

export function resultBody(outcome: ResultOutcome, id: string = 'c1'): ResultBody {
  return {
    service: serviceId('shop'),
    instance: instanceId('shop-1'),
    command_id: commandId(id),
    incident_id: incidentId('i1'),
    action: 'restart',
    outcome,
    refusal: null,
    detail: 'ok "quoted" ü',
    gen: 1,
    command_seq: 1,
    started_at_ms: 1,
    ended_at_ms: 2,
    incarnation_before: 1,
    incarnation_after: 2,
    facts: { pid_before: '1', pid_after: '2' },
  }
}
