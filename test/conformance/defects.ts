// Logs with one thing broken each, and the case that has to notice. They prove that the suite has
// teeth: a case that passes on its defect tests nothing.
import type {
  Api,
  CallLimits,
  RequestOf,
  ResponseOf,
  Transport,
} from '../../src/adapters/client/protocol.ts'
import type { OutgoingRecord, RecordView } from '../../src/contracts/record.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import type {
  Clock,
  Fetched,
  GroupEvent,
  IdempotentProducer,
  JoinOptions,
  LogPort,
  LogReader,
  Membership,
  RecordBatch,
  StartPosition,
  TopicPartition,
  TransactionalWriter,
} from '../../src/runtime/ports.ts'
import type { MemoryRigOptions } from './memory-rig.ts'

export interface Defect {
  readonly name: string
  /** Id of the case that must fail. */
  readonly caughtBy: string
  readonly rig: MemoryRigOptions
}

const isCode = (error: unknown, code: LogError['code']): boolean =>
  error instanceof LogError && error.code === code

/** The port with some of its doors exchanged. */
function withDoors(log: LogPort, doors: Partial<LogPort>): LogPort {
  return {
    name: log.name,
    clusterId: () => log.clusterId(),
    reader: (options) => log.reader(options),
    writer: (options) => log.writer(options),
    producer: (options) => log.producer(options),
    join: (options) => log.join(options),
    admin: () => log.admin(),
    close: () => log.close(),
    ...doors,
  }
}

function withReader(change: (reader: LogReader) => Partial<LogReader>): MemoryRigOptions {
  return {
    wrap: (log) =>
      withDoors(log, {
        reader: (options) => {
          const reader = log.reader(options)
          return {
            assign: (at, position) => reader.assign(at, position),
            unassign: (at) => reader.unassign(at),
            poll: (maxWaitMs, signal) => reader.poll(maxWaitMs, signal),
            position: (at) => reader.position(at),
            close: () => reader.close(),
            ...change(reader),
          }
        },
      }),
  }
}

const withFetched = (change: (fetched: Fetched) => Fetched): MemoryRigOptions =>
  withReader((reader) => ({
    poll: async (maxWaitMs, signal) => (await reader.poll(maxWaitMs, signal)).map(change),
  }))

/** Changes, or hides (false), every record on its way to the visitor. */
const withRecords = (change: (view: RecordView) => boolean): MemoryRigOptions =>
  withFetched((fetched) => ({
    ...fetched,
    batches: fetched.batches.map(
      (batch): RecordBatch => ({
        ...batch,
        visit: (visitor, fromOffset) =>
          batch.visit((view) => {
            if (change(view)) visitor(view)
          }, fromOffset),
      }),
    ),
  }))

function withWriter(
  change: (writer: TransactionalWriter) => Partial<TransactionalWriter>,
): MemoryRigOptions {
  return {
    wrap: (log) =>
      withDoors(log, {
        writer: (options) => {
          const writer = log.writer(options)
          return {
            fence: () => writer.fence(),
            renew: () => writer.renew(),
            commit: (records) => writer.commit(records),
            close: () => writer.close(),
            ...change(writer),
          }
        },
      }),
  }
}

/** Sends again under a new producer id whenever the first answer takes too long. */
function impatient(log: LogPort): IdempotentProducer {
  return {
    async send(records) {
      for (;;) {
        const producer = log.producer({ deadlineMs: 400 })
        try {
          return await producer.send(records)
        } catch (error) {
          if (!isCode(error, 'IN_DOUBT')) throw error
        } finally {
          await producer.close()
        }
      }
    },
    close: () => Promise.resolve(),
  }
}

function withMembership(
  change: (membership: Membership, options: JoinOptions) => Partial<Membership>,
): MemoryRigOptions {
  return {
    wrap: (log) =>
      withDoors(log, {
        join: (options) => {
          const membership = log.join(options)
          return {
            next: () => membership.next(),
            provenForMs: () => membership.provenForMs(),
            rejoin: () => membership.rejoin(),
            leave: () => membership.leave(),
            ...change(membership, options),
          }
        },
      }),
  }
}

/** Keeps what it once had: a member that does not let go in a rebalance. */
function greedy(membership: Membership): Partial<Membership> {
  const held = new Set<number>()
  return {
    async next(): Promise<GroupEvent> {
      const event = await membership.next()
      if (event.kind === 'lost') return event
      for (const task of event.tasks) held.add(task)
      return { ...event, tasks: [...held] }
    },
  }
}

function deaf(membership: Membership): Partial<Membership> {
  return {
    async next(): Promise<GroupEvent> {
      for (;;) {
        const event = await membership.next()
        if (event.kind === 'assigned') return event
      }
    },
  }
}

/** Jumps to the earliest record when the position is lost. */
function jumping(reader: LogReader): Partial<LogReader> {
  const assigned = new Map<string, TopicPartition>()
  return {
    assign(at: TopicPartition, position: StartPosition): void {
      assigned.set(`${at.topic}/${at.partition}`, at)
      reader.assign(at, position)
    },
    async poll(maxWaitMs, signal) {
      try {
        return await reader.poll(maxWaitMs, signal)
      } catch (error) {
        if (!isCode(error, 'POSITION_LOST')) throw error
        for (const at of assigned.values()) reader.assign(at, 'earliest')
        return reader.poll(maxWaitMs, signal)
      }
    },
  }
}

/** Takes the id back when it was taken. */
function stubborn(writer: TransactionalWriter): Partial<TransactionalWriter> {
  return {
    async commit(records) {
      try {
        return await writer.commit(records)
      } catch (error) {
        if (!isCode(error, 'FENCED')) throw error
        await writer.fence()
        return writer.commit(records)
      }
    },
  }
}

/** Says that a commit in doubt has happened. */
function optimist(writer: TransactionalWriter): Partial<TransactionalWriter> {
  return {
    async commit(records) {
      try {
        return await writer.commit(records)
      } catch (error) {
        if (!isCode(error, 'IN_DOUBT')) throw error
        return []
      }
    },
  }
}

/** Repeats a commit behind the writer's back, as the retries of a client library do. */
function repeatingEnds(inner: Transport, clock: Clock): Transport {
  return async <K extends Api>(
    api: K,
    request: RequestOf<K>,
    limits: CallLimits,
  ): Promise<ResponseOf<K>> => {
    const first = inner(api, request, limits)
    if (api !== 'endTxn') return first
    const again = clock.sleep(300).then(() => inner(api, request, limits))
    return Promise.race([first, again])
  }
}

const toPartitionZero = (records: readonly OutgoingRecord[]): OutgoingRecord[] =>
  records.map((record) => ({ ...record, partition: 0 }))

export const DEFECTS: readonly Defect[] = [
  {
    name: 'aborted records are shown',
    caughtBy: 'aborted-invisible',
    rig: {
      wrap: (log) =>
        withDoors(log, {
          reader: (options) => log.reader({ ...options, isolation: 'read_uncommitted' }),
        }),
    },
  },
  {
    name: 'a zombie takes its id back',
    caughtBy: 'zombie-fenced',
    rig: withWriter(stubborn),
  },
  {
    name: 'a batch without an answer is sent again as a new one',
    caughtBy: 'produce-answer-lost',
    rig: { wrap: (log) => withDoors(log, { producer: () => impatient(log) }) },
  },
  {
    name: 'tombstones are dropped',
    caughtBy: 'tombstone',
    rig: withRecords((view) => view.valueStart >= 0),
  },
  {
    name: 'a null value is read as an empty one',
    caughtBy: 'null-and-empty',
    rig: withRecords((view) => {
      if (view.valueStart < 0) {
        view.valueStart = 0
        view.valueEnd = 0
      }
      return true
    }),
  },
  {
    name: 'headers are lost',
    caughtBy: 'headers',
    rig: withRecords((view) => {
      view.headerCount = 0
      return true
    }),
  },
  {
    name: 'records of a commit are written in another order',
    caughtBy: 'order',
    rig: withWriter((writer) => ({ commit: (records) => writer.commit(records.toReversed()) })),
  },
  {
    name: 'a partitioner of its own',
    caughtBy: 'partitions-explicit',
    rig: withWriter((writer) => ({ commit: (records) => writer.commit(toPartitionZero(records)) })),
  },
  {
    name: 'caughtUp is always true',
    caughtBy: 'caught-up',
    rig: withFetched((fetched) => ({ ...fetched, caughtUp: true })),
  },
  {
    name: 'nobody is told what a transaction holds back',
    caughtBy: 'held-back',
    rig: withFetched((fetched) => ({ ...fetched, heldBack: false })),
  },
  {
    name: 'a lost position jumps to the earliest record',
    caughtBy: 'deleted-past-position',
    rig: withReader(jumping),
  },
  {
    name: 'append time is replaced by the producer’s',
    caughtBy: 'append-time',
    rig: withRecords((view) => {
      view.timestampMs -= 1
      return true
    }),
  },
  {
    name: 'a member keeps tasks that another was given',
    caughtBy: 'member-two',
    rig: withMembership(greedy),
  },
  {
    name: 'a cut-off member is not told that it lost its tasks',
    caughtBy: 'member-lost-first',
    rig: withMembership(deaf),
  },
  {
    name: 'a commit in doubt is reported as done',
    caughtBy: 'end-never-arrives',
    rig: withWriter(optimist),
  },
  {
    name: 'EndTxn is repeated without a new epoch after it',
    caughtBy: 'end-late-hits-next',
    rig: { wrapTransport: repeatingEnds },
  },
]
