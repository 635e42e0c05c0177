// Load of the `takeover` bench: a fleet with every instance one delta a second, first the seconds
// that fill the windows, at once, then second by second as time goes on, until it is ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { copyRecords } from '../dist/runtime/record-batch.js'
import { task } from './contender.mjs'
import { DeltaFleet } from './delta-fleet.mjs'
import { openLog } from './own-log.mjs'

const { brokers, prefix, partitions, instances, seconds, seed } = task()
const topic = `${prefix}telemetry`
/** A delta comes when its second is over. */
const DELAY_MS = 1_000

const startMs = Math.floor(Date.now() / 1_000 - seconds) * 1_000
const serde = await createSerde()
const fleet = new DeltaFleet(serde, { instances, tasks: partitions, seed, startMs })
const producer = openLog(brokers).producer()

/** @param {number} second */
async function send(second) {
  const all = Array.from({ length: partitions }, async (_, partition) => {
    for (const batch of fleet.batches(partition, second)) {
      const timestampMs = Math.min(batch.maxTimestampMs, Date.now())
      const records = copyRecords(batch).map(({ key, value }) => {
        return { topic, partition, key, value, timestampMs }
      })
      await producer.send(records)
    }
  })
  await Promise.all(all)
}

for (let second = 0; ; second++) {
  await sleep(Math.max(0, startMs + 1_000 * second + DELAY_MS - Date.now()))
  await send(second)
  if (second === seconds) process.stdout.write('ready\n')
}
