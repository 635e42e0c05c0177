// Handing one notice to its sink until the sink has it: with pauses that grow, for as long as it
// takes. Only what a sink refuses as such, alone and several times, is passed over, and said aloud:
// one record that a sink cannot take must not keep all others from people.
import { DeliveryError, type Notice, type Sink } from '../../adapters/notify/sink.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock } from '../../runtime/ports.ts'

const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 30_000
/** So often a sink may refuse the same single notice. */
const REFUSALS_MAX = 5

export interface DeliveryOptions {
  readonly sink: Sink
  readonly clock: Clock
  readonly instruments: Instruments
}

export class Delivery {
  private readonly options: DeliveryOptions
  private failures = 0
  /** Heard after each attempt that came to nothing. */
  onFailed: () => void = () => undefined
  /** Why the sink does not take what it is handed, or null. */
  trouble: string | null = null

  constructor(options: DeliveryOptions) {
    this.options = options
  }

  /** Errors: the signal's reason alone. */
  async deliver(notice: Notice, signal: AbortSignal): Promise<void> {
    const { sink, instruments } = this.options
    let refusals = 0
    for (;;) {
      const refused = await this.attempt(notice, signal)
      if (refused === null) {
        instruments.emit('notice_delivered', { sink: sink.name, alerts: sizeOf(notice) })
        return
      }
      if (refused.refusal === 'refused') {
        if (notice.kind === 'alerts' && notice.alerts.length > 1) {
          for (const alert of notice.alerts)
            await this.deliver({ ...notice, key: alert.alert_id, alerts: [alert] }, signal)
          return
        }
        refusals += 1
        if (refusals >= REFUSALS_MAX) {
          const fields = { sink: sink.name, key: notice.key, reason: refused.message }
          instruments.emit('notice_dropped', fields)
          this.well()
          return
        }
      }
      await this.pause(refused, signal)
    }
  }

  private well(): void {
    this.failures = 0
    this.trouble = null
  }

  /** null: it was taken. */
  private async attempt(notice: Notice, signal: AbortSignal): Promise<DeliveryError | null> {
    const { sink } = this.options
    try {
      await sink.deliver(notice, signal)
      this.well()
      return null
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof DeliveryError) return error
      return new DeliveryError('again', error instanceof Error ? error.message : String(error))
    }
  }

  private async pause(refused: DeliveryError, signal: AbortSignal): Promise<void> {
    const { sink, clock, instruments } = this.options
    this.trouble = refused.message
    instruments.emit('notice_failed', { sink: sink.name, reason: refused.message })
    this.onFailed()
    const ownMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.failures, 16), LAST_PAUSE_MS)
    this.failures += 1
    await clock.sleep(Math.max(ownMs, refused.afterMs ?? 0), signal)
  }
}

function sizeOf(notice: Notice): number {
  return notice.kind === 'alerts' ? notice.alerts.length : 1
}
