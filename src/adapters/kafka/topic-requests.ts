// Topics of a cluster. A broker answers before the others have heard of the change, so a topic that
// was made is waited for until every broker knows it and its leaders serve it, and one that was
// removed until no broker knows it; bounded, because the change itself is made.
import type { TopicDescription, TopicPartition, TopicSetup } from '../../runtime/ports.ts'
import type { ErrorCode, Failure } from '../client/error-codes.ts'
import type { CallLimits, RequestOf, ResponseOf } from '../client/protocol.ts'
import { refusal } from '../client/session.ts'
import { fanOut, isUnanswered, type Reach, TimeLeft } from './fan-out.ts'
import { metadataRequest, type TopicMetadata } from './requests/metadata.ts'
import { listOffsetsRequest } from './requests/offsets.ts'
import {
  createTopicsRequest,
  deleteTopicsRequest,
  describeConfigsRequest,
  type TopicConfig,
} from './requests/topics.ts'
import type { KafkaRequest } from './wire.ts'

/** Replicas of a topic that asks for none: as many as are needed to lose one and go on safely. */
const WANTED_REPLICAS = 3
const LONGEST_WAIT_MS = 3_000
const PAUSE_MS = 20

export async function createTopics(
  reach: Reach,
  { topics }: RequestOf<'createTopics'>,
  limits: CallLimits,
): Promise<ResponseOf<'createTopics'>> {
  const left = new TimeLeft(reach, limits)
  const { brokers } = await reach.lane.sendAny(metadataRequest([]), left.limits)
  const defaultReplicas = Math.min(WANTED_REPLICAS, brokers.length)
  const errors = await atController(reach, left, () =>
    createTopicsRequest({ topics, defaultReplicas, timeoutMs: left.atBrokerMs }),
  )
  if (typeof errors === 'string') return { errors: topics.map(() => errors) }
  const created = topics.filter((_topic, i) => errors[i] === 'NONE')
  const names = created.map(({ topic }) => topic)
  const nodes = brokers.map(({ node }) => node)
  await waitUntil(reach, left, async (limit) => {
    const isKnown = await everywhere(reach, { nodes, names }, limit, isReady)
    return isKnown && (await areServed(reach, created, limit))
  })
  return { errors }
}

export async function deleteTopics(
  reach: Reach,
  { names }: RequestOf<'deleteTopics'>,
  limits: CallLimits,
): Promise<ResponseOf<'deleteTopics'>> {
  const left = new TimeLeft(reach, limits)
  const { brokers } = await reach.lane.sendAny(metadataRequest([]), left.limits)
  const errors = await atController(reach, left, () => deleteTopicsRequest(names, left.atBrokerMs))
  if (typeof errors === 'string') return { errors: names.map(() => errors) }
  const deleted = names.filter((_name, i) => errors[i] === 'NONE')
  const nodes = brokers.map(({ node }) => node)
  await waitUntil(reach, left, (limit) =>
    everywhere(reach, { nodes, names: deleted }, limit, isGone),
  )
  return { errors }
}

export async function describeTopics(
  reach: Reach,
  { names }: RequestOf<'describeTopics'>,
  limits: CallLimits,
): Promise<ResponseOf<'describeTopics'>> {
  const { lane } = reach
  const left = new TimeLeft(reach, limits)
  const asked = [...new Set(names)]
  const metadata = await lane.sendAny(metadataRequest(asked), left.limits)
  const found = metadata.topics.filter(({ error }) => exists(error))
  if (found.length === 0) return { topics: names.map(() => null) }
  const question = describeConfigsRequest(found.map(({ name }) => name))
  const configs = await lane.sendAny(question, left.limits)
  const described = new Map(
    found.map((topic, i) => [topic.name, describe(topic, configs[i])] as const),
  )
  return { topics: names.map((name) => described.get(name) ?? null) }
}

function describe(topic: TopicMetadata, config: TopicConfig | undefined): TopicDescription | null {
  if (config === undefined || !exists(config.error)) return null
  return { topic: topic.name, partitions: topic.partitions.length, config: config.config }
}

/** Errors: what any answer but these two means to a caller. */
function exists(error: ErrorCode): boolean {
  if (error === 'NONE') return true
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return false
  throw refusal('describeTopics', error)
}

/** The answer of the controller, which may move while it is asked. */
async function atController(
  { cluster, lane, clock }: Reach,
  left: TimeLeft,
  request: () => KafkaRequest<ErrorCode[]>,
): Promise<ErrorCode[] | Failure> {
  for (;;) {
    const node = await cluster.controller(left.limits)
    if (typeof node === 'string') return node
    const errors = await lane.send(node, request(), left.limits).catch((error: unknown) => {
      if (isUnanswered(error, left.limits)) cluster.forgetController()
      throw error
    })
    if (!errors.includes('NOT_CONTROLLER')) return errors
    cluster.forgetController()
    if (left.ms < 2 * PAUSE_MS) return errors
    await clock.sleep(PAUSE_MS, left.limits.signal)
  }
}

/** Asks again and again; no longer than the call has time, and never fails for lack of it. */
async function waitUntil(
  { clock }: Reach,
  left: TimeLeft,
  isDone: (limits: CallLimits) => Promise<boolean>,
): Promise<void> {
  const untilMs = clock.monotonicMs() + Math.min(left.ms, LONGEST_WAIT_MS)
  for (;;) {
    const leftMs = untilMs - clock.monotonicMs()
    if (leftMs < PAUSE_MS) return
    const { signal } = left.limits
    const limits = { timeoutMs: leftMs, signal }
    const done = await isDone(limits).catch((error: unknown) => {
      if (isUnanswered(error, limits)) return false
      throw error
    })
    if (done) return
    await clock.sleep(PAUSE_MS, signal)
  }
}

interface Question {
  readonly nodes: readonly number[]
  readonly names: readonly string[]
}

/** Every broker that answers says so of every topic. */
async function everywhere(
  { lane }: Reach,
  { nodes, names }: Question,
  limits: CallLimits,
  test: (topic: TopicMetadata) => boolean,
): Promise<boolean> {
  if (names.length === 0) return true
  const answers = await Promise.all(
    nodes.map((node) =>
      lane.send(node, metadataRequest(names), limits).then(
        ({ topics }) => topics.every(test),
        (error: unknown) => {
          // A broker that is down hears of it when it is back.
          if (isUnanswered(error, limits)) return true
          throw error
        },
      ),
    ),
  )
  return answers.every((answer) => answer)
}

function isReady({ error, partitions }: TopicMetadata): boolean {
  return error === 'NONE' && partitions.every(({ leader }) => leader >= 0)
}

function isGone({ error }: TopicMetadata): boolean {
  return error === 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** A leader knows of its topic a little before it serves the partitions. */
async function areServed(
  reach: Reach,
  topics: readonly TopicSetup[],
  limits: CallLimits,
): Promise<boolean> {
  const partitions = topics.flatMap(({ topic, partitions: count }) =>
    Array.from({ length: count }, (_none, partition): TopicPartition => ({ topic, partition })),
  )
  const answers = await fanOut(reach, limits, {
    partitions,
    request: (part) =>
      listOffsetsRequest({ isolation: 'read_uncommitted', at: 'earliest', partitions: part }),
    failed: ({ topic, partition }, error) => ({ topic, partition, error, offset: -1 }),
  })
  return answers.every(({ error }) => error === 'NONE')
}
