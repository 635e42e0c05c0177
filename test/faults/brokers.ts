// What scripts do to brokers: taken away and given back, and Kafka's own tool for what no client
// here speaks.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fetchKafka, javaCommand } from '../../scripts/lib/servers/fetch.mjs'
import type { TestKafka } from '../support/kafka/cluster.ts'

export const NODES: readonly number[] = [1, 2, 3]

/** Something is done while these nodes are gone (SIGKILL); they come back however it ends. */
export async function without(
  kafka: TestKafka,
  nodes: readonly number[],
  deed: () => Promise<void>,
): Promise<void> {
  try {
    await Promise.all(nodes.map((node) => kafka.kill9(node)))
    await deed()
  } finally {
    // Together: one alone does not serve where most are gone.
    await Promise.all(nodes.map((node) => kafka.restart(node)))
  }
}

/** Limits of all clients that have none of their own, by `kafka-configs`; null: no limits. */
export async function limitClients(
  { brokers, version }: TestKafka,
  bytesPerSecond: number | null,
): Promise<void> {
  const jars = await fetchKafka(version, () => {})
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`]
  const rates = ['producer_byte_rate', 'consumer_byte_rate']
  const change =
    bytesPerSecond === null
      ? ['--delete-config', rates.join()]
      : ['--add-config', rates.map((rate) => `${rate}=${bytesPerSecond}`).join()]
  const whom = ['--entity-type', 'clients', '--entity-default']
  const main = ['kafka.admin.ConfigCommand', '--bootstrap-server', brokers.join(), '--alter']
  const child = spawn(javaCommand(), [...jvm, ...main, ...change, ...whom])
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, said)
}
