// What a plan is carried out and followed with: the incident and its run, the policy it is of, the
// instance it looks at.
import type { Rung } from '../../contracts/plan.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { ServiceId } from '../../contracts/ids.ts'
import { type Incident, isInHand } from '../incident/incident.ts'
import { leftPercent, release } from '../plan/marks.ts'
import type { Run } from '../plan/run.ts'
import { policyAt, type ReadyPolicy } from './documents.ts'
import type { State, Turn } from './state.ts'

/** A run with its definition. */
export interface Course {
  readonly incident: Incident
  readonly run: Run
  readonly ready: ReadyPolicy
  readonly rung: Rung
}

/** null: nothing is under way, or its policy is not in force any more. */
export function courseOf(state: State, incident: Incident): Course | null {
  const { run } = incident
  if (run === null) return null
  const ready = policyAt(state.documents, run.policy)
  const rung = ready?.policy.plan.rungs[run.rung]
  return ready === null || rung === undefined ? null : { incident, run, ready, rung }
}

/** `step 2 of 3: `, or nothing where there is one step. */
export function stepName({ run, rung }: Course): string {
  const { length } = rung.steps
  return length === 1 ? '' : `step ${run.step + 1} of ${length}: `
}

/** Takes back what the incident has set on routing, all of it or what is of one instance. */
export function takeBack(turn: Turn, incident: Incident): void {
  const released = release(turn.state.marks, incident.id, null)
  const told = released.filter(({ kind }) => kind !== 'hand')
  if (told.length === 0) return
  const what = told.map(({ kind, service, instance }) => `${kind} of ${service}/${instance}`)
  turn.say(incident, { event: 'note', summary: `taken back: ${what.join(', ')}` })
}

/** By our hand it takes no traffic now. */
export function isOut(state: State, key: string): boolean {
  if (leftPercent(state.marks, key) === 0) return true
  const incident = state.incidents.get(key)
  return incident !== undefined && incident.run === null && isInHand(incident)
}

/** The key its incident is kept under. */
export function keyOf({ service, instance }: Incident): string {
  return viewKey(service, instance)
}

/** The open incident of the service as a whole, or null. */
export function serviceIncident({ incidents }: State, service: ServiceId): Incident | null {
  return incidents.get(viewKey(service, null)) ?? null
}
