// Waits until every task has stepped everything that was sent, by reading the journals as they
// grow.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeEntry } from '../../../src/contracts/journal-codec.ts'
import { INPUT_TOPICS, type TopicKind } from '../../../src/contracts/topics.ts'
import { isVisible, recordsOf, settle } from './batches.ts'
import { Source } from './collect.ts'

const PAUSE_MS = 500
/** Its writer is a task: it ends in markers, which nobody steps. */
const WRITTEN_BY_TASKS: readonly TopicKind[] = ['fleet']

export interface DrainOptions {
  readonly brokers: readonly string[]
  readonly prefix: string
  readonly partitions: number
  readonly limitMs: number
}

/** Nobody writes any more. What is left behind when the time is up, or nothing. */
export async function drained(options: DrainOptions): Promise<readonly string[]> {
  const source = new Source(options.brokers, options.prefix)
  try {
    const ends = await inputEnds(source, options.partitions)
    let behind: readonly string[] = []
    for (const endMs = performance.now() + options.limitMs; performance.now() < endMs; ) {
      behind = await lagging(source, ends)
      if (behind.length === 0) return []
      await sleep(PAUSE_MS)
    }
    return behind
  } finally {
    source.close()
  }
}

/** By partition: where each input ends. */
async function inputEnds(
  source: Source,
  partitions: number,
): Promise<readonly ReadonlyMap<TopicKind, number>[]> {
  await source.partitions()
  const all: Map<TopicKind, number>[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const ends = new Map<TopicKind, number>()
    for (const topic of INPUT_TOPICS.filter((each) => !WRITTEN_BY_TASKS.includes(each)))
      ends.set(topic, await source.end(topic, partition))
    all.push(ends)
  }
  return all
}

async function lagging(
  source: Source,
  ends: readonly ReadonlyMap<TopicKind, number>[],
): Promise<readonly string[]> {
  const behind: string[] = []
  for (const [partition, wanted] of ends.entries()) {
    const positions = await journalled(source, partition)
    for (const [topic, end] of wanted) {
      const at = positions.get(topic) ?? 0
      if (at < end) behind.push(`${topic}-${partition} at ${at} of ${end}`)
    }
  }
  return behind
}

const sha256 = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest())

/** Where the steps in the journal end, by input. */
async function journalled(
  source: Source,
  partition: number,
): Promise<ReadonlyMap<TopicKind, number>> {
  const positions = new Map<TopicKind, number>()
  for (const settled of settle(await source.read('journal', partition, 0))) {
    if (!isVisible(settled)) continue
    for (const { value } of recordsOf(settled.batch)) {
      const { entry } = decodeEntry(value ?? new Uint8Array(0), sha256)
      if (entry.kind === 'skip') positions.set(entry.record.topic, entry.record.offset + 1)
      if (entry.kind !== 'steps') continue
      for (const { slices } of entry.steps)
        for (const { topic, to } of slices) positions.set(topic, to)
    }
  }
  return positions
}
