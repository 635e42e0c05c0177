// Subject of the `reader` bench: the worker's reader, from before its first connection. Its
// checksums and the look for gaps are always on.
import { performance } from 'node:perf_hooks'
import { answer, task } from './contender.mjs'
import { openLog } from './own-log.mjs'

const { brokers, topic, partitions, records } = task()
const log = openLog(brokers)
const reader = log.reader({ isolation: 'read_committed' })
for (let partition = 0; partition < partitions; partition++)
  reader.assign({ topic, partition }, 'earliest')

const seen = { records: 0, sum: 0 }
/** @param {import('../dist/contracts/record.js').RecordView} view */
const visit = ({ buffer, valueStart }) => {
  seen.records++
  seen.sum += buffer[valueStart] ?? 0
}
const cpu = process.cpuUsage()
const startMs = performance.now()
while (seen.records < records)
  for (const { batches, from, gap } of await reader.poll(500)) {
    if (gap !== null) throw new Error(`a gap from ${gap.from} to ${gap.to}`)
    for (const batch of batches) batch.visit(visit, from)
  }
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpu)
if (seen.records !== records || !(seen.sum > 0))
  throw new Error(`${seen.records} records of ${records}`)
answer({ perSecond: (records * 1_000) / elapsedMs, cpuUs: (user + system) / records })
