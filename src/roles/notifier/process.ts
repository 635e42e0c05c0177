// The notifier as a process of its own, with /livez, /readyz and /metrics. It is ready while every
// sink takes what it is handed.
import type { NotifierSettings } from '../../config/notifier-settings.ts'
import type { ProcessParts } from '../parts/parts.ts'
import { fatalSwitch, type RunningRole, startEndpoint } from '../parts/running-role.ts'
import { startNotifier } from './notifier.ts'

export interface NotifierProcess {
  readonly settings: NotifierSettings
  readonly port: number
  /** Takes the lines of a console sink. */
  readonly say: (line: string) => void
}

/** Errors: HS_PORT_IN_USE, HS_CONFIG. */
export async function startNotifierProcess(
  parts: ProcessParts,
  { settings, port, say }: NotifierProcess,
): Promise<RunningRole> {
  const notifier = startNotifier({ ...parts, settings, say })
  try {
    const { metrics, instruments, clusterId } = parts
    const server = await startEndpoint({ port, notReady: () => notifier.notReady(), metrics })
    const sinks = settings.sinks.map(({ name, kind }) => `${name} (${kind})`).join(', ')
    const detail = `cluster ${clusterId}, sinks ${sinks}`
    instruments.emit('process_started', { role: 'notifier', detail })
    const stop = async (): Promise<void> => {
      await server.close()
      await notifier.stop()
      await parts.close()
    }
    return { url: server.url, fatal: fatalSwitch().fatal, stop }
  } catch (error) {
    await notifier.stop()
    throw error
  }
}
