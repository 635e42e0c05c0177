// Subject of the `commit` bench: one transaction over four topics by the writer of a task: command,
// incident, health and the journal entry. One after the other with a pause, as a task commits.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, task } from './contender.mjs'
import { quantile } from './figures.mjs'
import { openLog } from './own-log.mjs'

const { brokers, topics, bytes, pauseMs, warmUp, commits, id } = task()
const log = openLog(brokers)
const writer = log.writer({ transactionalId: id, transactionTimeoutMs: 5_000, deadlineMs: 4_000 })
await writer.fence()
const key = new TextEncoder().encode('checkout')
const values = topics.map((_, i) => new Uint8Array(bytes[i]).fill(i + 1))
const times = []
for (let i = 0; i < warmUp + commits; i++) {
  await sleep(pauseMs)
  const timestampMs = Date.now()
  const records = topics.map((topic, at) => {
    return { topic, partition: 0, key, value: values[at], timestampMs }
  })
  const startMs = performance.now()
  const appended = await writer.commit(records)
  if (i >= warmUp) times.push(performance.now() - startMs)
  if (appended.length !== topics.length) throw new Error('a partition did not answer')
}
answer({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) })
