// What the `takeover` bench goes by: when committed steps came to the journal of each task, by the
// broker's own clock, as a read_committed reader sees them.
import { decodeEntry } from '../dist/contracts/journal-codec.js'
import { sha256 } from '../dist/runtime/journal.js'
import { openLog } from './own-log.mjs'

const POLL_MS = 50

export class Journals {
  #log
  #reader
  /** @type {number[][]} by partition */
  #times
  #stop = new AbortController()
  #done

  /** @param {readonly string[]} brokers @param {string} prefix @param {number} partitions */
  constructor(brokers, prefix, partitions) {
    this.#log = openLog(brokers)
    this.#reader = this.#log.reader({ isolation: 'read_committed' })
    this.#times = Array.from({ length: partitions }, () => [])
    for (let partition = 0; partition < partitions; partition++)
      this.#reader.assign({ topic: `${prefix}journal`, partition }, 'earliest')
    this.#done = this.#follow()
  }

  /** The first commit of a task after a moment, epoch ms, or null. */
  firstAfter(/** @type {number} */ partition, /** @type {number} */ atMs) {
    return (this.#times[partition] ?? []).find((time) => time > atMs) ?? null
  }

  /** Longest time without a commit since the last one before a moment, ms. */
  longestGap(/** @type {number} */ partition, /** @type {number} */ fromMs) {
    const times = this.#times[partition] ?? []
    const first = Math.max(0, times.findIndex((time) => time > fromMs) - 1)
    const gaps = times.slice(first).map((time, i, all) => (all[i + 1] ?? time) - time)
    return Math.max(0, ...gaps)
  }

  async #follow() {
    while (!this.#stop.signal.aborted)
      try {
        for (const { partition, batches } of await this.#reader.poll(POLL_MS, this.#stop.signal))
          for (const batch of batches)
            if (hasSteps(batch)) this.#times[partition]?.push(batch.maxTimestampMs)
      } catch (error) {
        if (!this.#stop.signal.aborted) throw error
      }
  }

  async close() {
    this.#stop.abort()
    await this.#done
    await this.#reader.close()
    await this.#log.close()
  }
}

/** @param {import('../dist/runtime/ports.js').RecordBatch} batch */
function hasSteps(batch) {
  let found = false
  batch.visit(({ buffer, valueStart, valueEnd }) => {
    const { entry } = decodeEntry(buffer.subarray(valueStart, valueEnd), sha256)
    found ||= entry.kind === 'steps' && entry.steps.length > 0
  })
  return found
}
