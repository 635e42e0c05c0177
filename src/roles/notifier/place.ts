// A place in the log, and the name of its partition in a map.
import type { TopicPartition } from '../../runtime/ports.ts'

export interface Place extends TopicPartition {
  readonly offset: number
}

/** Topic names hold no slash. */
export function partitionOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
