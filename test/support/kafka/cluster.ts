// Real brokers for tests. A suite that needs nothing special shares the cluster that the section of
// `./scripts/test` started (HEALSTREAM_TEST_KAFKA_ONE, _THREE); without it, or with settings of its
// own, the suite gets a cluster of its own, which ends with it. Use topic, group and transactional
// ids with a random part.
import {
  DEFAULT_VERSION,
  type Ephemeral,
  type Options,
  startEphemeral,
} from '../../../scripts/lib/servers/ephemeral.mjs'
import { nodeProcess, readCluster, startNodes } from '../../../scripts/lib/servers/kafka.mjs'
import { end, signal } from '../../../scripts/lib/servers/processes.mjs'

export interface KafkaOptions {
  readonly nodes: 1 | 3
  /** Default: HEALSTREAM_TEST_KAFKA_VERSION, else the newest one tried. */
  readonly version?: string
  /** Broker settings on top of TEST_SETTINGS; `{port}` and the like as in `scripts/kafka`. */
  readonly set?: Readonly<Record<string, string>>
  /** Text of a properties file, such as listeners with TLS. */
  readonly properties?: string
  /** Users, as `kafka-storage format --add-scram` takes them. */
  readonly scram?: readonly string[]
  /** What the one broker tells clients to connect to, `host:port`. */
  readonly advertise?: string
  /** A cluster that nobody else uses, to kill its nodes. */
  readonly own?: boolean
}

/** Nodes are numbered from 1, as `node.id`; `brokers[0]` is node 1. */
export interface TestKafka {
  readonly brokers: readonly string[]
  readonly clusterId: string
  readonly version: string
  /** Settings, data and logs of the nodes. */
  readonly folder: string
  /** Ends a cluster of the suite's own; a shared one stays. */
  stop(): Promise<void>
  /** SIGTERM; returns when the process is gone. It starts again without looking at its data. */
  end(node: number): Promise<void>
  /** SIGKILL; returns when the process is gone. */
  kill9(node: number): Promise<void>
  /** SIGSTOP: the node keeps its connections and answers nothing. */
  pause(node: number): void
  resume(node: number): void
  /** Starts a node (ends it first when it runs) and waits until it serves. */
  restart(node: number): Promise<void>
}

const SHARED = { 1: 'HEALSTREAM_TEST_KAFKA_ONE', 3: 'HEALSTREAM_TEST_KAFKA_THREE' } as const
const GRACE_MS = 15_000

/** Starts a cluster, or joins the shared one when it is just what is asked for. */
export async function startKafka(options: KafkaOptions): Promise<TestKafka> {
  const version = options.version ?? process.env['HEALSTREAM_TEST_KAFKA_VERSION'] ?? DEFAULT_VERSION
  const shared = sharedCluster(options)
  if (shared?.version === version) return handle(shared.folder, async () => {})
  const { nodes, set, properties, scram, advertise } = options
  const wanted: Options = {
    nodes,
    version,
    ...(set === undefined ? {} : { set }),
    ...(properties === undefined ? {} : { properties }),
    ...(scram === undefined ? {} : { scram }),
    ...(advertise === undefined ? {} : { advertise }),
  }
  const started: Ephemeral = await startEphemeral(wanted, () => {})
  return handle(started.folder, started.stop)
}

/** The shared cluster, unless something special is asked for. */
function sharedCluster(options: KafkaOptions): { folder: string; version: string } | null {
  const { own, set, properties, scram, advertise } = options
  const special = [set, properties, scram, advertise].some((each) => each !== undefined)
  const json = process.env[SHARED[options.nodes]] ?? ''
  if (own === true || special || json === '') return null
  const folder: unknown = JSON.parse(json).folder
  if (typeof folder !== 'string') throw new Error(`${SHARED[options.nodes]} names no folder`)
  const version = readCluster(folder)?.version
  if (version === undefined) throw new Error(`there is no cluster in ${folder}`)
  return { folder, version }
}

function handle(folder: string, stop: () => Promise<void>): TestKafka {
  const cluster = readCluster(folder)
  if (cluster === null) throw new Error(`there is no cluster in ${folder}`)
  const { brokers, clusterId, version } = cluster
  const send = (node: number, name: 'SIGSTOP' | 'SIGCONT'): void => {
    if (!signal(nodeProcess(folder, node), name)) throw new Error(`node ${node} does not run`)
  }
  return {
    brokers,
    clusterId,
    version,
    folder,
    stop,
    end: async (node) => {
      await end(nodeProcess(folder, node), GRACE_MS)
    },
    kill9: async (node) => {
      await end(nodeProcess(folder, node), 0)
    },
    pause: (node) => send(node, 'SIGSTOP'),
    resume: (node) => send(node, 'SIGCONT'),
    restart: async (node) => {
      await end(nodeProcess(folder, node), GRACE_MS)
      await startNodes(folder, { detached: true, nodes: [node] }, () => {})
    },
  }
}
