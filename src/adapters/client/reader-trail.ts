// Which leader epochs the records were of that a reader has read of a partition, so that it can be
// asked of a new leader whether its log is the same up to there (KIP-320). Without that a log that
// was cut off below the position (an unclean election) and has grown beyond it again would be read
// on with other records than those the steps before were made of, and nobody would know. A trail
// lives as long as its reader, also while the partition is not assigned.

export interface Mark {
  readonly epoch: number
  /** The epoch of the leader that took the last position for one of its log, and no record's. */
  readonly isLeaders: boolean
}

interface Range extends Mark {
  /** Offset of its first record. */
  readonly from: number
}

export class Trail {
  #ranges: Range[] = []
  /** What was read ends here. */
  #to = -1
  /** Epoch of the leader whose log is known to be the one that was read; -1: none. */
  provenFor: number = -1

  /** What is known of the log before the position is what another reader knows of it. */
  adopt(other: Trail, position: number): void {
    this.#ranges = other.#ranges.filter(({ from }) => from < position)
    this.#to = position
    this.provenFor = other.provenFor
  }

  /** Of the record before the position; null where that was not read, or there is none. */
  before(position: number): Mark | null {
    if (position > this.#to) return null
    return this.#ranges.findLast(({ from }) => from < position) ?? null
  }

  /**
   * A leader has answered for the offsets from `from` to `to`. `epochs`: of the batches among them,
   * where another one begins.
   */
  read(
    { from, to }: { readonly from: number; readonly to: number },
    epochs: readonly { readonly epoch: number; readonly from: number }[],
    leaderEpoch: number,
  ): void {
    if (from > this.#to) this.#ranges = []
    this.#ranges = this.#ranges.filter((range) => range.from < from)
    if (this.#ranges.length === 0 && from > 0 && leaderEpoch >= 0)
      this.#ranges.push({ epoch: leaderEpoch, isLeaders: true, from: from - 1 })
    for (const { epoch, from: first } of epochs) {
      const last = this.#ranges.at(-1)
      const isSame = last?.epoch === epoch && !last.isLeaders
      if (epoch >= 0 && !isSame) this.#ranges.push({ epoch, isLeaders: false, from: first })
    }
    this.#to = to
    this.provenFor = leaderEpoch
  }
}

/** Trails of a partition that are kept: of its owner's reader, a standby's, and of restores. */
const TRAILS_MAX = 8

/**
 * What all readers of a client have read, also those that are closed: a task that was followed, or
 * restored, by one reader is read on by another one, which has read nothing of what is before.
 */
export class Trails {
  readonly #byPlace = new Map<string, Trail[]>()

  /** A new one. */
  begin(place: string): Trail {
    const trail = new Trail()
    const all = this.#byPlace.get(place) ?? []
    this.#byPlace.set(place, [...all, trail].slice(-TRAILS_MAX))
    return trail
  }

  /** The oldest knowledge of what is before the position; null: nobody here has read that. */
  oldest(place: string, position: number): Trail | null {
    const knowing = (this.#byPlace.get(place) ?? []).filter((one) => one.before(position) !== null)
    return knowing.toSorted((a, b) => a.provenFor - b.provenFor)[0] ?? null
  }
}
