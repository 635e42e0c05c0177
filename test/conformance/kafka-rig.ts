// The rig of real brokers: every client behind a relay of its own that can disturb single requests,
// the host's clock, and the brokers' own log cleaner.
import { randomBytes } from 'node:crypto'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogAdmin, LogPort, TopicPartition } from '../../src/runtime/ports.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import type { ConformanceRig, RigClient } from './rig.ts'
import { bytes, copied } from './steps.ts'

export interface KafkaRigOptions {
  /** All brokers of the cluster, each as it is advertised. */
  readonly brokers: readonly string[]
  /** Replicas of every topic. */
  readonly replicas: number
}

/** As RigClient; the link can do what single brokers need, too. */
export interface KafkaRigClient extends RigClient {
  readonly link: FaultProxy
}

export interface KafkaRig extends ConformanceRig {
  connect(): Promise<KafkaRigClient>
}

const CLEANED_WITHIN_MS = 60_000
/** More than the `segment.ms` of topics that are to be cleaned. */
const SEGMENT_MS = 150

export function createKafkaRig(options: KafkaRigOptions): KafkaRig {
  const suffix = randomBytes(6).toString('hex')
  const closers: (() => Promise<unknown>)[] = []
  let names = 0
  return {
    clock: systemClock,
    async connect(): Promise<KafkaRigClient> {
      const link = await FaultProxy.start(options.brokers)
      closers.push(() => link.close())
      const log = createKafkaLog({ brokers: link.brokers, clock: systemClock })
      closers.push(() => log.close())
      return { log: replicated(log, options.replicas), link }
    },
    unique: (name) => `${name}-${suffix}-${++names}`,
    async compact(topic): Promise<void> {
      const log = createKafkaLog({ brokers: options.brokers, clock: systemClock })
      try {
        const [found] = await log.admin().describeTopics([topic])
        for (let partition = 0; partition < (found?.partitions ?? 0); partition++)
          await cleaned(log, { topic, partition })
      } finally {
        await log.close()
      }
    },
    async close(): Promise<void> {
      for (const close of closers.splice(0).toReversed()) await close()
    },
  }
}

/** Topics that do not say so themselves get so many replicas. */
function replicated(log: LogPort, replicas: number): LogPort {
  const wrapped = (admin: LogAdmin): LogAdmin => ({
    createTopics: (topics) => admin.createTopics(topics.map((topic) => ({ replicas, ...topic }))),
    describeTopics: (topics) => admin.describeTopics(topics),
    offsets: (partitions, at, isolation) => admin.offsets(partitions, at, isolation),
    deleteRecords: (at, beforeOffset) => admin.deleteRecords(at, beforeOffset),
    deleteTopics: (topics) => admin.deleteTopics(topics),
    positions: (group, at) => admin.positions(group, at),
    savePositions: (group, positions) => admin.savePositions(group, positions),
    close: () => admin.close(),
  })
  return {
    name: log.name,
    clusterId: () => log.clusterId(),
    reader: (how) => log.reader(how),
    writer: (how) => log.writer(how),
    producer: (how) => log.producer(how),
    join: (how) => log.join(how),
    admin: () => wrapped(log.admin()),
    close: () => log.close(),
  }
}

/**
 * Waits until the cleaner has passed over what is there now. Two records of one key follow it and,
 * when their segment is old enough, a third one that begins a new segment: the cleaner stops before
 * that one, so once the first is gone, a pass has gone over all that lies before the second.
 */
async function cleaned(log: LogPort, at: TopicPartition): Promise<void> {
  const producer = log.producer()
  const write = async (): Promise<number> => {
    const record = { ...at, key: bytes('filler'), value: bytes('x'), timestampMs: Date.now() }
    const [appended] = await producer.send([record])
    return appended?.baseOffset ?? 0
  }
  const first = await write()
  await write()
  await systemClock.sleep(SEGMENT_MS)
  await write()
  const endMs = systemClock.monotonicMs() + CLEANED_WITHIN_MS
  while (await isThere(log, at, first)) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`${at.topic} was not cleaned`)
    await systemClock.sleep(100)
  }
}

async function isThere(log: LogPort, at: TopicPartition, offset: number): Promise<boolean> {
  const reader = log.reader({ isolation: 'read_uncommitted' })
  try {
    reader.assign(at, offset)
    const [record] = copied(await reader.poll(0))
    return record?.offset === offset
  } finally {
    await reader.close()
  }
}
