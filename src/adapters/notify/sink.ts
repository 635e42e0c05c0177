// What a sink is handed and how it says that it could not take it. A sink may be handed the same
// thing again (after a lost answer, after a restart): the key is the same then.
import type { OutcomeWord } from '../../contracts/incident-outcome.ts'
import type { Alert, IncidentEvent } from '../../contracts/records.ts'

/** Alerts of one group, in the order they were told; at least one. */
export interface AlertNotice {
  readonly kind: 'alerts'
  /** Same for the same alerts. */
  readonly key: string
  readonly group: string
  readonly alerts: readonly Alert[]
}

/** How an incident ended (S0-56). */
export interface OutcomeNotice {
  readonly kind: 'outcome'
  /** One per incident and outcome. */
  readonly key: string
  readonly outcome: OutcomeWord
  readonly event: IncidentEvent
}

export type Notice = AlertNotice | OutcomeNotice

export interface Sink {
  readonly name: string
  /** Knows what is still firing only while it is told so again. */
  readonly needsRefresh: boolean
  /** Resolves when the sink has taken it. Errors: DeliveryError; the signal's reason. */
  deliver(notice: Notice, signal: AbortSignal): Promise<void>
}

/**
 * `again`: it may be taken later. `refused`: the sink will not take this one, however often it is
 * asked; others it may.
 */
export type Refusal = 'again' | 'refused'

export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly refusal: Refusal
  /** The sink has asked for this pause, or null. */
  readonly afterMs: number | null

  constructor(refusal: Refusal, message: string, afterMs: number | null = null) {
    super(message)
    this.refusal = refusal
    this.afterMs = afterMs
  }
}
