// A Kafka cluster as a folder: settings, data, log and pid file of every node, and `cluster.json`
// that says what it is. Whoever has the folder can ask, stop, kill and start its nodes; nothing is
// kept in memory, so a cluster may be shared by processes.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../run.mjs'
import { javaCommand, kafkaFolder } from './fetch.mjs'
import { ServerProblem } from './folders.mjs'
import { aliveBrokers, hasCoordinators } from './kafka-probe.mjs'
import { clientListeners, propertiesText, readProperties } from './kafka-settings.mjs'
import { end, isFree, lastLines, launch, pidOf, signal, undoOnExit } from './processes.mjs'

const FORMAT_MS = 60_000
const READY_MS = 90_000
const STOP_MS = 15_000

/**
 * @typedef {import('./kafka-settings.mjs').Node} Node
 * @typedef {import('./fetch.mjs').Say} Say
 * @typedef {{ version: string, nodes: readonly Node[], brokers: readonly string[],
 *   clusterId: string, asked: string }} Cluster
 * `asked` is everything that was asked for, to see whether a running cluster is the one wanted.
 * @typedef {{ folder: string, version: string, nodes: readonly Node[], advertise?: string | null,
 *   properties?: string, set?: Readonly<Record<string, string>>, scram?: readonly string[] }}
 * Wanted `scram` as `kafka-storage format --add-scram` takes it.
 */

const LOGGING = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n
`

/** Nodes on ports from `port` on; controllers 100 above, spare ports 200 above.
 * @param {number} count @param {number} port @returns {readonly Node[]} */
export const nodesFrom = (count, port) =>
  Array.from({ length: count }, (_, i) => ({
    node: i + 1,
    port: port + i,
    controllerPort: port + 100 + i,
    extraPort: port + 200 + i,
  }))

/** @param {string} folder @param {number} node */
const propertiesFile = (folder, node) => join(folder, `${node}.properties`)
/** @param {string} folder @param {number} node */
export const logFile = (folder, node) => join(folder, `${node}.log`)

/** How a node is known among the processes. @param {string} folder @param {number} node */
export const nodeProcess = (folder, node) => ({
  pidFile: join(folder, `${node}.pid`),
  mark: propertiesFile(folder, node),
})

/** What a folder holds, or null. @param {string} folder @returns {Cluster | null} */
export function readCluster(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8'))
  } catch {
    return null
  }
}

/** @param {Wanted} wanted */
export const askedFor = ({ version, nodes, advertise, properties, set, scram }) =>
  JSON.stringify([version, nodes, advertise ?? null, properties ?? '', set ?? {}, scram ?? []])

/** @param {string} version @param {readonly string[]} jvm @param {readonly string[]} main */
const javaArgs = (version, jvm, main) => [...jvm, '-cp', `${kafkaFolder(version)}/*`, ...main]

/**
 * Writes the settings and formats the storage of a new cluster; nothing runs yet.
 * @param {Wanted} wanted
 * @returns {Promise<Cluster>}
 */
export async function createCluster(wanted) {
  const { folder, version, nodes } = wanted
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const settings = {
    folder,
    nodes,
    advertise: wanted.advertise ?? null,
    properties: wanted.properties ?? '',
    set: wanted.set ?? {},
  }
  // An id that begins with a dash would be an option of the storage tool.
  const clusterId = `h${randomBytes(16).toString('base64url').slice(1)}`
  writeFileSync(join(folder, 'log4j.properties'), LOGGING)
  for (const node of nodes) {
    writeFileSync(propertiesFile(folder, node.node), propertiesText(settings, node), {
      mode: 0o600,
    })
  }
  await Promise.all(nodes.map(({ node }) => format(wanted, node, clusterId)))
  const brokers = nodes.map(({ node }) => {
    const { host, port } = listenerOf(folder, node)
    return `${host}:${port}`
  })
  const cluster = { version, nodes, brokers, clusterId, asked: askedFor(wanted) }
  writeFileSync(join(folder, 'cluster.json'), `${JSON.stringify(cluster, null, 2)}\n`)
  return cluster
}

/** @param {Wanted} wanted @param {number} node @param {string} clusterId */
async function format({ folder, version, scram }, node, clusterId) {
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const main = ['kafka.tools.StorageTool', 'format', '--ignore-formatted']
  main.push('-t', clusterId, '-c', propertiesFile(folder, node))
  for (const entry of scram ?? []) main.push('--add-scram', entry)
  const result = await run(javaCommand(), javaArgs(version, jvm, main), { timeoutMs: FORMAT_MS })
  if (result.code === 0) return
  const text = result.output.replaceAll(/^log4j:.*\n/gm, '').trim()
  throw new ServerProblem(`the storage of node ${node} could not be formatted:\n${text}`)
}

/** The listener that is asked whether a node serves. @param {string} folder @param {number} node */
function listenerOf(folder, node) {
  const properties = readProperties(readFileSync(propertiesFile(folder, node), 'utf8'))
  const found = clientListeners(properties)
  const listener = found.find(({ protocol }) => protocol === 'PLAINTEXT') ?? found[0]
  if (listener !== undefined) return listener
  throw new ServerProblem(
    `node ${node} has no listener for clients: listeners=${properties.get('listeners')}`,
    2,
  )
}

/**
 * Starts one node; it does not wait until it serves.
 * @param {string} folder @param {number} node @param {{ detached: boolean }} options
 */
async function startNode(folder, node, { detached }) {
  const cluster = readCluster(folder)
  if (cluster === null) throw new ServerProblem(`there is no cluster in ${folder}`)
  if (pidOf(nodeProcess(folder, node)) !== null) return
  const jvm = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
  jvm.push(`-Dlog4j.configuration=file:${join(folder, 'log4j.properties')}`)
  await launch({
    ...nodeProcess(folder, node),
    command: javaCommand(),
    args: javaArgs(cluster.version, jvm, ['kafka.Kafka', propertiesFile(folder, node)]),
    logFile: logFile(folder, node),
    cwd: folder,
    detached,
  })
}

/**
 * Starts what does not run (all, or the nodes named) and waits until it serves. When this process
 * ends meanwhile, what it started ends too.
 * @param {string} folder
 * @param {{ detached: boolean, nodes?: readonly number[] }} options
 * @param {Say} say
 */
export async function startNodes(folder, { detached, nodes }, say) {
  const cluster = readCluster(folder)
  const all = cluster?.nodes ?? []
  const wanted = all.filter(({ node }) => nodes === undefined || nodes.includes(node))
  const starting = wanted.filter(({ node }) => pidOf(nodeProcess(folder, node)) === null)
  await requireFree(starting)
  const done = undoOnExit(() => {
    for (const { node } of starting) signal(nodeProcess(folder, node), 'SIGKILL')
  })
  try {
    await Promise.all(starting.map(({ node }) => startNode(folder, node, { detached })))
    await untilReady(folder, nodes ?? null, say)
  } catch (error) {
    await Promise.all(starting.map(({ node }) => end(nodeProcess(folder, node), 0)))
    throw error
  } finally {
    done()
  }
}

/** @param {readonly Node[]} nodes */
async function requireFree(nodes) {
  const ports = nodes.flatMap(({ port, controllerPort }) => [port, controllerPort])
  const free = await Promise.all(ports.map(isFree))
  const taken = ports.filter((_, i) => free[i] === false)
  if (taken.length === 0) return
  throw new ServerProblem(
    `port ${taken.join(', ')} of 127.0.0.1 is taken by another program: choose others by --port`,
  )
}

/**
 * Waits until nodes serve: all that run, each knowing all others, or only those named, each knowing
 * itself.
 * @param {string} folder @param {readonly number[] | null} only @param {Say} say
 */
async function untilReady(folder, only, say) {
  const start = performance.now()
  let toldAt = start + 2500
  for (;;) {
    const waiting = await notReady(folder, only)
    if (waiting.length === 0) return
    const now = performance.now()
    const seconds = ((now - start) / 1000).toFixed(0)
    const dead = waiting.find(({ node }) => pidOf(nodeProcess(folder, node)) === null)
    const stuck = dead ?? (now - start > READY_MS ? waiting[0] : undefined)
    if (stuck !== undefined) {
      const what = dead === undefined ? `does not serve after ${seconds} s` : 'has ended'
      const log = lastLines(logFile(folder, stuck.node))
      throw new ServerProblem(`node ${stuck.node} ${what} (${stuck.why}). End of its log:\n${log}`)
    }
    if (now > toldAt) {
      say(`${waiting.map(({ node, why }) => `node ${node} ${why}`).join(' · ')} (${seconds} s)`)
      toldAt = now + 5000
    }
    await sleep(100)
  }
}

/**
 * Nodes that should run and do not serve yet.
 * @param {string} folder @param {readonly number[] | null} only
 */
async function notReady(folder, only) {
  const nodes = (readCluster(folder)?.nodes ?? []).map(({ node }) => node)
  const present = nodes.filter((node) => existsSync(nodeProcess(folder, node).pidFile))
  const asked = present.filter((node) => only?.includes(node) ?? true)
  const answers = asked.map(async (node) => {
    try {
      const listener = listenerOf(folder, node)
      const alive = await aliveBrokers(listener, 3000)
      if (alive === null) return []
      const missing = (only === null ? present : [node]).filter((each) => !alive.includes(each))
      if (missing.length > 0) return [{ node, why: `does not know ${missing.join(', ')} yet` }]
      const isWhole = only !== null || (await hasCoordinators(listener, 3000))
      return isWhole ? [] : [{ node, why: 'has no coordinators yet' }]
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return [{ node, why: why.includes('ECONNREFUSED') ? 'is starting' : why }]
    }
  })
  return (await Promise.all(answers)).flat()
}

/**
 * @param {string} folder
 * @returns {Promise<{ node: number, pid: number | null, serves: boolean }[]>}
 */
export async function nodeStates(folder) {
  const nodes = readCluster(folder)?.nodes ?? []
  const waiting = await notReady(folder, null)
  return nodes.map(({ node }) => {
    const pid = pidOf(nodeProcess(folder, node))
    return { node, pid, serves: pid !== null && waiting.every((each) => each.node !== node) }
  })
}

/** Ends all nodes at once. @param {string} folder @param {{ force?: boolean }} [options] */
export async function stopNodes(folder, { force = false } = {}) {
  const nodes = readCluster(folder)?.nodes ?? []
  const grace = force ? 0 : STOP_MS
  return await Promise.all(nodes.map(({ node }) => end(nodeProcess(folder, node), grace)))
}

/** @param {string} folder */
export const removeCluster = (folder) =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
