// Abort signals without the event machinery of Node, for as long as a run lasts: an engine that
// waits for nothing but virtual time makes one with every request, and one of Node's is the dearest
// thing in it. Listeners are called in the order in which they came, each once, as with Node's own.

type Listener = (event: { readonly type: 'abort'; readonly target: QuickSignal }) => void

class QuickSignal {
  aborted = false
  reason: unknown = undefined
  #listeners: Set<Listener> | null = null

  addEventListener(_type: 'abort', listener: Listener): void {
    if (this.aborted) return
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners?.delete(listener)
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of this.#listeners ?? []) this.#tell(listener)
    this.#listeners = null
  }

  /** What a listener throws reaches nobody, and ends the process. */
  #tell(listener: Listener): void {
    try {
      listener({ type: 'abort', target: this })
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}

// By this Node knows what takes listeners (`setMaxListeners`).
Object.assign(QuickSignal, { [Symbol.for('nodejs.event_target')]: true })

class QuickController {
  readonly signal: QuickSignal = new QuickSignal()

  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    this.signal.abort(reason)
  }
}

/** Puts them in the place of Node's; the answer puts those back. One run at a time in a process. */
export function quickSignals(): () => void {
  const { AbortController: controller, AbortSignal: signal } = globalThis
  const put = (AbortController: unknown, AbortSignal: unknown): void => {
    Object.assign(globalThis, { AbortController, AbortSignal })
  }
  put(QuickController, QuickSignal)
  return () => put(controller, signal)
}
