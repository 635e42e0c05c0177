// What makes two decisions the same: what was ordered or refused, about whom, by which policy and
// guard. Ids, times and figures are those of the log that it was made from, and do not count.
import type { Command, IncidentEvent } from '../../contracts/records.ts'
import type { Output } from '../../core/kernel/step.ts'

/** A decision as the audit names it. */
export interface DecisionName {
  readonly incidentId: string
  /** Of the event in its incident. */
  readonly seq: number
  /** Step in which the task made it. */
  readonly stepSeq: number
}

export interface Decision {
  readonly event: IncidentEvent
  /** What makes it the same again. */
  readonly signature: string
}

/** The decision of a step that has this name; null: there is none. */
export function decisionOf(outputs: readonly Output[], name: DecisionName): Decision | null {
  for (const { topic, body } of outputs) {
    if (topic !== 'incidents' || body === null) continue
    const isNamed = body.incident_id === name.incidentId && body.seq === name.seq
    if (isNamed) return { event: body, signature: eventText(body, outputs) }
  }
  return null
}

/** Whether the same decision is among the outputs of a step. */
export function isAmong(outputs: readonly Output[], signature: string): boolean {
  return outputs.some(
    ({ topic, body }) =>
      topic === 'incidents' && body !== null && eventText(body, outputs) === signature,
  )
}

/** An order is told with its command, a refusal with the guard that is named by it. */
function eventText(event: IncidentEvent, outputs: readonly Output[]): string {
  const { service, instance, incarnation, policy, action, guards, command_id: id } = event
  const command = outputs.find(
    ({ topic, body }) => topic === 'commands' && body !== null && body.command_id === id,
  )
  const refusal = guards.find(({ passed }) => !passed)?.guard ?? ''
  const seen = event.event === 'detected' || event.event === 'evidence' ? detectors(event) : []
  const ordered = command?.topic === 'commands' && command.body !== null ? command.body : null
  const by = policy === null ? '' : `${policy.name}@${policy.version}`
  const parts = [event.event, event.state, service, instance ?? '', incarnation, by, action ?? '']
  return JSON.stringify([...parts, refusal, seen, ordered === null ? '' : orderText(ordered)])
}

function detectors({ evidence }: IncidentEvent): readonly string[] {
  return evidence.map(({ detector }) => detector)
}

function orderText({ action, target, args, mode }: Command): string {
  const { agent, agent_epoch: epoch, incarnation } = target
  return JSON.stringify([action, agent, epoch, incarnation, mode, Object.entries(args)])
}
