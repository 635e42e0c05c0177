// A real schema registry for tests, one of the suite's own, which can be broken.
import { startEphemeralService } from '../../../scripts/lib/servers/ephemeral.mjs'
import { fetchRegistry } from '../../../scripts/lib/servers/fetch.mjs'
import { end, signal } from '../../../scripts/lib/servers/processes.mjs'
import { REGISTRY, registryUrl } from '../../../scripts/lib/servers/registry.mjs'
import { serviceProcess, startService } from '../../../scripts/lib/servers/service.mjs'

/** It is in memory: restarted, it is empty and gives ids from 1 again. */
export interface OwnRegistry {
  /** As HEALSTREAM_REGISTRY_URL. */
  readonly url: string
  stop(): Promise<void>
  kill9(): Promise<void>
  /** It keeps its connections and answers nothing. */
  pause(): void
  resume(): void
  restart(): Promise<void>
}

export async function startOwnRegistry(): Promise<OwnRegistry> {
  await fetchRegistry(() => {})
  const { folder, port, stop } = await startEphemeralService(REGISTRY, () => {})
  const known = serviceProcess(REGISTRY, folder)
  const kill9 = async (): Promise<void> => {
    await end(known, 0)
  }
  return {
    url: registryUrl(port),
    stop,
    kill9,
    pause: () => void signal(known, 'SIGSTOP'),
    resume: () => void signal(known, 'SIGCONT'),
    restart: async () => {
      await kill9()
      await startService(REGISTRY, { folder, port }, () => {})
    },
  }
}
