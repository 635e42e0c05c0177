// What the stage of alerts is handed of a step, and what it needs looked at.
import type { ServiceId } from '../../contracts/ids.ts'
import type { AlertStep } from '../alert/alerts.ts'
import { type HealingAnswer, readsOf } from '../decision/healing.ts'
import type { Facts } from '../kernel/facts.ts'
import type { Step } from '../kernel/step.ts'
import type { ServiceState } from './service-state.ts'

/** What policies and alert rules in force read of the figures of a service. */
export function readsFor(state: ServiceState, service: ServiceId): ReturnType<typeof readsOf> {
  const reads = readsOf(state.healing, service)
  return reads === 'nothing' && state.alerts.rulesOf(service).readsCounts ? 'own' : reads
}

/** The step as alerts see it: what is new of instances, what the audit said, who is to be told. */
export function alertStep(
  state: ServiceState,
  { nowMs, seq: stepSeq, behind }: Step,
  { blind, services, left = [] }: Facts,
  { outputs, notifications }: Pick<HealingAnswer, 'outputs' | 'notifications'>,
): AlertStep {
  const events = outputs.flatMap((output) => {
    return output.topic === 'incidents' && output.body !== null ? [output.body] : []
  })
  const find: AlertStep['find'] = (service, instance) =>
    state.find(service, instance)?.facts ?? null
  return { nowMs, stepSeq, behind, blind, services, left, events, notifications, find }
}
