// Records a history: a simulated cluster with its faults, then its journals and their inputs into a
// file that is kept for ever. Once for each behaviour that is released; before its release again,
// whenever it has changed (delete the file first):
//   node --import ./test/support/ts.mjs test/history/record.ts [SEED] [SECONDS]
import { fileURLToPath } from 'node:url'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { topicName } from '../../src/contracts/topics.ts'
import { simulate } from '../../src/roles/simulate/simulation.ts'
import { readGenesis } from '../../src/runtime/init.ts'
import type { LogPort, TopicPartition } from '../../src/runtime/ports.ts'
import { allTasks } from '../../src/runtime/task-spec.ts'
import { saveHistory, type StoredHistory, type StoredPartition } from './stored.ts'

const PREFIX = 'hs.'
const PARTITIONS = 2

async function stored(log: LogPort, at: TopicPartition): Promise<StoredPartition> {
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    reader.assign(at, 0)
    const batches: string[] = []
    for (;;) {
      const [fetched] = await reader.poll(0)
      for (const { bytes } of fetched?.batches ?? [])
        batches.push(Buffer.from(bytes).toString('base64'))
      if (fetched?.caughtUp === true) return { ...at, end: fetched.to, batches }
    }
  } finally {
    await reader.close()
  }
}

/** Journals, and each input once although the fleet task reads some of s0's. */
async function everything(log: LogPort): Promise<readonly StoredPartition[]> {
  const places = new Map<string, TopicPartition>()
  for (const { journal, partition, inputs } of allTasks(PARTITIONS))
    for (const input of [{ topic: journal, partition }, ...inputs]) {
      const at = { topic: topicName(input.topic, PREFIX), partition: input.partition }
      places.set(`${at.topic}/${at.partition}`, at)
    }
  const parts: StoredPartition[] = []
  for (const at of places.values()) parts.push(await stored(log, at))
  return parts
}

const [seed = 1, seconds = 60] = process.argv.slice(2).map(Number)
const forMs = 1_000 * seconds
let history: StoredHistory | null = null
const report = await simulate({
  seed,
  forMs,
  partitions: PARTITIONS,
  serde: await createSerde(),
  onRest: async (log) => {
    const genesis = await readGenesis(log, { topic: topicName('journal', PREFIX), partition: 0 })
    const about = { seed, forMs, prefix: PREFIX, partitions: PARTITIONS }
    const clusterId = await log.clusterId()
    const behaviour = genesis?.behaviour ?? 0
    history = { behaviour, ...about, clusterId, log: await everything(log) }
  },
})
// What the fleet task and the others say to each other last is read by nobody any more.
const problems = report.problems.filter((problem) => !problem.endsWith('is there and never used'))
if (history === null || problems.length > 0)
  throw new Error(`nothing to be kept: ${problems.join('; ')}`)
const { behaviour }: StoredHistory = history
const path = fileURLToPath(new URL(`behaviour-${behaviour}.json.gz`, import.meta.url))
const bytes = saveHistory(path, history)
const { counts, commands } = report
process.stdout.write(`${path}: ${bytes} bytes, ${commands} commands, ${JSON.stringify(counts)}\n`)
