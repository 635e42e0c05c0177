// The log port on Kafka: the shared client over connections. Every client has connections of its
// own, because a broker answers one connection in order and a long poll must hold nobody back; what
// is known about the cluster is known once.
import type { LogPort } from '../../runtime/ports.ts'
import { crc32c } from '../client/crc32c.ts'
import { type Connect, LogClient } from '../client/log-client.ts'
import { createCluster } from './cluster.ts'
import { joinInThread } from './member.ts'
import type { KafkaOptions } from './options.ts'
import { Patience } from './patience.ts'
import { createTransport } from './transport.ts'

/** Connects when first used. Errors: `HsError` when the options cannot be used. */
export function createKafkaLog(options: KafkaOptions): LogPort {
  const { clock } = options
  const cluster = createCluster(options)
  const patience = new Patience()
  const connect: Connect = (purpose) => {
    const lane = cluster.lane()
    const transport = createTransport({ cluster, lane, clock })
    return {
      // Agents and operators are told at once; they do not stop for it.
      transport:
        purpose === 'producer' ? patience.watching(transport) : patience.enduring(transport),
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
