// `./scripts/kafka`: one or three real Kafka brokers on this machine, without a container engine.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { list, main, text } from './lib/servers/command.mjs'
import { composeDown, composeRuns, composeUp, hasCompose } from './lib/servers/compose.mjs'
import { fetchKafka, KAFKA_VERSIONS, kafkaFolder, whatIsMissing } from './lib/servers/fetch.mjs'
import { checkName, checkPort, ServerProblem, stateFolder } from './lib/servers/folders.mjs'
import {
  askedFor,
  createCluster,
  nodeStates,
  nodesFrom,
  readCluster,
  removeCluster,
  startNodes,
  stopNodes,
} from './lib/servers/kafka.mjs'
import { parseSet } from './lib/servers/kafka-settings.mjs'
import { undoOnExit } from './lib/servers/processes.mjs'

const [DEFAULT_VERSION] = KAFKA_VERSIONS
const DEFAULT_PORT = '9092'
const VOLUME = 'healstream_kafka-data'

const USAGE = `usage: ./scripts/kafka up|down|status [options]

  ./scripts/kafka up                           one broker on 127.0.0.1:9092
  ./scripts/kafka up --nodes 3 --name three --port 19092
  ./scripts/kafka down --name three

  --name N             several clusters at a time, each under its name (default: default)
  --nodes 1|3          (default: 1)
  --version V          ${KAFKA_VERSIONS.join(' or ')} (default: ${DEFAULT_VERSION})
  --port BASE          port of the first broker; the others follow, controllers at BASE+100 and
                       spare ports at BASE+200 (default: ${DEFAULT_PORT})
  --advertise H:P      what the broker tells clients to connect to (default: where it listens)
  --set KEY=VALUE      any broker setting; repeatable
  --properties FILE    a properties file behind ours, such as listeners with TLS. {node}, {port},
                       {controllerPort}, {extraPort} and {folder} stand for each node's own
  --scram ENTRY        a user, as kafka-storage takes it: 'SCRAM-SHA-512=[name=a,password=b]'
  --keep               down: keep the data for the next up
  --output text|json   (default: text)

Needs Java 17 or newer, and Maven the first time; otherwise \`docker compose\` is used.
Exit codes: 0 done · 1 failed, or status: not all runs · 2 wrong use · 3 something is to install`

/**
 * @typedef {import('./lib/servers/command.mjs').Values} Values
 * @typedef {import('./lib/servers/command.mjs').Answer} Answer
 * @typedef {import('./lib/servers/fetch.mjs').Say} Say
 * @typedef {import('./lib/servers/kafka.mjs').Wanted} Wanted
 */

/** @param {Values} values */
const nameOf = (values) => checkName(text(values, 'name', 'default'))

/** @param {Values} values @returns {Wanted} */
function wantedBy(values) {
  const count = text(values, 'nodes', '1')
  if (count !== '1' && count !== '3') {
    throw new ServerProblem(`--nodes ${count}: 1 or 3 (two are less safe than one)`, 2)
  }
  const version = text(values, 'version', DEFAULT_VERSION)
  if (!KAFKA_VERSIONS.some((each) => each === version)) {
    throw new ServerProblem(`--version ${version}: one of ${KAFKA_VERSIONS.join(', ')}`, 2)
  }
  const file = text(values, 'properties', '')
  if (file !== '' && !existsSync(file)) {
    throw new ServerProblem(`--properties ${file}: there is no such file`, 2)
  }
  const advertise = text(values, 'advertise', '')
  if (advertise !== '' && (!/^[^\s,/]+:\d+$/.test(advertise) || count !== '1')) {
    throw new ServerProblem(`--advertise ${advertise}: host:port, and for one node alone`, 2)
  }
  return {
    folder: stateFolder('kafka', nameOf(values)),
    version,
    nodes: nodesFrom(
      Number(count),
      checkPort(text(values, 'port', DEFAULT_PORT), '--port', 65_300),
    ),
    advertise: advertise === '' ? null : advertise,
    properties: file === '' ? '' : readFileSync(file, 'utf8'),
    set: parseSet(list(values, 'set')),
    scram: list(values, 'scram'),
  }
}

/** Whether compose describes what is wanted. @param {Wanted} wanted */
const isPlain = ({ version, nodes, advertise, properties, set, scram }) =>
  version === DEFAULT_VERSION &&
  nodes.length === 1 &&
  nodes[0]?.port === Number(DEFAULT_PORT) &&
  [advertise ?? '', properties, JSON.stringify(set), scram?.length].join() === ',,{},0'

/** Why no broker can be started as a process here, or null. @param {string} version */
function hindrance(version) {
  const missing = whatIsMissing()
  if (missing.java !== null) return missing.java
  return existsSync(kafkaFolder(version)) ? null : missing.maven
}

/** @param {Values} values @param {Say} say @returns {Promise<Answer>} */
async function up(values, say) {
  const wanted = wantedBy(values)
  const name = nameOf(values)
  const found = readCluster(wanted.folder)
  if (found !== null && found.asked !== askedFor(wanted)) {
    throw new ServerProblem(
      `cluster ${name} is there with other settings (Kafka ${found.version}, ` +
        `${found.nodes.length} nodes, ${found.brokers.join(',')}).\n` +
        `Remove it by \`./scripts/kafka down --name ${name}\`, or choose other --name and --port.`,
    )
  }
  const hindered = hindrance(wanted.version)
  if (hindered !== null) return await upByCompose(wanted, hindered, say)
  await fetchKafka(wanted.version, say)
  if (found === null) await make(wanted, say)
  else await startNodes(wanted.folder, { detached: true }, say)
  return await status(values)
}

/** A new cluster, or nothing at all. @param {Wanted} wanted @param {Say} say */
async function make(wanted, say) {
  const { folder, nodes } = wanted
  const done = undoOnExit(() => removeCluster(folder))
  try {
    say(`${nodes.length === 1 ? 'making a broker' : 'making three brokers'} in ${folder}`)
    removeCluster(folder)
    await createCluster(wanted)
    await startNodes(folder, { detached: true }, say)
  } catch (error) {
    removeCluster(folder)
    throw error
  } finally {
    done()
  }
}

/** @param {Wanted} wanted @param {string} why @param {Say} say @returns {Promise<Answer>} */
async function upByCompose(wanted, why, say) {
  const install = 'Install OpenJDK 17 and Maven (Debian: openjdk-17-jre-headless maven)'
  if (!hasCompose()) {
    throw new ServerProblem(
      `${why}, and no \`docker compose\` with a running engine.\n${install}.`,
      3,
    )
  }
  if (!isPlain(wanted)) {
    throw new ServerProblem(
      `${why}; docker-compose.yml has one broker ${DEFAULT_VERSION} on port ${DEFAULT_PORT} ` +
        `without other settings, so it cannot stand in.\n${install}, or leave the options out.`,
      3,
    )
  }
  say(`${why}: using docker compose`)
  await composeUp('kafka', say)
  mkdirSync(wanted.folder, { recursive: true })
  writeFileSync(join(wanted.folder, 'compose'), '')
  return composeAnswer(true)
}

/** @param {boolean} running @returns {Answer} */
function composeAnswer(running) {
  const brokers = [`127.0.0.1:${DEFAULT_PORT}`]
  const data = { name: 'default', by: 'compose', version: DEFAULT_VERSION, running, brokers }
  const text = running
    ? [`Kafka ${DEFAULT_VERSION} by docker compose`, ...next('default', brokers)]
    : []
  return { running, data, text: running ? text : ['the service kafka does not run'] }
}

/** @param {string} name @param {readonly string[]} brokers */
function next(name, brokers) {
  const option = name === 'default' ? '' : ` --name ${name}`
  return [
    `brokers: ${brokers.join(',')}`,
    '',
    'Next:',
    `  ./scripts/demo --brokers ${brokers.join(',')}`,
    `  ./scripts/kafka status${option}`,
    `  ./scripts/kafka down${option}`,
  ]
}

/** @param {Values} values @returns {Promise<Answer>} */
async function status(values) {
  const name = nameOf(values)
  const folder = stateFolder('kafka', name)
  if (existsSync(join(folder, 'compose'))) return composeAnswer(await composeRuns('kafka'))
  const cluster = readCluster(folder)
  if (cluster === null) {
    const data = { name, running: false, brokers: [], nodes: [] }
    return { running: false, data, text: [`there is no cluster ${name}`] }
  }
  const nodes = await nodeStates(folder)
  const running = nodes.every(({ serves }) => serves)
  const { version, brokers, clusterId } = cluster
  const lines = nodes.map(({ node, pid, serves }) => {
    const state = serves ? 'serves' : pid === null ? 'does not run' : 'runs, does not serve'
    return `  node ${node}: ${state}${pid === null ? '' : `, pid ${pid}`}`
  })
  return {
    running,
    data: { name, by: 'java', version, running, brokers, clusterId, nodes, folder },
    text: [
      `Kafka ${version}, cluster ${name} (${clusterId})`,
      ...lines,
      `data and logs: ${folder}`,
      ...next(name, brokers),
    ],
  }
}

/**
 * Data that is thrown away needs no orderly end.
 * @param {Values} values @returns {Promise<Answer>}
 */
async function down(values) {
  const name = nameOf(values)
  const keep = values['keep'] === true
  const folder = stateFolder('kafka', name)
  if (existsSync(join(folder, 'compose'))) await composeDown('kafka', { volume: VOLUME, keep })
  const ends = await stopNodes(folder, { force: !keep })
  if (!keep) removeCluster(folder)
  const ended = ends.filter((how) => how !== 'not running').length
  const what = ended === 0 ? 'nothing ran' : `ended ${ended} of ${ends.length} nodes`
  const data = { name, running: false, ended, kept: keep }
  return { running: false, data, text: [`cluster ${name}: ${what}${keep ? ', data kept' : ''}`] }
}

await main({
  name: 'kafka',
  usage: USAGE,
  options: {
    name: { type: 'string' },
    nodes: { type: 'string' },
    version: { type: 'string' },
    port: { type: 'string' },
    advertise: { type: 'string' },
    set: { type: 'string', multiple: true },
    properties: { type: 'string' },
    scram: { type: 'string', multiple: true },
    keep: { type: 'boolean' },
  },
  verbs: { up, down, status },
})
