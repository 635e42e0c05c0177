// The brokers of the cluster that the section of `./scripts/test` shares with all suites.
import { readCluster } from '../../scripts/lib/servers/kafka.mjs'

const SHARED = { 1: 'HEALSTREAM_TEST_KAFKA_ONE', 3: 'HEALSTREAM_TEST_KAFKA_THREE' } as const

export function brokersOf(size: 1 | 3): readonly string[] {
  const { folder } = JSON.parse(process.env[SHARED[size]] ?? '{}')
  const cluster = readCluster(String(folder))
  if (cluster === null) throw new Error(`${SHARED[size]} names no cluster; use startKafka()`)
  return cluster.brokers
}
