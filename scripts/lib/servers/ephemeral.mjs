// Servers for tests and for the sections of `./scripts/test`: in a folder under the temp folder, on
// ports of their own, gone with whoever started them, however that one ends: a shell waits on a
// pipe from the starter, and when the pipe closes it ends the servers and removes the folder.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchKafka, KAFKA_VERSIONS } from './fetch.mjs'
import { createCluster, nodesFrom, removeCluster, startNodes, stopNodes } from './kafka.mjs'
import { isFree } from './processes.mjs'
import { removeService, startService, stopService } from './service.mjs'

/** Below the range from which the kernel takes ports of outgoing connections. */
const PORTS = /** @type {const} */ ([15_000, 31_000])

export const [DEFAULT_VERSION] = KAFKA_VERSIONS

/** Short times, so that tests need not wait for a broker's housekeeping. */
export const TEST_SETTINGS = {
  'group.min.session.timeout.ms': '500',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  'log.retention.check.interval.ms': '1000',
  'log.cleaner.backoff.ms': '200',
  'log.initial.task.delay.ms': '1000',
  // What 4.0 has of itself: 3.9 takes a CreateTime of any day to come.
  'log.message.timestamp.after.max.ms': '3600000',
  // A killed broker is not let in again before its session has ended.
  'broker.session.timeout.ms': '4000',
  'broker.heartbeat.interval.ms': '500',
}

/**
 * @typedef {import('./fetch.mjs').Say} Say
 * @typedef {import('./kafka.mjs').Cluster} Cluster
 * @typedef {{ nodes: number, version: string, set?: Readonly<Record<string, string>>,
 *   properties?: string, scram?: readonly string[], advertise?: string | null }} Options
 * @typedef {{ folder: string, cluster: Cluster, stop: () => Promise<void> }} Ephemeral
 * @typedef {{ folder: string, port: number, stop: () => Promise<void> }} EphemeralService
 */

const KEEPER = `
read -r _
for file in "$1"/*.pid; do
  pid=$(cat "$file" 2>/dev/null) || continue
  line=$( (tr '\\0' ' ' <"/proc/$pid/cmdline" || ps -ww -o args= -p "$pid") 2>/dev/null)
  case $line in *"$1/"*) kill -9 "$pid" ;; esac
done
sleep 0.3
rm -rf "$1"
`

/** @param {string} folder @returns {() => void} to be called when it is no longer needed */
function keep(folder) {
  const child = spawn('sh', ['-c', KEEPER, 'healstream-keeper', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return () => child.kill('SIGKILL')
}

/** @param {number} count */
async function freeNodes(count) {
  for (let i = 0; i < 50; i++) {
    const nodes = nodesFrom(count, randomInt(...PORTS))
    const ports = nodes.flatMap((node) => [node.port, node.controllerPort, node.extraPort])
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return nodes
  }
  throw new Error(`no ${count} free ports between ${PORTS.join(' and ')}`)
}

/**
 * Starts a cluster and waits until it serves.
 * @param {Options} options
 * @param {Say} say
 * @returns {Promise<Ephemeral>}
 */
export async function startEphemeral(options, say) {
  await fetchKafka(options.version, say)
  const folder = mkdtempSync(join(tmpdir(), 'healstream-kafka-'))
  const letGo = keep(folder)
  const stop = async () => {
    await stopNodes(folder, { force: true })
    letGo()
    removeCluster(folder)
  }
  try {
    const cluster = await createCluster({
      ...options,
      folder,
      nodes: await freeNodes(options.nodes),
      set: { ...TEST_SETTINGS, ...options.set },
    })
    await startNodes(folder, { detached: true }, say)
    return { folder, cluster, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * Starts a registry or a Redis and waits until it serves.
 * @param {import('./service.mjs').Service} service
 * @param {Say} say
 * @returns {Promise<EphemeralService>}
 */
export async function startEphemeralService(service, say) {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-service-'))
  const letGo = keep(folder)
  const stop = async () => {
    await stopService(service, folder, { force: true })
    letGo()
    removeService(folder)
  }
  try {
    const port = (await freeNodes(1))[0]?.port ?? 0
    await startService(service, { folder, port }, say)
    return { folder, port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
