// The worker as a process of its own: the tasks of its group, with /livez, /readyz and /metrics.
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import { type ProcessParts, whileAway } from '../parts/parts.ts'
import { fatalSwitch, type RunningRole, startEndpoint } from '../parts/running-role.ts'
import { startWorker } from './worker.ts'
import type { WorkerStatus } from './worker.ts'

export interface WorkerSettings {
  readonly port: number
  readonly standbys: number
  readonly upgrade: 'auto' | 'hold'
}

/** Errors: HS_PORT_IN_USE, and those of `startWorker`. */
export async function startWorkerProcess(
  parts: ProcessParts,
  { port, standbys, upgrade }: WorkerSettings,
): Promise<RunningRole> {
  const { fatal, fail } = fatalSwitch()
  const options = { ...parts, standbys, upgrade, onFatal: fail }
  const cores = { createCore: createServiceCore, createFleetCore }
  // Nothing runs yet where its first questions are not answered.
  const worker = await whileAway(parts.instruments, () => startWorker({ ...options, ...cores }))
  try {
    const { metrics } = parts
    const notReady = (): readonly string[] => waitingFor(worker.status())
    const server = await startEndpoint({ port, notReady, metrics })
    const stop = async (): Promise<void> => {
      await server.close()
      await worker.stop()
      await parts.close()
    }
    return { url: server.url, fatal, stop }
  } catch (error) {
    await worker.stop()
    throw error
  }
}

/** One sentence for each thing that is not as it should be. */
export function waitingFor({ generation, tasks }: WorkerStatus): readonly string[] {
  const member = generation < 0 ? ['worker: not in its group'] : []
  const waiting = tasks.filter((task) => task.state !== 'Running')
  return [...member, ...waiting.map((task) => `worker: task ${sentence(task)}`)]
}

function sentence({ task, state, restored, reason }: WorkerStatus['tasks'][number]): string {
  const percent = restored === null ? '' : `, ${Math.floor(restored * 100)} %`
  return `${task} is ${state}${percent}${reason === null ? '' : `: ${reason}`}`
}
