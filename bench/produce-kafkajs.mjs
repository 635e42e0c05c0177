// Ruler of the `produce` bench: kafkajs' idempotent producer with the same records.
import { performance } from 'node:perf_hooks'
import kafkajs from 'kafkajs'
import { answer, task } from './contender.mjs'

const { brokers, topic, partitions, recordBytes, batch, warmUp, batches } = task()
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
const createPartitioner = kafkajs.Partitioners.DefaultPartitioner
const producer = kafka.producer({ idempotent: true, createPartitioner })
await producer.connect()
const value = Buffer.alloc(recordBytes, 7)
/** @param {number} partition */
async function sendOne(partition) {
  const timestampMs = Date.now()
  const messages = Array.from({ length: batch }, (_, at) => {
    return { partition, value, timestamp: String(timestampMs + at) }
  })
  const appended = await producer.send({ topic, messages, acks: -1 })
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
