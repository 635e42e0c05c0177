// The cluster a bench runs on: one of the lists given with --brokers, by its number of brokers, or
// one of its own that ends with the bench. With Kafka's own tools, for the rulers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { DEFAULT_VERSION, startEphemeral } from '../scripts/lib/servers/ephemeral.mjs'
import { fetchKafka, javaCommand } from '../scripts/lib/servers/fetch.mjs'

/**
 * @typedef {{ topic: string, partitions: number, config?: Readonly<Record<string, string>> }} Topic
 * @typedef {Awaited<ReturnType<typeof cluster>>} BenchCluster
 */

const say = (/** @type {string} */ line) => console.error(line)

/** @param {import('./run.mjs').How} how @param {number} nodes */
export async function cluster({ clusters }, nodes) {
  const given = clusters.map((list) => list.split(',')).find((list) => list.length === nodes)
  const wanted = { nodes, version: DEFAULT_VERSION }
  const started = given === undefined ? await startEphemeral(wanted, say) : null
  const brokers = given ?? started?.cluster.brokers ?? []
  const jars = await fetchKafka(DEFAULT_VERSION, say)
  const folder = mkdtempSync(join(tmpdir(), 'healstream-bench-'))
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  /** @template T @param {(admin: kafkajs.Admin) => Promise<T>} work */
  const asAdmin = async (work) => {
    const admin = kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }
  return {
    brokers,
    /** @param {readonly Topic[]} topics */
    createTopics: (topics) =>
      asAdmin(async (admin) => {
        await admin.createTopics({
          topics: topics.map(({ topic, partitions, config = {} }) => ({
            topic,
            numPartitions: partitions,
            replicationFactor: Math.min(nodes, 3),
            configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
          })),
          waitForLeaders: true,
        })
      }),
    /** @param {readonly string[]} topics */
    deleteTopics: (topics) => asAdmin((admin) => admin.deleteTopics({ topics: [...topics] })),
    /** The command line of one of Kafka's tools. @param {string} name @param {string[]} args */
    tool: (name, args) => [javaCommand(), '-Xmx512m', '-cp', `${jars}/*`, name, ...args],
    /** A file for such a tool. @param {string} name @param {string} text @returns its path */
    file(name, text) {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    },
    async stop() {
      rmSync(folder, { recursive: true, force: true })
      await started?.stop()
    },
  }
}
