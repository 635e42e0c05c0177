// Has a reader reached what was there when it began? A poll does not answer for partitions in which
// nothing came, so positions are compared with the ends (last stable offsets) asked for at the
// start.
import type { LogPort, LogReader, TopicPartition } from '../../runtime/ports.ts'

export class Reach {
  private readonly left: Map<TopicPartition, number>

  private constructor(left: Map<TopicPartition, number>) {
    this.left = left
  }

  /** Errors: LogError. */
  static async begin(log: LogPort, places: readonly TopicPartition[]): Promise<Reach> {
    const admin = log.admin()
    try {
      const ends = await admin.offsets(places, 'latest', 'read_committed')
      return new Reach(new Map(places.map((at, i) => [at, ends[i] ?? 0])))
    } finally {
      await admin.close()
    }
  }

  /** Partitions that are still short of their end. */
  missing(reader: LogReader): number {
    for (const [at, end] of this.left) {
      const position = reader.position(at)
      if (position !== null && position >= end) this.left.delete(at)
    }
    return this.left.size
  }
}
