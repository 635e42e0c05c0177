// Ruler of the `commit` bench: kafkajs' transaction over one topic, with its retry tuned to 5 ms
// (its defaults sleep 300 ms on CONCURRENT_TRANSACTIONS).
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { answer, task } from './contender.mjs'
import { quantile } from './figures.mjs'

const { brokers, topics, bytes, pauseMs, warmUp, commits, id } = task()
const retry = {
  initialRetryTime: 5,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 1.5,
  retries: 20,
}
const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, retry })
const producer = kafka.producer({
  transactionalId: id,
  maxInFlightRequests: 1,
  idempotent: true,
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
})
await producer.connect()
const value = Buffer.alloc(bytes[0], 1)
const times = []
for (let i = 0; i < warmUp + commits; i++) {
  await sleep(pauseMs)
  const startMs = performance.now()
  const transaction = await producer.transaction()
  const messages = [{ key: 'checkout', value, partition: 0 }]
  await transaction.send({ topic: topics[0], messages })
  await transaction.commit()
  if (i >= warmUp) times.push(performance.now() - startMs)
}
answer({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) })
