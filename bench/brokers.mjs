// The cluster a bench runs on: one of the lists given with --brokers, by its number of brokers, or
// one of its own that ends with the bench. With Kafka's own tools, for the rulers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_VERSION, startEphemeral } from '../scripts/lib/servers/ephemeral.mjs'
import { fetchKafka, javaCommand } from '../scripts/lib/servers/fetch.mjs'
import { openLog } from './own-log.mjs'

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
  const log = openLog(brokers)
  return {
    brokers,
    /** Until every leader serves them. @param {readonly Topic[]} topics */
    createTopics: (topics) =>
      log.admin().createTopics(
        topics.map(({ topic, partitions, config = {} }) => {
          return { topic, partitions, config, replicas: Math.min(nodes, 3) }
        }),
      ),
    /** @param {readonly string[]} topics */
    deleteTopics: (topics) => log.admin().deleteTopics(topics),
    /** The command line of one of Kafka's tools. @param {string} name @param {string[]} args */
    tool: (name, args) => [javaCommand(), '-Xmx512m', '-cp', `${jars}/*`, name, ...args],
    /** A file for such a tool. @param {string} name @param {string} text @returns its path */
    file(name, text) {
      const path = join(folder, name)
      writeFileSync(path, text)
      return path
    },
    async stop() {
      await log.close()
      rmSync(folder, { recursive: true, force: true })
      await started?.stop()
    },
  }
}
