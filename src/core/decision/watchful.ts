// What is watched over in each step before anything is decided: who fell sick together, storms, and
// what people have approved.
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { isInHand } from '../incident/incident.ts'
import { plain } from '../incident/sentence.ts'
import type { ServiceId } from '../../contracts/ids.ts'
import type { Evidence, OperatorRecord, PolicyRecord } from '../../contracts/records.ts'
import { keepApprovals, noteApproval } from './approvals.ts'
import { type Cause, judgeCrowd, noteOnsets, scopeText, settleCrowds } from './crowd.ts'
import { guardLimitsOf } from './documents.ts'
import type { HoldChange } from './holds.ts'
import { serviceIncident } from './plan-scene.ts'
import { escalateService, openForService } from './service-incident.ts'
import type { State, Turn } from './state.ts'

/** A plan for the whole service takes it up within this. */
const PLAN_WITHIN_MS = 5_000

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
    const why = { summary: causeText(service, cause), evidence: [evidenceOf(cause)] }
    const open = serviceIncident(state, service.service)
    const incident = openForService(turn, service.service, why)
    if (open !== null) turn.say(incident, { event: 'evidence', ...why })
  }
}

function causeText({ service }: ServiceFacts, cause: Cause): string {
  const { named, fell, of } = cause
  const whom = cause.shared === 'service' ? service : `${scopeText(cause)} of ${service}`
  const shared = named.shared === 'service' ? '' : `, sharing ${scopeText(named)}`
  return `common cause: ${fell} of ${of} instances of ${whom} fell sick together${shared}`
}

function evidenceOf({ named, fell, of, sinceMs, evident }: Cause): Evidence {
  return {
    detector: 'common_cause',
    class: evident ? 'self_evident' : 'inferred',
    since_ms: sinceMs,
    value: fell,
    limit: of,
    unit: 'instances',
    text: plain(`${fell} of ${of} fell sick together, sharing ${scopeText(named)}`),
    topic: null,
    partition: null,
    offset: null,
  }
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

/** Forgets what is over, once a step; a cause that no plan takes up is left to a person. */
export function settleCare(turn: Turn): void {
  const { state, nowMs } = turn
  if (state.behaviour < BEHAVIOUR_JUDGEMENT) return
  const { crowds, approvals } = state.care
  settleCrowds(crowds, nowMs, (service) => guardLimitsOf(state.documents, service))
  for (const [service, { causes }] of crowds) if (causes.size > 0) callPerson(turn, service)
  keepApprovals(approvals, state.incidents.values())
}

function callPerson(turn: Turn, service: ServiceId): void {
  const incident = serviceIncident(turn.state, service)
  if (incident?.state !== 'detected') return
  const dueMs = incident.openedAtMs + PLAN_WITHIN_MS
  turn.wake(dueMs)
  if (turn.nowMs < dueMs) return
  const what = 'its instances are left alone, and no policy speaks of the whole'
  escalateService(turn, incident, `${service}: ${what}; a person has to look`)
}
