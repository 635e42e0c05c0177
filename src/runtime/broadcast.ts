// Records of policies and operators go to all P partitions, because every task needs them and each
// task reads its own partition only. A broadcast that failed half-way is simply repeated: such
// records carry a version or an id, and a task ignores what it has.
import type { Encoder } from '../contracts/decode.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import type { OperatorRecord, PolicyRecord } from '../contracts/records.ts'
import { topicName } from '../contracts/topics.ts'
import { encodeUtf8 } from '../contracts/utf8.ts'
import type { Appended, IdempotentProducer } from './ports.ts'
import { eventHeaders } from './record-headers.ts'

export type Broadcast =
  | { readonly topic: 'policies'; readonly body: PolicyRecord }
  | { readonly topic: 'operator'; readonly body: OperatorRecord }

export interface BroadcastOptions {
  readonly producer: IdempotentProducer
  readonly encoder: Encoder
  readonly prefix: string
  /** P. */
  readonly partitions: number
  readonly clusterId: string
  /** Who sends it, such as `/cli`. */
  readonly source: string
}

/** The same record for every partition, in order of partition. */
export function toAllPartitions(
  { topic, body }: Broadcast,
  options: Omit<BroadcastOptions, 'producer'>,
): readonly OutgoingRecord[] {
  const { encoder, prefix, partitions, clusterId, source } = options
  const isPolicy = topic === 'policies'
  const key = isPolicy ? body.name : body.id
  const value = isPolicy ? encoder.encode('policies', body) : encoder.encode('operator', body)
  const id = isPolicy ? `${body.kind}/${body.name}/${body.version}` : body.id
  const timestampMs = body.at_ms
  const headers = eventHeaders({ topic, id, source, timeMs: timestampMs, path: [clusterId] })
  return Array.from({ length: partitions }, (_, partition) => ({
    topic: topicName(topic, prefix),
    partition,
    key: encodeUtf8(key),
    value,
    headers,
    timestampMs,
  }))
}

/** Errors: LogError of the producer; some partitions may have the record then: send it again. */
export async function broadcast(
  what: Broadcast,
  options: BroadcastOptions,
): Promise<readonly Appended[]> {
  return await options.producer.send(toAllPartitions(what, options))
}
