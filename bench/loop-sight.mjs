// The eyes of the `loop` bench: a client of the embedded log that reads committed records and knows
// when each answer reached it. In one process with everything else, what a reader does next can
// wait behind other work (an agent's fsync and fork): the arrival of the answer is when the record
// is there to be seen, the end of the poll when a busy loop gets to it. Both are noted.
import { performance } from 'node:perf_hooks'

const POLL_MS = 500

/**
 * @typedef {import('../dist/runtime/ports.js').RecordBatch} RecordBatch
 * @typedef {{ arrivedMs: number, polledMs: number }} SeenAt
 * @typedef {import('../dist/adapters/memory/memory-log.js').MemoryBroker} MemoryBroker
 */

/**
 * Follows partitions from their beginning until aborted.
 * @param {MemoryBroker} broker
 * @param {{ topic: string, partitions: number, signal: AbortSignal }} what
 * @param {(batch: RecordBatch, from: number, at: SeenAt) => void} each
 */
export async function follow(broker, { topic, partitions, signal }, each) {
  let arrivedMs = 0
  const log = broker.connect({
    transport: (inner) => async (api, request) => {
      const answer = await inner(api, request)
      if (api === 'fetch') arrivedMs = performance.now()
      return answer
    },
  })
  const reader = log.reader({ isolation: 'read_committed' })
  for (let partition = 0; partition < partitions; partition++)
    reader.assign({ topic, partition }, 'earliest')
  try {
    while (!signal.aborted) {
      const fetched = await reader.poll(POLL_MS, signal)
      const at = { arrivedMs, polledMs: performance.now() }
      for (const { batches, from } of fetched) for (const batch of batches) each(batch, from, at)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await log.close()
  }
}
