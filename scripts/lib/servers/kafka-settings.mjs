// Settings of one KRaft broker that is its own controller, pure: what every broker here has
// (docs/DESIGN.md section 10), then a properties file of the user, then single settings.
import { ServerProblem } from './folders.mjs'

/**
 * @typedef {{ node: number, port: number, controllerPort: number, extraPort: number }} Node
 * `extraPort` is free for a second listener.
 * @typedef {{ folder: string, nodes: readonly Node[], advertise: string | null,
 *   properties: string, set: Readonly<Record<string, string>> }} Settings
 * `properties` is the text of a properties file; `{node}`, `{port}`, `{controllerPort}`,
 * `{extraPort}` and `{folder}` in it and in `set` stand for the values of each node.
 * @typedef {{ name: string, protocol: string, host: string, port: number }} Listener
 */

const HOST = '127.0.0.1'
const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

/** @param {Settings} settings @param {Node} node @returns {Map<string, string>} */
function own({ folder, nodes, advertise }, node) {
  const voters = nodes.map((each) => `${each.node}@${HOST}:${each.controllerPort}`)
  const replicas = String(Math.min(nodes.length, 3))
  const inSync = nodes.length < 3 ? '1' : '2'
  return new Map([
    ['process.roles', 'broker,controller'],
    ['node.id', String(node.node)],
    ['controller.quorum.voters', voters.join(',')],
    ['controller.listener.names', 'CONTROLLER'],
    ['listeners', `PLAINTEXT://${HOST}:${node.port},CONTROLLER://${HOST}:${node.controllerPort}`],
    ['advertised.listeners', `PLAINTEXT://${advertise ?? `${HOST}:${node.port}`}`],
    [
      'listener.security.protocol.map',
      ['CONTROLLER:PLAINTEXT', ...PROTOCOLS.map((name) => `${name}:${name}`)].join(','),
    ],
    ['log.dirs', `${folder}/data-${node.node}`],
    ['offsets.topic.num.partitions', '8'],
    ['offsets.topic.replication.factor', replicas],
    ['transaction.state.log.num.partitions', '8'],
    ['transaction.state.log.replication.factor', replicas],
    ['transaction.state.log.min.isr', inSync],
    ['default.replication.factor', replicas],
    ['min.insync.replicas', inSync],
    ['group.initial.rebalance.delay.ms', '0'],
    ['auto.create.topics.enable', 'false'],
    ['num.network.threads', '2'],
    ['num.io.threads', '4'],
    ['log.cleaner.dedupe.buffer.size', '8388608'],
  ])
}

/** @param {string} text @param {Settings} settings @param {Node} node */
function filled(text, { folder }, node) {
  /** @type {Readonly<Record<string, string>>} */
  const values = {
    folder,
    node: String(node.node),
    port: String(node.port),
    controllerPort: String(node.controllerPort),
    extraPort: String(node.extraPort),
  }
  return text.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
}

/** A value as Java reads it back: a backslash would start an escape. @param {string} value */
const escaped = (value) => value.replaceAll('\\', '\\\\')

/** Text of the properties file of a node; a later setting wins. @param {Settings} settings
 * @param {Node} node */
export function propertiesText(settings, node) {
  const lines = (/** @type {Iterable<readonly [string, string]>} */ entries) =>
    [...entries].map(([key, value]) => `${key}=${escaped(value)}`)
  const set = Object.entries(settings.set).map(
    ([key, value]) => /** @type {const} */ ([key, filled(value, settings, node)]),
  )
  const file = filled(settings.properties, settings, node)
  return `${[...lines(own(settings, node)), file, ...lines(set)].join('\n')}\n`
}

/**
 * Settings in a properties file, by name; the last one of a name wins, as in Java.
 * @param {string} text
 * @returns {Map<string, string>}
 */
export function readProperties(text) {
  /** @type {Map<string, string>} */
  const found = new Map()
  const joined = text.replaceAll(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*/g, '$1')
  for (const line of joined.split(/\r?\n/)) {
    const [, key, value] = /^\s*([^#!=:\s][^=:\s]*)\s*[=:]?\s*(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) found.set(key, value.replaceAll('\\\\', '\\'))
  }
  return found
}

/** Listeners for clients, as one can reach them from here. @param {Map<string, string>} properties
 * @returns {readonly Listener[]} */
export function clientListeners(properties) {
  const list = (/** @type {string} */ name) => (properties.get(name) ?? '').split(/\s*,\s*/)
  const controllers = new Set(list('controller.listener.names'))
  const protocols = new Map(
    list('listener.security.protocol.map').map((pair) => {
      const [name = '', protocol = ''] = pair.split(':')
      return [name, protocol]
    }),
  )
  return list('listeners').flatMap((text) => {
    const [, name = '', host = '', port = ''] = /^(\w+):\/\/(.*):(\d+)$/.exec(text) ?? []
    if (name === '' || controllers.has(name)) return []
    const reach = host === '' || host === '0.0.0.0' ? HOST : host.replaceAll(/^\[|\]$/g, '')
    return [{ name, protocol: protocols.get(name) ?? name, host: reach, port: Number(port) }]
  })
}

/** `--set key=value` options as settings. @param {readonly string[]} options */
export function parseSet(options) {
  /** @type {Record<string, string>} */
  const set = {}
  for (const option of options) {
    const [, key, value] = /^([\w.-]+)=([^\r\n]*)$/.exec(option) ?? []
    if (key === undefined || value === undefined) {
      throw new ServerProblem(
        `--set ${JSON.stringify(option)}: write key=value, such as log.retention.ms=60000`,
        2,
      )
    }
    set[key] = value
  }
  return set
}
