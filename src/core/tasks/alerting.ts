// What the stage of alerts is handed of a step, and what it needs looked at.
import type { ServiceId } from '../../contracts/ids.ts'
import type { AlertStep } from '../alert/alerts.ts'
import { readsOf } from '../decision/healing.ts'
import type { Facts } from '../kernel/facts.ts'
import type { Output, Step } from '../kernel/step.ts'
import type { ServiceState } from './service-state.ts'

/** What policies and alert rules in force read of the figures of a service. */
export function readsFor(state: ServiceState, service: ServiceId): ReturnType<typeof readsOf> {
  const reads = readsOf(state.healing, service)
  return reads === 'nothing' && state.alerts.rulesOf(service).readsCounts ? 'own' : reads
}

/** The step as alerts see it: what is new of instances, and what the audit said. */
export function alertStep(
  state: ServiceState,
  { nowMs, seq: stepSeq, behind }: Step,
  { blind, services, left = [] }: Facts,
  said: readonly Output[],
): AlertStep {
  const events = said.flatMap((output) => {
    return output.topic === 'incidents' && output.body !== null ? [output.body] : []
  })
  const find: AlertStep['find'] = (service, instance) =>
    state.find(service, instance)?.facts ?? null
  return { nowMs, stepSeq, behind, blind, services, left, events, find }
}
