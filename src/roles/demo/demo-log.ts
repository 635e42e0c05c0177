// The log under a demo: embedded in the process, or real brokers, where it has topics and a group
// of its own and takes them away at the end.
import { randomBytes } from 'node:crypto'
import { createKafkaLog } from '../../adapters/kafka/kafka-log.ts'
import type { KafkaOptions } from '../../adapters/kafka/options.ts'
import { createMemoryLog } from '../../adapters/memory/memory-log.ts'
import { DEFAULT_PARTITIONS, DEFAULT_PREFIX, topicName, TOPICS } from '../../contracts/topics.ts'
import { systemClock } from '../../runtime/clock.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { LogPort } from '../../runtime/ports.ts'

/** On brokers of others: enough for two services, few to make and to take away. */
const PARTITIONS = 3

export interface DemoLog {
  readonly name: LogPort['name']
  readonly prefix: string
  readonly partitions: number
  readonly group: string
  /** Where it is, for people; null for the embedded one. */
  readonly place: string | null
  /** A client of its own, as another process would have. */
  connect(role: string): LogPort
  /**
   * Closes every client and removes what the demo made, within `limitMs`. What could not be removed
   * is told as the reason.
   */
  end(limitMs: number): Promise<string | null>
}

export function embeddedLog(): DemoLog {
  const log = createMemoryLog()
  const opened: LogPort[] = []
  return {
    name: 'memory',
    prefix: DEFAULT_PREFIX,
    partitions: DEFAULT_PARTITIONS,
    group: 'healstream',
    place: null,
    connect: () => {
      const client = log.broker.connect()
      opened.push(client)
      return client
    },
    async end(): Promise<null> {
      // What is still under way asks its client once more and hears that it is closed.
      await Promise.all(opened.map((client) => client.close()))
      await log.close()
      return null
    },
  }
}

/** Errors: HS_CONFIG of the options. */
export function brokerLog(options: KafkaOptions): DemoLog {
  const name = `hs-demo-${randomBytes(4).toString('hex')}`
  const prefix = `${name}.`
  const opened: LogPort[] = []
  const connect = (role: string): LogPort => {
    const log = createKafkaLog({ ...options, clientId: `${name}-${role}` })
    opened.push(log)
    return log
  }
  return {
    name: 'kafka',
    prefix,
    partitions: PARTITIONS,
    group: name,
    place: options.brokers.join(', '),
    connect,
    async end(limitMs): Promise<string | null> {
      await Promise.all(opened.map((log) => log.close()))
      return removeTopics(createKafkaLog({ ...options, clientId: name }), prefix, limitMs)
    },
  }
}

const PAUSE_MS = 100

async function removeTopics(log: LogPort, prefix: string, limitMs: number): Promise<string | null> {
  const limit = setTimeout(() => void log.close(), limitMs)
  const names = TOPICS.map(({ kind }) => topicName(kind, prefix))
  const admin = log.admin()
  let trouble = ''
  try {
    for (;;) {
      try {
        await admin.deleteTopics(names)
        return null
      } catch (error) {
        const isPassing = error instanceof LogError && error.code === 'UNAVAILABLE'
        const reason = error instanceof Error ? error.message : String(error)
        if (!isPassing) return `topics ${prefix}* are left behind: ${trouble || reason}`
        trouble = reason
      }
      await systemClock.sleep(PAUSE_MS)
    }
  } finally {
    clearTimeout(limit)
    await log.close()
  }
}
