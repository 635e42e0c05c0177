// Ruler of the `idle` bench: a kafkajs consumer of a quiet topic with twelve partitions, led by all
// three brokers: a connection to each.
import { randomBytes } from 'node:crypto'
import kafkajs from 'kafkajs'
import { task } from './contender.mjs'

const { brokers, topic } = task()
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
const consumer = kafka.consumer({ groupId: `bench-${randomBytes(4).toString('hex')}` })
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
await consumer.connect()
await consumer.subscribe({ topic })
await consumer.run({ eachMessage: async () => undefined })
await joined
console.log('ready')
process.once('SIGTERM', () => process.exit(0))
