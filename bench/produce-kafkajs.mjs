// Ruler of the `produce` bench: kafkajs' idempotent producer with the same records.
import { performance } from 'node:perf_hooks'
import kafkajs from 'kafkajs'
import { answer, task } from './contender.mjs'

const { brokers, topic, partitions, recordBytes, batch, warmUp, batches } = task()
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
const createPartitioner = kafkajs.Partitioners.DefaultPartitioner
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner })
await producer.connect()
const value = Buffer.alloc(recordBytes, 7)
let cpu = process.cpuUsage()
let startMs = 0
for (let i = 0; i < warmUp + batches; i++) {
  if (i === warmUp) {
    startMs = performance.now()
    cpu = process.cpuUsage()
  }
  const timestampMs = Date.now()
  const messages = Array.from({ length: batch }, (_, at) => {
    return { partition: i % partitions, value, timestamp: String(timestampMs + at) }
  })
  const appended = await producer.send({ topic, messages, acks: -1 })
  if (appended.length === 0) throw new Error('a batch without an answer')
}
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpu)
const records = batch * batches
answer({ perSecond: (records * 1_000) / elapsedMs, cpuUs: (user + system) / records })
