// The worker as a process of its own: the tasks of its group, with /livez, /readyz and /metrics,
// and what its tasks do at this moment for `healstream tasks` on the same machine.
import type { HttpAnswer } from '../../adapters/http/server.ts'
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import type { Run } from '../../runtime/run-file.ts'
import { type ProcessParts, whileAway } from '../parts/parts.ts'
import {
  type EndpointOptions,
  fatalSwitch,
  type RunningRole,
  startEndpoint,
} from '../parts/running-role.ts'
import { startWorker, type WorkerHandle, type WorkerStatus } from './worker.ts'

export interface WorkerSettings {
  readonly port: number
  readonly standbys: number
  readonly upgrade: 'auto' | 'hold'
  /** Where `healstream tasks` on this machine finds it; null: it does not. */
  readonly run: Run | null
}

/** Errors: HS_PORT_IN_USE, and those of `startWorker`. */
export async function startWorkerProcess(
  parts: ProcessParts,
  { port, standbys, upgrade, run }: WorkerSettings,
): Promise<RunningRole> {
  const { fatal, fail } = fatalSwitch()
  const options = { ...parts, standbys, upgrade, onFatal: fail }
  const cores = { createCore: createServiceCore, createFleetCore }
  // Nothing runs yet where its first questions are not answered.
  const worker = await whileAway(parts.instruments, () => startWorker({ ...options, ...cores }))
  try {
    const { metrics } = parts
    const notReady = (): readonly string[] => waitingFor(worker.status())
    const server = await startEndpoint({ port, notReady, metrics, ...statusRoute(worker, run) })
    run?.publish(server.url)
    const stop = async (): Promise<void> => {
      run?.remove()
      await server.close()
      await worker.stop()
      await parts.close()
    }
    return { url: server.url, fatal, stop }
  } catch (error) {
    run?.remove()
    await worker.stop()
    throw error
  }
}

function statusRoute(
  worker: WorkerHandle,
  run: Run | null,
): Partial<Pick<EndpointOptions, 'routes' | 'token'>> {
  if (run === null) return {}
  const handle = (): HttpAnswer => ({ kind: 'json', body: worker.status() })
  return { token: run.token, routes: [{ method: 'GET', path: '/v1/tasks', handle }] }
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
