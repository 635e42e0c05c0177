// Replays a recorded history: every task from its genesis on, outputs and states compared with what
// the journals recorded. Run as a program it prints what came of it as JSON:
//   node --import ./test/support/ts.mjs test/history/replay.ts FILE
import { pathToFileURL } from 'node:url'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { clusterId } from '../../src/contracts/ids.ts'
import { HsError } from '../../src/contracts/failure.ts'
import { topicName } from '../../src/contracts/topics.ts'
import { createFleetCore } from '../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { SILENT } from '../../src/runtime/instruments.ts'
import { readJournal } from '../../src/runtime/journal.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import type { TaskSpec } from '../../src/runtime/replay.ts'
import { restore } from '../../src/runtime/restore.ts'
import { allTasks, isFleet } from '../../src/runtime/task-spec.ts'
import { loadHistory, storedLog } from './stored.ts'

export interface Replayed {
  readonly task: string
  readonly steps: number
  readonly outputs: number
  /** Fences of several members: lives that each compared the state of the one before. */
  readonly lives: number
  readonly behaviour: number
  /** Code and sentence of the first difference, or null. */
  readonly problem: string | null
}

/** What the journal claims, beside what a replay makes of it. */
async function claims(
  log: LogPort,
  spec: TaskSpec,
  prefix: string,
): Promise<{ steps: number; outputs: number; lives: number; group: string }> {
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const found = { steps: 0, outputs: 0, lives: 0, group: '' }
  for await (const { entry } of readJournal(log, at)) {
    if (entry.kind === 'steps') {
      found.steps += entry.steps.length
      found.outputs += entry.outputs
    }
    if (entry.kind !== 'fence') continue
    found.lives++
    found.group = entry.group
  }
  return found
}

export async function replayHistory(path: string): Promise<readonly Replayed[]> {
  const history = loadHistory(path)
  const { prefix, partitions } = history
  const log = storedLog(history)
  const decoder = await createSerde()
  const replayed: Replayed[] = []
  for (const spec of allTasks(partitions)) {
    const { group, ...claimed } = await claims(log, spec, prefix)
    const told = { task: spec.task, ...claimed }
    try {
      const { seq, behaviour } = await restore({
        log,
        spec,
        prefix,
        decoder,
        group,
        clock: systemClock,
        instruments: SILENT,
        createCore: isFleet(spec) ? createFleetCore : createServiceCore,
        clusterId: clusterId(history.clusterId),
        signal: new AbortController().signal,
      })
      const problem = seq === claimed.steps ? null : `${seq} of ${claimed.steps} steps were made`
      replayed.push({ ...told, behaviour, problem })
    } catch (error) {
      if (!(error instanceof HsError)) throw error
      replayed.push({ ...told, behaviour: 0, problem: `${error.code}: ${error.message}` })
    }
  }
  return replayed
}

const [, main = '', path = ''] = process.argv
if (pathToFileURL(main).href === import.meta.url)
  process.stdout.write(`${JSON.stringify(await replayHistory(path))}\n`)
