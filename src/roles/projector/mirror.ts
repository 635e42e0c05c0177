// The read model of what a store shows: it takes what is new page by page, so that a question is
// answered at once and never waits for the store.
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../runtime/ports.ts'
import type { ViewCursor, ViewStore } from '../../runtime/view-port.ts'
import { ReadModel } from './read-model.ts'

const PAGE_ROWS = 200

export class Mirror {
  /** Stays the same object. */
  readonly model: ReadModel = new ReadModel()
  private readonly store: ViewStore
  private readonly clock: Clock
  private cursor: ViewCursor | null = null
  /** What a new generation is read into until it is whole. */
  private building: ReadModel | null = null
  private turn: Promise<unknown> = Promise.resolve()
  private asOf = 0
  private readMs = Number.NEGATIVE_INFINITY

  constructor(store: ViewStore, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  /** Everything that the log had taken up to then is in the model, epoch ms; 0: nothing is. */
  get asOfMs(): number {
    return this.asOf
  }

  /** Since the store was last read to its end. */
  get unreadMs(): number {
    return this.clock.monotonicMs() - this.readMs
  }

  /** Reads what is new; false when nothing is shown. Errors: ViewError. */
  refresh(): Promise<boolean> {
    const mine = this.turn.then(() => this.refreshNow())
    this.turn = mine.catch(() => undefined)
    return mine
  }

  private async refreshNow(): Promise<boolean> {
    for (;;) {
      const page = await this.store.read(this.cursor, PAGE_ROWS)
      if (page === null) {
        this.cursor = null
        return false
      }
      if (page.reset) this.building = new ReadModel()
      const model = this.building ?? this.model
      for (const { topic, partition, id: key, record } of page.rows)
        model.fold({ topic, partition, key }, record)
      this.cursor = page.cursor
      if (page.more) {
        await turn()
        continue
      }
      if (this.building !== null) this.model.become(this.building)
      this.building = null
      this.asOf = page.asOfMs
      this.readMs = this.clock.monotonicMs()
      return true
    }
  }
}
