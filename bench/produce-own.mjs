// Subject of the `produce` bench: the idempotent producer, one batch after the other.
import { performance } from 'node:perf_hooks'
import { answer, task } from './contender.mjs'
import { openLog } from './own-log.mjs'

const { brokers, topic, partitions, recordBytes, batch, warmUp, batches } = task()
const producer = openLog(brokers).producer()
const value = new Uint8Array(recordBytes).fill(7)
let cpu = process.cpuUsage()
let startMs = 0
for (let i = 0; i < warmUp + batches; i++) {
  if (i === warmUp) {
    startMs = performance.now()
    cpu = process.cpuUsage()
  }
  const timestampMs = Date.now()
  const records = Array.from({ length: batch }, (_, at) => {
    return { topic, partition: i % partitions, key: null, value, timestampMs: timestampMs + at }
  })
  const appended = await producer.send(records)
  if (appended.length === 0) throw new Error('a batch without an answer')
}
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpu)
const records = batch * batches
answer({ perSecond: (records * 1_000) / elapsedMs, cpuUs: (user + system) / records })
