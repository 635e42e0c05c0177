// The eyes of the `loop` bench: a client of the log that reads committed records and knows when
// each answer reached it. In one process with everything else, what a reader does next can wait
// behind other work (an agent's fsync and fork): on the embedded log the arrival of the answer is
// when the record is there to be seen, the end of the poll when a busy loop gets to it. Both are
// noted; over a broker there is only the second, so that its figures are rather too large.
import { performance } from 'node:perf_hooks'

const POLL_MS = 500

/**
 * @typedef {import('../dist/runtime/ports.js').RecordBatch} RecordBatch
 * @typedef {{ arrivedMs: number, polledMs: number }} SeenAt
 * @typedef {{ log: import('../dist/runtime/ports.js').LogPort, arrivedMs: () => number }} Sight
 *   a client of its own, and when the last answer reached it
 */

/**
 * Follows partitions from their beginning until aborted.
 * @param {Sight} sight
 * @param {{ topic: string, partitions: number, signal: AbortSignal }} what
 * @param {(batch: RecordBatch, from: number, at: SeenAt) => void} each
 */
export async function follow({ log, arrivedMs }, { topic, partitions, signal }, each) {
  const reader = log.reader({ isolation: 'read_committed' })
  for (let partition = 0; partition < partitions; partition++)
    reader.assign({ topic, partition }, 'earliest')
  try {
    while (!signal.aborted) {
      const fetched = await reader.poll(POLL_MS, signal)
      const at = { arrivedMs: arrivedMs(), polledMs: performance.now() }
      for (const { batches, from } of fetched) for (const batch of batches) each(batch, from, at)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await log.close()
  }
}
