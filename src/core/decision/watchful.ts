// What is watched over in each step before anything is decided: who fell sick together, storms, and
// what people have approved.
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { isInHand } from '../incident/incident.ts'
import { plain } from '../incident/sentence.ts'
import type { OperatorRecord, PolicyRecord } from '../../contracts/records.ts'
import { keepApprovals, noteApproval } from './approvals.ts'
import { type Cause, judgeCrowd, noteOnsets, scopeText, settleCrowds } from './crowd.ts'
import { guardLimitsOf } from './documents.ts'
import type { HoldChange } from './holds.ts'
import type { State, Turn } from './state.ts'

/** Watches a service of which anything may be new: before it is decided what is done. */
export function careFor(turn: Turn, service: ServiceFacts, due: readonly InstanceFacts[]): void {
  const { state, nowMs } = turn
  if (state.behaviour < BEHAVIOUR_JUDGEMENT) return
  const { crowds } = state.care
  const ofHand = ({ key }: InstanceFacts): boolean => {
    const incident = state.incidents.get(key)
    return incident !== undefined && isInHand(incident)
  }
  const isNew = noteOnsets(crowds, service.service, { due, isInHand: ofHand, nowMs })
  const limits = guardLimitsOf(state.documents, service.service)
  for (const cause of judgeCrowd(crowds, service, { nowMs, limits, isNew })) {
    turn.ops({
      said: { event: 'note', summary: causeText(service, cause) },
      service: service.service,
    })
  }
}

function causeText({ service }: ServiceFacts, { named, fell, of, ...scope }: Cause): string {
  const whom = scope.shared === 'service' ? service : `${scopeText(scope)} of ${service}`
  const shared = named.shared === 'service' ? '' : `, sharing ${scopeText(named)}`
  const what = `common cause: ${fell} of ${of} instances of ${whom} fell sick together${shared}`
  return plain(`${what}; its instances are left alone, somebody has to look at the whole`)
}

/** Who wrote a policy proposes what it asks for. */
export function noteAuthor({ behaviour, care }: State, record: PolicyRecord): void {
  if (behaviour < BEHAVIOUR_JUDGEMENT || record.kind !== 'HealPolicy') return
  const { authors } = care.approvals
  if (record.deleted) authors.delete(record.name)
  else authors.set(record.name, record.author)
}

/** What an approval did; null: it is none, or of a behaviour that knows none. */
export function heardApproval(
  { behaviour, care, incidents }: State,
  record: OperatorRecord,
  nowMs: number,
): HoldChange | null {
  if (behaviour < BEHAVIOUR_JUDGEMENT || record.kind !== 'approval') return null
  const why = noteApproval(care.approvals, record, { incidents: incidents.values(), nowMs })
  return { done: 'nothing', why }
}

/** Forgets what is over, once a step. */
export function settleCare({ state, nowMs }: Turn): void {
  if (state.behaviour < BEHAVIOUR_JUDGEMENT) return
  const { crowds, approvals } = state.care
  settleCrowds(crowds, nowMs, (service) => guardLimitsOf(state.documents, service))
  keepApprovals(approvals, state.incidents.values())
}
