// Positions of groups that have no members, as Kafka's coordinator keeps them: a position is of a
// partition that exists, goes with its topic, and is refused to nobody in particular while the
// group has members.
import type { TopicPartition } from '../../../runtime/ports.ts'
import type { ErrorCode } from '../../client/error-codes.ts'
import { partitionKey, type RequestOf, type ResponseOf } from '../../client/protocol.ts'

export interface GroupOffsetsOptions {
  readonly isEmpty: (group: string) => boolean
  readonly exists: (at: TopicPartition) => boolean
}

export class GroupOffsets {
  readonly #options: GroupOffsetsOptions
  readonly #groups = new Map<string, Map<string, number>>()

  constructor(options: GroupOffsetsOptions) {
    this.#options = options
  }

  commit({ group, positions }: RequestOf<'commitOffsets'>): ResponseOf<'commitOffsets'> {
    const refused = this.#refusal(group)
    const held = this.#groups.get(group) ?? new Map<string, number>()
    const partitions = positions.map((at): { error: ErrorCode } => {
      if (refused !== null) return { error: refused }
      if (!this.#options.exists(at)) return { error: 'UNKNOWN_TOPIC_OR_PARTITION' }
      held.set(partitionKey(at), at.offset)
      return { error: 'NONE' }
    })
    if (held.size > 0) this.#groups.set(group, held)
    return { error: 'NONE', partitions }
  }

  fetch({ group, partitions }: RequestOf<'fetchOffsets'>): ResponseOf<'fetchOffsets'> {
    const held = this.#groups.get(group)
    return {
      error: 'NONE',
      partitions: partitions.map((at) => {
        return { error: 'NONE', offset: held?.get(partitionKey(at)) ?? -1 }
      }),
    }
  }

  /** The topic is gone. */
  forget(topic: string): void {
    for (const held of this.#groups.values())
      for (const key of held.keys()) if (key.startsWith(`${topic}/`)) held.delete(key)
  }

  #refusal(group: string): ErrorCode | null {
    if (group === '') return 'INVALID_GROUP_ID'
    return this.#options.isEmpty(group) ? null : 'UNKNOWN_MEMBER_ID'
  }
}
