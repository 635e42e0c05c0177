// Subject of the `produce` bench: the idempotent producer.
import { performance } from 'node:perf_hooks'
import { answer, task } from './contender.mjs'
import { openLog } from './own-log.mjs'

const { brokers, topic, partitions, recordBytes, batch, warmUp, batches } = task()
const producer = openLog(brokers).producer()
const value = new Uint8Array(recordBytes).fill(7)
/** @param {number} partition */
async function sendOne(partition) {
  const timestampMs = Date.now()
  const records = Array.from({ length: batch }, (_, at) => {
    return { topic, partition, key: null, value, timestampMs: timestampMs + at }
  })
  const appended = await producer.send(records)
  if (appended.length === 0) throw new Error('a batch without an answer')
}

/** A stream for each partition, one batch of each under way. @param {number} count of them all */
async function sendAll(count) {
  const streams = Array.from({ length: partitions }, async (_, partition) => {
    for (let i = 0; i < count / partitions; i++) await sendOne(partition)
  })
  await Promise.all(streams)
}

await sendAll(warmUp)
const cpu = process.cpuUsage()
const startMs = performance.now()
await sendAll(batches)
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpu)
const records = batch * batches
answer({ perSecond: (records * 1_000) / elapsedMs, cpuUs: (user + system) / records })
