// Steps that the cases share: make a topic, write text, read it back, expect an error.
import assert from 'node:assert/strict'
import type { LogRecord, OutgoingRecord } from '../../src/contracts/record.ts'
import { LogError, type LogErrorCode } from '../../src/runtime/log-error.ts'
import type {
  Appended,
  Fetched,
  Isolation,
  LogPort,
  LogReader,
  StartPosition,
  TopicPartition,
  TransactionalWriter,
} from '../../src/runtime/ports.ts'
import { copyRecords } from '../../src/runtime/record-batch.ts'
import type { ConformanceRig } from './rig.ts'

/** How long a case waits for what must come, in time of the log. */
export const PATIENCE_MS = 8_000
/** How long a case looks for what must not come. */
export const SILENCE_MS = 300

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array | null | undefined): string | null =>
  value === null || value === undefined ? null : new TextDecoder().decode(value)

export interface TopicOptions {
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string>>
}

export async function topicOf(
  rig: ConformanceRig,
  log: LogPort,
  options: TopicOptions = {},
): Promise<string> {
  const topic = rig.unique('topic')
  await log
    .admin()
    .createTopics([{ topic, partitions: options.partitions ?? 1, config: options.config ?? {} }])
  return topic
}

/** Text records for one partition, stamped with the log's time. */
export function records(
  rig: Pick<ConformanceRig, 'clock'>,
  at: TopicPartition,
  values: readonly string[],
): OutgoingRecord[] {
  return values.map((value) => ({
    topic: at.topic,
    partition: at.partition,
    key: bytes('key'),
    value: bytes(value),
    timestampMs: Math.floor(rig.clock.nowMs()),
  }))
}

export interface WriterSetup {
  readonly transactionalId?: string
  readonly transactionTimeoutMs?: number
  readonly deadlineMs?: number
}

/** A writer that has taken its id. */
export async function fencedWriter(
  rig: ConformanceRig,
  log: LogPort,
  setup: WriterSetup = {},
): Promise<TransactionalWriter> {
  const writer = log.writer({
    transactionalId: setup.transactionalId ?? rig.unique('writer'),
    transactionTimeoutMs: setup.transactionTimeoutMs ?? 5_000,
    deadlineMs: setup.deadlineMs ?? 10_000,
  })
  await writer.fence()
  return writer
}

/** One commit by a writer of its own. */
export async function commitOnce(
  rig: ConformanceRig,
  log: LogPort,
  out: readonly OutgoingRecord[],
): Promise<readonly Appended[]> {
  const writer = await fencedWriter(rig, log)
  const appended = await writer.commit(out)
  await writer.close()
  return appended
}

/** Leaves an open transaction behind, as a worker killed between Produce and EndTxn does. */
export async function leaveOpenTransaction(
  rig: ConformanceRig,
  out: readonly OutgoingRecord[],
  setup: WriterSetup,
): Promise<void> {
  const { log, link } = await rig.connect()
  const writer = await fencedWriter(rig, log, setup)
  const end = link.disturb('EndTxn', 'lose request', 1)
  const dying = writer.commit(out).catch(() => {})
  await end.met
  link.cut()
  await writer.close()
  await dying
}

export interface ReadSetup {
  readonly isolation?: Isolation
  readonly from?: StartPosition
  /** Records to wait for; more are read too, if there are. */
  readonly count: number
}

/** Reads one partition until `count` records came, and then on for what should not be there. */
export async function read(
  rig: ConformanceRig,
  log: LogPort,
  at: TopicPartition,
  setup: ReadSetup,
): Promise<LogRecord[]> {
  const reader = log.reader({ isolation: setup.isolation ?? 'read_committed' })
  reader.assign(at, setup.from ?? 'earliest')
  const found: LogRecord[] = []
  const untilMs = rig.clock.monotonicMs() + PATIENCE_MS
  while (found.length < setup.count && rig.clock.monotonicMs() < untilMs)
    found.push(...copied(await patientPoll(reader, 250)))
  const silentUntilMs = rig.clock.monotonicMs() + SILENCE_MS
  while (rig.clock.monotonicMs() < silentUntilMs)
    found.push(...copied(await patientPoll(reader, SILENCE_MS)))
  await reader.close()
  return found
}

/** Values as text, in the order read. */
export async function readTexts(
  rig: ConformanceRig,
  log: LogPort,
  at: TopicPartition,
  setup: ReadSetup,
): Promise<(string | null)[]> {
  return (await read(rig, log, at, setup)).map((record) => text(record.value))
}

/** Copies what a poll brought; a hole in the offsets is never right in these cases. */
export function copied(fetched: readonly Fetched[]): LogRecord[] {
  return fetched.flatMap((part) => {
    assert.equal(part.gap, null, 'a hole in the offsets')
    return part.batches.flatMap((batch) => copyRecords(batch, part.from))
  })
}

/** One poll; on a busy machine it may be that nobody has answered in time. */
async function patientPoll(reader: LogReader, maxWaitMs: number): Promise<readonly Fetched[]> {
  try {
    return await reader.poll(maxWaitMs)
  } catch (error) {
    if (error instanceof LogError && error.code === 'UNAVAILABLE') return []
    throw error
  }
}

/** Polls until the test says so; fails when it never does. */
export async function pollUntil(
  rig: ConformanceRig,
  reader: LogReader,
  isEnough: (fetched: readonly Fetched[]) => boolean,
): Promise<readonly Fetched[]> {
  const all: Fetched[] = []
  const untilMs = rig.clock.monotonicMs() + PATIENCE_MS
  for (;;) {
    all.push(...(await patientPoll(reader, 250)))
    if (isEnough(all)) return all
    assert.ok(rig.clock.monotonicMs() < untilMs, 'what was waited for did not come')
  }
}

/** Polls until the reader knows where the partition stands. */
export async function resolved(
  rig: ConformanceRig,
  reader: LogReader,
  at: TopicPartition,
): Promise<void> {
  const untilMs = rig.clock.monotonicMs() + PATIENCE_MS
  for (let known = false; !known; ) {
    assert.ok(rig.clock.monotonicMs() < untilMs, 'the log has not said where its end is')
    const fetched = await patientPoll(reader, 0)
    known = fetched.some(({ topic, partition }) => isSame(at, { topic, partition }))
  }
}

const isSame = (a: TopicPartition, b: TopicPartition): boolean =>
  a.topic === b.topic && a.partition === b.partition

/**
 * The error that ends polling. That nobody has answered yet is none: a log may look twice before it
 * says that something is not there.
 */
export async function pollRefused(rig: ConformanceRig, reader: LogReader): Promise<LogError> {
  const untilMs = rig.clock.monotonicMs() + PATIENCE_MS
  for (;;) {
    const error: unknown = await reader.poll(100).then(
      () => null,
      (reason: unknown) => reason,
    )
    if (error instanceof LogError && error.code !== 'UNAVAILABLE') return error
    if (error !== null && !(error instanceof LogError)) throw error
    assert.ok(rig.clock.monotonicMs() < untilMs, 'no poll was refused')
  }
}

/** Waits until what was committed is stable, so that the last stable offset is `offset`. */
export async function untilStable(
  rig: ConformanceRig,
  log: LogPort,
  at: TopicPartition,
  offset: number,
): Promise<void> {
  const admin = log.admin()
  const untilMs = rig.clock.monotonicMs() + PATIENCE_MS
  for (;;) {
    const [end] = await admin.offsets([at], 'latest', 'read_committed')
    if (end !== undefined && end >= offset) return
    assert.ok(rig.clock.monotonicMs() < untilMs, `stable to ${end}, waited for ${offset}`)
    await rig.clock.sleep(5)
  }
}

/** The code of the LogError the promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<LogErrorCode | 'none'> {
  try {
    await promise
    return 'none'
  } catch (error) {
    if (error instanceof LogError) return error.code
    throw error
  }
}

export async function expectCode(
  promise: Promise<unknown>,
  ...codes: readonly LogErrorCode[]
): Promise<void> {
  const code = await codeOf(promise)
  assert.ok(
    codes.some((expected) => expected === code),
    `expected ${codes.join(' or ')}, was ${code}`,
  )
}

/** Milliseconds of log time that something takes. */
export async function timed(rig: ConformanceRig, act: () => Promise<unknown>): Promise<number> {
  const startMs = rig.clock.monotonicMs()
  await act()
  return rig.clock.monotonicMs() - startMs
}
