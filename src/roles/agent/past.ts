// What hs.registry remembers of our instances: an agent with a new folder must go on above the
// incarnations of the one before it, or the registry takes everything it says for old news.
import type { Decoder } from '../../contracts/decode.ts'
import { partitionFor } from '../../contracts/partitioner.ts'
import { topicName } from '../../contracts/topics.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { Clock, LogPort, LogReader, TopicPartition } from '../../runtime/ports.ts'

export interface PastOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly clock: Clock
  readonly prefix: string
  readonly partitions: number
  readonly services: readonly string[]
}

const READ_LIMIT_MS = 10_000
const POLL_MS = 100

/** Highest incarnation by `viewKey(service, instance)`. Errors: LogError; the time limit. */
export async function pastIncarnations(options: PastOptions): Promise<ReadonlyMap<string, number>> {
  const { log, prefix, partitions, services } = options
  const topic = topicName('registry', prefix)
  const numbers = new Set(services.map((service) => partitionFor(service, partitions)))
  const places = [...numbers].map((partition) => ({ topic, partition }))
  const admin = log.admin()
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    const ends = await admin.offsets(places, 'latest', 'read_committed')
    for (const place of places) reader.assign(place, 'earliest')
    return await readUpTo(options, reader, new Map(places.map((place, i) => [place, ends[i] ?? 0])))
  } finally {
    await Promise.all([reader.close(), admin.close()])
  }
}

async function readUpTo(
  { decoder, clock }: PastOptions,
  reader: LogReader,
  ends: ReadonlyMap<TopicPartition, number>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  const until = clock.monotonicMs() + READ_LIMIT_MS
  const isDone = (): boolean =>
    [...ends].every(([place, end]) => end === 0 || (reader.position(place) ?? -1) >= end)
  while (!isDone()) {
    if (clock.monotonicMs() > until) throw new Error('the registry cannot be read in time')
    for (const { batches } of await reader.poll(POLL_MS)) {
      for (const batch of batches) {
        batch.visit((view) => {
          if (view.valueStart < 0) return
          const decoded = decoder.decode('registry', view)
          if (!decoded.ok) return
          const { service, instance, incarnation } = decoded.record
          const key = viewKey(service, instance)
          found.set(key, Math.max(incarnation, found.get(key) ?? 0))
        })
      }
    }
  }
  return found
}
