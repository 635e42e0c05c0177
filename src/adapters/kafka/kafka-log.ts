// The log port on Kafka: the shared client over connections. Every client has connections to
// itself, because a broker answers one connection in order and a long poll must hold nobody back;
// what is known about the cluster is known once.
import type { LogPort } from '../../runtime/ports.ts'
import { crc32c } from '../client/crc32c.ts'
import { type Connect, LogClient } from '../client/log-client.ts'
import { createCluster } from './cluster.ts'
import { joinInThread } from './member.ts'
import type { KafkaOptions } from './options.ts'
import { Patience } from './patience.ts'
import { IdleLanes } from './idle-lanes.ts'
import { createTransport } from './transport.ts'

/** Whose connections the next client of these may have: they come and go as tasks begin. */
const KEPT: ReadonlySet<Parameters<Connect>[0]> = new Set(['admin', 'reader', 'writer'])

/** Connects when first used. Errors: `HsError` when the options cannot be used. */
export function createKafkaLog(options: KafkaOptions): LogPort {
  const { clock } = options
  const cluster = createCluster(options)
  const patience = new Patience()
  const idle = new IdleLanes(clock)
  const connect: Connect = (purpose) => {
    const isKept = KEPT.has(purpose)
    const lane = (isKept ? idle.take() : null) ?? cluster.lane()
    const transport = createTransport({ cluster, lane, clock })
    return {
      // Agents and operators are told at once; they do not stop for it.
      transport:
        purpose === 'producer' ? patience.watching(transport) : patience.enduring(transport),
      clock,
      crc32c,
      onClosed: () => {
        // What a writer has asked for last must not be carried out behind its back.
        if (isKept && (purpose !== 'writer' || !lane.isBusy)) idle.give(lane)
        else lane.close()
      },
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
      idle.close()
      cluster.close()
    },
  }
}
