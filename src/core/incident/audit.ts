// The audit: events of incidents and of the task itself, each with the hash of the one before in
// its partition, so that none can be taken out or changed unseen (DESIGN.md law 7).
import { type IncidentId, incidentId, type ServiceId, taskId } from '../../contracts/ids.ts'
import { serviceId } from '../../contracts/ids.ts'
import type { IncidentEvent } from '../../contracts/records.ts'
import { canonical } from '../kernel/canonical.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { go } from '../kernel/machine.ts'
import type { CoreContext, Output } from '../kernel/step.ts'
import type { Incident } from './incident.ts'
import { INCIDENT_TABLE } from './machine.ts'

/** Key of events about the task itself: refused documents, holds. */
export const OPS: IncidentId = incidentId('ops')
const OPS_SERVICE: ServiceId = serviceId('ops')

/** The tip of the chain of one partition. */
export interface Chain {
  tip: Uint8Array
  /** Events of `ops` written so far. */
  opsSeq: number
}

export function newChain(): Chain {
  return { tip: new Uint8Array(32), opsSeq: 0 }
}

export function saveChain({ tip, opsSeq }: Chain, to: ImageWriter): void {
  to.blob(tip).int(opsSeq)
}

export function loadChain(from: ImageReader): Chain {
  return { tip: from.blob().slice(), opsSeq: from.int() }
}

/** Moment and author of an event. */
export interface Moment {
  readonly nowMs: number
  readonly stepSeq: number
  readonly behaviour: number
}

/** What an event says beyond who, when and in which state. */
export type Said = Pick<IncidentEvent, 'event' | 'summary'> &
  Partial<
    Pick<
      IncidentEvent,
      'evidence' | 'policy' | 'clauses' | 'guards' | 'command_id' | 'action' | 'outcome' | 'facts'
    >
  > & {
    /** The state it goes to; absent = it stays. */
    readonly to?: IncidentEvent['state']
  }

const NOTHING_SAID = {
  evidence: [],
  policy: null,
  clauses: [],
  guards: [],
  command_id: null,
  action: null,
  outcome: null,
  facts: {},
} as const

export class Audit {
  private readonly context: CoreContext
  private readonly chain: Chain
  private readonly moment: Moment

  constructor(context: CoreContext, chain: Chain, moment: Moment) {
    this.context = context
    this.chain = chain
    this.moment = moment
  }

  /** An event of an incident; moves its state along the table. */
  about(incident: Incident, said: Said): Output {
    const { to, ...rest } = said
    if (to !== undefined) incident.state = go(INCIDENT_TABLE, incident.state, to)
    incident.seq += 1
    return this.chained({
      ...NOTHING_SAID,
      ...rest,
      incident_id: incident.id,
      seq: incident.seq,
      service: incident.service,
      instance: incident.instance,
      incarnation: incident.incarnation,
      state: incident.state,
      attempt: incident.attempt,
    })
  }

  /** An event of the task itself. */
  ops(said: Said, service: ServiceId | null): Output {
    const { to: _to, ...rest } = said
    this.chain.opsSeq += 1
    return this.chained({
      ...NOTHING_SAID,
      ...rest,
      incident_id: OPS,
      seq: this.chain.opsSeq,
      service: service ?? OPS_SERVICE,
      instance: null,
      incarnation: 0,
      state: 'unknown',
      attempt: 0,
    })
  }

  private chained(
    body: Omit<IncidentEvent, 'at_ms' | 'task' | 'step_seq' | 'behaviour' | 'prev_hash'>,
  ): Output {
    const event: IncidentEvent = {
      ...body,
      at_ms: this.moment.nowMs,
      task: taskId(this.context.taskId),
      step_seq: this.moment.stepSeq,
      behaviour: this.moment.behaviour,
      prev_hash: this.chain.tip,
    }
    this.chain.tip = this.context.sha256(canonical(event))
    return { topic: 'incidents', key: event.incident_id, body: event }
  }
}

/**
 * Checks a run of events as read back from one partition: offsets of the events whose `prev_hash`
 * is
 * not the hash of the one before. `tip` is the hash before the first of them.
 */
export function brokenLinks(
  events: readonly IncidentEvent[],
  tip: Uint8Array,
  sha256: (bytes: Uint8Array) => Uint8Array,
): readonly number[] {
  const broken: number[] = []
  let before = tip
  events.forEach((event, i) => {
    const same =
      event.prev_hash.length === before.length &&
      event.prev_hash.every((byte, at) => byte === before[at])
    if (!same) broken.push(i)
    before = sha256(canonical(event))
  })
  return broken
}
