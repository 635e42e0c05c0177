// Kafka's own console producer, as an operator uses it: keyed messages, with its default
// partitioner and any of its codecs.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fetchKafka, javaCommand } from '../../scripts/lib/servers/fetch.mjs'
import type { TestKafka } from '../support/kafka/cluster.ts'

export interface Message {
  readonly key: string
  readonly value: string
}

export async function consoleProducer(
  { brokers, version }: TestKafka,
  { topic, codec }: { readonly topic: string; readonly codec: string },
  messages: readonly Message[],
): Promise<void> {
  const jars = await fetchKafka(version, () => {})
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`]
  const to = ['--bootstrap-server', brokers.join(), '--topic', topic]
  const keys = ['--property', 'parse.key=true', '--property', 'key.separator=|']
  const main = ['org.apache.kafka.tools.ConsoleProducer', ...to, ...keys]
  await feed(javaCommand(), [...jvm, ...main, '--compression-codec', codec], messages)
}

/** Runs a program that takes messages as lines on its standard input. */
export async function feed(
  command: string,
  args: readonly string[],
  messages: readonly Message[],
): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stdin.end(messages.map(({ key, value }) => `${key}|${value}\n`).join(''))
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, said)
}
