// Topics made, removed and described: CreateTopics version 3, DeleteTopics version 1,
// DescribeConfigs version 2.
import type { TopicSetup } from '../../../runtime/ports.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import type { ByteReader } from './bytes.ts'
import { answersForNames, kafkaRequest } from './codec.ts'

const TOPIC_RESOURCE = 2

/** Answers in the order of `topics`; topics without `replicas` get `defaultReplicas`. */
export function createTopicsRequest(request: {
  readonly topics: readonly TopicSetup[]
  readonly defaultReplicas: number
  readonly timeoutMs: number
}): KafkaRequest<ErrorCode[]> {
  const { topics, defaultReplicas, timeoutMs } = request
  return kafkaRequest(
    { apiKey: 19, apiVersion: 3, apiName: 'CreateTopics' },
    (body) => {
      body.array(topics, ({ topic, partitions, replicas, config }) => {
        body
          .string(topic)
          .int32(partitions)
          .int16(replicas ?? defaultReplicas)
          .array([], () => {}) // replica assignments
          .array(Object.entries(config), ([key, value]) => body.string(key).string(value))
      })
      body.int32(timeoutMs).bool(false) // not validation only
    },
    (body) => {
      body.int32() // throttle time
      const answered = body.array(() => {
        const result = { name: body.string(), error: errorName(body.int16()) }
        body.nullableString() // message
        return result
      })
      const names = topics.map(({ topic }) => topic)
      return answersForNames(names, answered).map(({ error }) => error)
    },
  )
}

/** Answers in the order of `names`. */
export function deleteTopicsRequest(
  names: readonly string[],
  timeoutMs: number,
): KafkaRequest<ErrorCode[]> {
  return kafkaRequest(
    { apiKey: 20, apiVersion: 1, apiName: 'DeleteTopics' },
    (body) => {
      body.array(names, (name) => body.string(name)).int32(timeoutMs)
    },
    (body) => {
      body.int32() // throttle time
      const answered = body.array(() => ({
        name: body.string(),
        error: errorName(body.int16()),
      }))
      return answersForNames(names, answered).map(({ error }) => error)
    },
  )
}

export interface TopicConfig {
  readonly name: string
  readonly error: ErrorCode
  /** Every setting with its value, defaults too; those that the broker hides are left out. */
  readonly config: Readonly<Record<string, string>>
}

/** Answers in the order of `names`. */
export function describeConfigsRequest(names: readonly string[]): KafkaRequest<TopicConfig[]> {
  return kafkaRequest(
    { apiKey: 32, apiVersion: 2, apiName: 'DescribeConfigs' },
    (body) => {
      body.array(names, (name) => body.int8(TOPIC_RESOURCE).string(name).nullArray())
      body.bool(false) // no synonyms
    },
    (body) => {
      body.int32() // throttle time
      return answersForNames(
        names,
        body.array(() => readConfig(body)),
      )
    },
  )
}

export function readConfig(body: ByteReader): TopicConfig {
  const error = errorName(body.int16())
  body.nullableString() // message
  body.int8() // kind of resource
  const name = body.string()
  const settings = body.array((): readonly [string, string | null] => {
    const key = body.string()
    const value = body.nullableString()
    // Read-only, source, sensitive: one byte each.
    body.skip(3)
    body.array(() => {
      body.string()
      body.nullableString()
      body.int8()
    })
    return [key, value]
  })
  const known = settings.filter((entry): entry is [string, string] => entry[1] !== null)
  return { name, error, config: Object.fromEntries(known) }
}
