// Topic settings under Kafka's names: what is accepted, what is the default, what the memory broker
// acts on.
import type { ErrorCode } from '../../client/error-codes.ts'

/** Defaults of Apache Kafka 4.1 for the settings the broker acts on. */
const DEFAULTS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'delete.retention.ms': '86400000',
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.type': 'CreateTime',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
}

/** Names Kafka knows and the memory broker takes without acting on them. */
const ACCEPTED: ReadonlySet<string> = new Set([
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'index.interval.bytes',
  'max.compaction.lag.ms',
  'message.timestamp.before.max.ms',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'min.insync.replicas',
  'preallocate',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
  'unclean.leader.election.enable',
])

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  'cleanup.policy': ['delete', 'compact', 'compact,delete', 'delete,compact'],
  'compression.type': ['uncompressed', 'producer'],
  'message.timestamp.type': ['CreateTime', 'LogAppendTime'],
}

export interface TopicConfig {
  readonly compact: boolean
  readonly delete: boolean
  readonly deleteRetentionMs: number
  readonly maxMessageBytes: number
  readonly appendTime: boolean
  readonly maxAheadMs: number
  /** null: no bound. */
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** Every setting, defaults included, as `describeTopics` shows it. */
  readonly all: Readonly<Record<string, string>>
}

export function parseTopicConfig(
  given: Readonly<Record<string, string>>,
  defaultRetentionBytes: number,
): TopicConfig | ErrorCode {
  const all: Readonly<Record<string, string>> = {
    ...DEFAULTS,
    'retention.bytes': String(defaultRetentionBytes),
    ...given,
  }
  for (const [name, value] of Object.entries(all)) {
    const choices = CHOICES[name]
    if (choices !== undefined && !choices.includes(value)) return 'INVALID_CONFIG'
    if (choices === undefined && !(name in DEFAULTS) && !ACCEPTED.has(name)) return 'INVALID_CONFIG'
    if (choices === undefined && name in DEFAULTS && !/^(-1|\d{1,15})$/.test(value))
      return 'INVALID_CONFIG'
  }
  const number = (name: string): number => Number(all[name])
  const bound = (name: string): number | null => (number(name) < 0 ? null : number(name))
  const policies = (all['cleanup.policy'] ?? '').split(',')
  return {
    compact: policies.includes('compact'),
    delete: policies.includes('delete'),
    deleteRetentionMs: number('delete.retention.ms'),
    maxMessageBytes: number('max.message.bytes'),
    appendTime: all['message.timestamp.type'] === 'LogAppendTime',
    maxAheadMs: number('message.timestamp.after.max.ms'),
    retentionMs: bound('retention.ms'),
    retentionBytes: bound('retention.bytes'),
    all,
  }
}
