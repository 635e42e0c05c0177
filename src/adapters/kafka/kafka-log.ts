// The log port on Kafka: the shared client over connections. Every client has connections of its
// own, because a broker answers one connection in order and a long poll must hold nobody back; what
// is known about the cluster is known once.
import type { LogPort } from '../../runtime/ports.ts'
import { crc32c } from '../client/crc32c.ts'
import { LogClient } from '../client/log-client.ts'
import type { Connection } from '../client/session.ts'
import { createCluster } from './cluster.ts'
import { joinInThread } from './member.ts'
import type { KafkaOptions } from './options.ts'
import { createTransport } from './transport.ts'

/** Connects when first used. Errors: `HsError` when the options cannot be used. */
export function createKafkaLog(options: KafkaOptions): LogPort {
  const { clock } = options
  const cluster = createCluster(options)
  const connect = (): Connection => {
    const lane = cluster.lane()
    return {
      transport: createTransport({ cluster, lane, clock }),
      clock,
      crc32c,
      onClosed: () => lane.close(),
    }
  }
  const client = new LogClient({
    name: 'kafka',
    connect,
    join: (how, onClosed) => joinInThread(options, how, onClosed),
  })
  return {
    name: 'kafka',
    clusterId: () => client.clusterId(),
    reader: (how) => client.reader(how),
    writer: (how) => client.writer(how),
    producer: (how) => client.producer(how),
    join: (how) => client.join(how),
    admin: () => client.admin(),
    async close(): Promise<void> {
      await client.close()
      cluster.close()
    },
  }
}
