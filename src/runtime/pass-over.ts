// Batches that are what their checksum says and still cannot be read: compressed against the
// topic's setting, or made by a client that does not keep to the format (a broker does not look at
// the offsets inside a batch). They never reach the core: the journal names their offsets as
// skipped, and in the same transaction the first of them goes to the dead letters with the reason.
import type { SkipEntry } from '../contracts/journal.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { topicName } from '../contracts/topics.ts'
import { type SealContext, seal } from './seal.ts'
import type { Unreadable } from './stepper.ts'

/** Begins the reason of such a skip: it is no fault of the core. */
const UNREADABLE = 'unreadable: '

export const isUnreadable = ({ reason }: SkipEntry): boolean => reason.startsWith(UNREADABLE)

/** As the journal names it. */
export function skipOf({ topic, partition, from, to, reason }: Unreadable): SkipEntry {
  const record = { topic, partition, offset: to - 1 }
  return { kind: 'skip', record, from, reason: UNREADABLE + reason }
}

/** As people find it: the value is the first batch, as stored. */
export function letterOf(
  context: SealContext,
  { topic: kind, partition, to, reason, first, records }: Unreadable,
): OutgoingRecord {
  const topic = topicName(kind, context.prefix)
  // Log time: when the log took it.
  const nowMs = first.maxTimestampMs
  const body = {
    origin_topic: topic,
    origin_partition: partition,
    origin_offset: first.baseOffset,
    origin_last_offset: to - 1,
    count: records,
    timestamp_ms: nowMs,
    key: null,
    value: first.bytes,
    headers: [],
    stage: 'decode',
    reason: 'unreadable_batch',
    detail: `the value is the first batch as it is stored: ${reason}`,
    task: context.task,
    at_ms: nowMs,
  }
  const id = `${context.task}-${kind}-${partition}-${first.baseOffset}`
  return seal(context, { id, nowMs }, { topic: 'dlq', key: `${topic}-${partition}`, body })
}
