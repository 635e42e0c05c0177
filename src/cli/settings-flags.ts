// The flags that say how a cluster is reached; what they mean is config/settings-schema.ts.
import type { Command } from 'commander'
import type { Output } from './context.ts'

/** By name in camel case; each may be absent. */
export interface ClusterFlags {
  readonly config?: string
  readonly brokers?: string
  readonly registry?: string
  readonly prefix?: string
  readonly group?: string
  readonly cacheDir?: string
  readonly port?: string
  readonly logLevel?: string
  readonly [name: string]: unknown
}

export interface ClusterReadFlags extends ClusterFlags {
  readonly output: Output
}

export function clusterFlags(command: Command): Command {
  return command
    .option('--brokers <list>', 'brokers, host:port,host:port (HEALSTREAM_KAFKA_BROKERS)')
    .option('--registry <url>', 'schema registry (HEALSTREAM_REGISTRY_URL)')
    .option('--prefix <text>', 'before every topic name (default: hs.)')
    .option('--config <file>', 'YAML file with settings (HEALSTREAM_CONFIG)')
}

/** Of a role that runs as a process. */
export function serverFlags(command: Command): Command {
  return clusterFlags(command)
    .option('--group <name>', 'consumer group of the workers (default: healstream)')
    .option('--cache-dir <path>', 'where ids of the schema registry are kept')
    .option('--port <n>', 'port of the endpoint (default 0: a free one)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (default: info)')
}
