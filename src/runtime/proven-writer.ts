// A writer that sends nothing while its member cannot prove that it still owns its tasks (invariant
// I32): a process that stood still finds that out before it sends, whatever is queued in it. What
// the log already has of a commit is settled by the fence and the transaction's time-out.
import type { OutgoingRecord } from '../contracts/record.ts'
import { LogError } from './log-error.ts'
import type { Appended, TransactionalWriter } from './ports.ts'

/** Errors beside the writer's own: LogError `MEMBER_LOST`. */
export class ProvenWriter implements TransactionalWriter {
  readonly #inner: TransactionalWriter
  readonly #isProven: () => boolean

  constructor(inner: TransactionalWriter, isProven: () => boolean) {
    this.#inner = inner
    this.#isProven = isProven
  }

  async fence(): Promise<void> {
    this.#check()
    await this.#inner.fence()
  }

  async renew(): Promise<void> {
    this.#check()
    await this.#inner.renew()
  }

  async commit(records: readonly OutgoingRecord[]): Promise<readonly Appended[]> {
    this.#check()
    return await this.#inner.commit(records)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #check(): void {
    if (!this.#isProven()) throw unproven()
  }
}

export function unproven(): LogError {
  return new LogError('MEMBER_LOST', 'the group was not heard of for a whole session')
}
