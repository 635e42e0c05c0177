// Ruler of the `loop-kafka` bench: two hops by plain kafkajs: a producer writes to one topic, a
// relay reads it and writes to another, a consumer waits there. As fast as it can be set without
// changing it: no waiting for more bytes, acknowledged by all replicas.
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import kafkajs from 'kafkajs'
import { answer, task } from './contender.mjs'

const WARM_UP = 10
const { brokers, topics, count } = task()
const [ping, pong] = topics
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
await producer.connect()

/** @param {string} topic @param {(text: string) => Promise<void>} each */
async function listen(topic, each) {
  const groupId = `bench-${randomBytes(4).toString('hex')}`
  const consumer = kafka.consumer({ groupId, minBytes: 1, maxWaitTimeInMs: 500 })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: false })
  await consumer.run({ eachMessage: ({ message }) => each(String(message.value)) })
  await joined
}

/** @param {string} topic @param {string} value */
const send = (topic, value) => producer.send({ topic, messages: [{ value }], acks: -1 })

/** @type {(text: string) => void} */
let arrived = () => undefined
await listen(ping, async (text) => void (await send(pong, text)))
await listen(pong, async (text) => arrived(text))

const run = randomBytes(4).toString('hex')
/** @param {string} text */
async function once(text) {
  const startedMs = performance.now()
  const back = new Promise((resolve) => {
    arrived = (found) => {
      if (found === text) resolve(performance.now())
    }
  })
  await send(ping, text)
  return Number(await back) - startedMs
}

// What is sent before a consumer has its first position is not for it.
for (let isThere = false; !isThere; )
  isThere = await Promise.race([
    once(`${run}-hello-${performance.now()}`).then(() => true),
    new Promise((resolve) => setTimeout(() => resolve(false), 1_000)),
  ])
const times = []
for (let i = 0; i < WARM_UP + count; i++) times.push(await once(`${run}-${i}`))
answer({ times: times.slice(WARM_UP) })
