// What all requests share: a body written and read by one pair of functions, partitions under
// their topics, and the rule that an answer is about exactly what was asked (an answer that leaves
// a partition out would else be taken for success: kafkajs loses records that way).
import type { TopicPartition } from '../../../runtime/ports.ts'
import { partitionKey } from '../../client/protocol.ts'
import type { KafkaRequest } from '../wire.ts'
import { ByteReader, ByteWriter, MalformedAnswer } from './bytes.ts'

export interface ApiVersion {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  /** Default false. */
  readonly flexible?: boolean
  /** Size of the body, where it is known to be large. */
  readonly capacity?: number
}

export function kafkaRequest<T>(
  api: ApiVersion,
  write: (body: ByteWriter) => void,
  read: (body: ByteReader) => T,
): KafkaRequest<T> {
  const { apiKey, apiVersion, apiName, flexible = false, capacity } = api
  return {
    apiKey,
    apiVersion,
    apiName,
    flexible,
    encode(): Buffer {
      const body = new ByteWriter(capacity)
      write(body)
      return body.finish()
    },
    decode(bytes: Buffer): T {
      const body = new ByteReader(bytes)
      const answer = read(body)
      body.end()
      return answer
    },
  }
}

/** Writes `[topic [partition …]]`; `write` writes what follows the topic for each partition. */
export function writePartitions<P extends TopicPartition>(
  body: ByteWriter,
  partitions: readonly P[],
  write: (partition: P) => void,
): void {
  const topics = new Map<string, P[]>()
  for (const partition of partitions) {
    const group = topics.get(partition.topic)
    if (group === undefined) topics.set(partition.topic, [partition])
    else group.push(partition)
  }
  body.array([...topics], ([topic, group]) => {
    body.string(topic)
    body.array(group, write)
  })
}

/** Reads `[topic [index …]]`; `read` reads what follows the partition's index. */
export function readPartitions<A>(body: ByteReader, read: (at: TopicPartition) => A): A[] {
  const topics = body.array(() => {
    const topic = body.string()
    return body.array(() => read({ topic, partition: body.int32() }))
  })
  return topics.flat()
}

/**
 * The answers, in the order asked. Errors: MalformedAnswer unless there is exactly one for each
 * partition that was asked for.
 */
export function answersFor<A extends TopicPartition>(
  asked: readonly TopicPartition[],
  answered: readonly A[],
): A[] {
  const byKey = new Map(answered.map((answer) => [partitionKey(answer), answer]))
  return exactly(asked.map(partitionKey), byKey, answered.length)
}

/** As `answersFor`, for topics; what is asked for twice is answered once. */
export function answersForNames<A extends { readonly name: string }>(
  asked: readonly string[],
  answered: readonly A[],
): A[] {
  const names = [...new Set(asked)]
  const byName = new Map(answered.map((answer) => [answer.name, answer]))
  const answers = new Map(
    exactly(names, byName, answered.length).map((answer) => [answer.name, answer]),
  )
  return asked.flatMap((name) => answers.get(name) ?? [])
}

function exactly<A>(
  asked: readonly string[],
  answered: ReadonlyMap<string, A>,
  answeredCount: number,
): A[] {
  if (answeredCount !== asked.length || answered.size !== asked.length)
    throw new MalformedAnswer(`${asked.length} asked, ${answeredCount} answered`)
  return asked.map((key) => {
    const answer = answered.get(key)
    if (answer === undefined) throw new MalformedAnswer('something asked for was not answered')
    return answer
  })
}
