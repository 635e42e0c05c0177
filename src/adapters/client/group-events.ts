// What a member has to say to who runs the tasks, in order, until it fails or has left.
import type { LogError } from '../../runtime/log-error.ts'
import type { GroupEvent } from '../../runtime/ports.ts'

interface Waiter {
  readonly resolve: (event: GroupEvent) => void
  readonly reject: (error: unknown) => void
}

export class GroupEvents {
  readonly #events: GroupEvent[] = []
  readonly #waiters: Waiter[] = []
  #failure: LogError | null = null

  get failure(): LogError | null {
    return this.#failure
  }

  next(): Promise<GroupEvent> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve(event)
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  emit(event: GroupEvent): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#events.push(event)
    else waiter.resolve(event)
  }

  /** The events so far can still be taken, then next() rejects. */
  fail(failure: LogError): void {
    this.#failure ??= failure
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure)
  }

  /** The member has left: nobody may take an older event any more. */
  close(closed: LogError): void {
    this.#events.length = 0
    this.#failure = null
    this.fail(closed)
  }
}
