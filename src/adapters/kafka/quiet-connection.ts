// kafkajs' Connection with what hurts taken out: an idle queue that wakes a hundred times a second,
// an interval that looks for late requests, a disconnect that waits for answers for ever, and a
// stream read with a length believed as it comes. What is left of it: opening the socket, matching
// answers with requests, and SASL.
import { FrameReader } from './frames.ts'
import { Connection, type ConnectionSettings, silent } from './vendor.ts'

const CORRELATION_BYTES = 4

export type QuietSettings = Omit<
  ConnectionSettings,
  'logger' | 'requestTimeout' | 'enforceRequestTimeout'
>

export class QuietConnection extends Connection {
  /** Why it ended; null while it has not. */
  endReason: Error | null = null
  readonly #onEnd: (reason: Error) => void
  readonly #frames: FrameReader

  /** `onEnd` is called once, whoever ended it, before the requests under way are rejected. */
  constructor(settings: QuietSettings, onEnd: (reason: Error) => void) {
    super({ ...settings, logger: silent, requestTimeout: 0, enforceRequestTimeout: false })
    this.#onEnd = onEnd
    const queue = this.requestQueue
    const schedule = queue.scheduleCheckPendingRequests.bind(queue)
    queue.scheduleCheckPendingRequests = () => {
      if (queue.pending.length > 0) schedule()
    }
    this.#frames = new FrameReader((frame) => {
      queue.fulfillRequest({
        correlationId: frame.readInt32BE(0),
        payload: frame.subarray(CORRELATION_BYTES),
        size: frame.length,
      })
    })
  }

  /** Called by kafkajs with what the socket brings. */
  override processData(bytes: Buffer): void {
    if (this.endReason !== null) return
    try {
      this.#frames.push(bytes)
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Called by kafkajs when the socket has failed, and before it has told its requests so. */
  override rejectRequests(reason: Error): void {
    this.end(reason)
  }

  /** Called by kafkajs when the socket has ended. */
  override disconnect(): Promise<true> {
    this.end(new Error('the connection was closed by the other side'))
    return Promise.resolve(true)
  }

  /** At once: what is under way rejects with the reason, the socket is gone. */
  end(reason: Error): void {
    if (this.endReason !== null) return
    this.endReason = reason
    const wasConnecting = !this.isConnected()
    this.#onEnd(reason)
    this.connectionStatus = 'disconnected'
    this.requestQueue.rejectAll(reason)
    this.requestQueue.destroy()
    // Told of an error, kafkajs ends the timer that limits its connecting.
    this.socket?.destroy(wasConnecting ? reason : undefined)
  }
}
