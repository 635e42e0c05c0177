// The projector as a process of its own: the views behind the reading routes, found by the command
// line through a run file as a demo is.
import type { RedisOptions } from '../../adapters/redis/connection.ts'
import { createRedisViews } from '../../adapters/redis/redis-views.ts'
import type { Run } from '../../runtime/run-file.ts'
import type { ProcessParts } from '../parts/parts.ts'
import { fatalSwitch, type RunningRole, startEndpoint } from '../parts/running-role.ts'
import { PolicyStore } from './policy-store.ts'
import { startProjector } from './projector.ts'
import { Reasons } from './reasons.ts'
import { readingRoutes } from './routes.ts'

export interface ProjectorSettings {
  readonly port: number
  readonly run: Run
  /** Where the views are shared; null: they stay in this process. */
  readonly redis: RedisOptions | null
}

/** Errors: HS_PORT_IN_USE; HS_CONFIG when the run folder cannot be written. */
export async function startProjectorProcess(
  parts: ProcessParts,
  { port, run, redis }: ProjectorSettings,
): Promise<RunningRole> {
  const { prefix, clusterId } = parts
  const shared = redis === null ? {} : { shared: createRedisViews({ redis, prefix, clusterId }) }
  const projector = startProjector({ ...parts, ...shared })
  try {
    const routes = readingRoutes({
      source: parts,
      views: projector,
      policies: new PolicyStore({ ...parts, views: projector }),
      reasons: new Reasons(parts),
      // Without a genesis this process would not have started.
      init: () => Promise.resolve({ clusterId: parts.clusterId, created: false }),
      hasGenesis: () => true,
    })
    const notReady = (): readonly string[] => projector.notReady()
    const { metrics } = parts
    const { token } = run
    const server = await startEndpoint({ port, token, routes, notReady, metrics })
    run.publish(server.url)
    const detail = `cluster ${parts.clusterId}, prefix ${parts.prefix}`
    parts.instruments.emit('process_started', { role: 'projector', detail })
    const stop = async (): Promise<void> => {
      run.remove()
      await server.close()
      await projector.stop()
      await parts.close()
    }
    return { url: server.url, fatal: fatalSwitch().fatal, stop }
  } catch (error) {
    run.remove()
    await projector.stop()
    throw error
  }
}
