// Ruler of the `reader` bench: kafkajs' eachBatch, from its first batch on (joining its group does
// not count).
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import kafkajs from 'kafkajs'
import { answer, task } from './contender.mjs'

const { brokers, topic, records } = task()
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
const groupId = `bench-${randomBytes(4).toString('hex')}`
const consumer = kafka.consumer({ groupId, readUncommitted: false })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })

let seen = 0
let sum = 0
let startMs = 0
/** @type {NodeJS.CpuUsage} */
let cpu
await new Promise((resolve) => {
  void consumer.run({
    eachBatch: async ({ batch }) => {
      if (seen === 0) {
        startMs = performance.now()
        cpu = process.cpuUsage()
      }
      for (const { value } of batch.messages) {
        seen++
        sum += value?.length ?? 0
      }
      if (seen >= records) resolve(null)
    },
  })
})
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpu)
if (seen !== records || !(sum > 0)) throw new Error(`${seen} records of ${records}`)
answer({ perSecond: (seen * 1_000) / elapsedMs, cpuUs: (user + system) / seen })
