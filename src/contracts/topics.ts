// The only place where topics are named. A kind is the name without the prefix; `hs.` is the
// default prefix.
import { HsError } from './failure.ts'

export type TopicKind =
  | 'telemetry'
  | 'signals'
  | 'results'
  | 'service-events'
  | 'remote'
  | 'policies'
  | 'operator'
  | 'fleet'
  | 'observations'
  | 'commands'
  | 'incidents'
  | 'health'
  | 'registry'
  | 'journal'
  | 'snapshots'
  | 'checkpoints'
  | 'fleet-journal'
  | 'fleet-snapshots'
  | 'fleet-checkpoints'
  | 'alerts'
  | 'dlq'

export interface TopicSpec {
  readonly kind: TopicKind
  /** What the key is: the service id, the instance id, a name, or nothing. */
  readonly key: 'service' | 'name' | 'task' | 'incident' | 'instance' | 'origin' | 'none'
  /** Co-partitioned topics all have P partitions; the fleet's own have one. */
  readonly partitions: 'P' | 1
  readonly cleanup: 'delete' | 'compact'
  /** null = kept for ever (or compacted). */
  readonly retentionMs: number | null
  readonly time: 'append' | 'create'
  /** Largest record batch in bytes. */
  readonly maxBytes: number
  /** Written by agents: uncompressed, small. */
  readonly edge: boolean
  /** Read by service tasks, in this order inside a step. */
  readonly input: boolean
}

const DAY_MS = 86_400_000
const topic = (
  kind: TopicKind,
  key: TopicSpec['key'],
  retentionDays: number | null,
  more: Partial<TopicSpec> = {},
): TopicSpec => ({
  kind,
  key,
  partitions: 'P',
  cleanup: 'delete',
  retentionMs: retentionDays === null ? null : retentionDays * DAY_MS,
  time: 'append',
  maxBytes: 1_048_576,
  edge: false,
  input: false,
  ...more,
})

const EDGE = { edge: true, input: true, maxBytes: 65_536 } as const

/** Every topic, inputs first and in the fixed order of a step's slices (DESIGN.md section 4). */
export const TOPICS: readonly TopicSpec[] = [
  topic('policies', 'name', null, { input: true }),
  topic('operator', 'name', null, { input: true }),
  topic('fleet', 'task', 7, { input: true }),
  topic('service-events', 'service', 30, EDGE),
  topic('remote', 'service', 30, { input: true }),
  topic('results', 'service', 30, EDGE),
  topic('signals', 'service', 7, EDGE),
  topic('telemetry', 'service', 7, EDGE),
  topic('observations', 'task', 7),
  topic('commands', 'service', 1),
  topic('incidents', 'incident', 365),
  topic('health', 'instance', null, { cleanup: 'compact' }),
  topic('registry', 'instance', null, { cleanup: 'compact' }),
  topic('journal', 'none', 7),
  topic('snapshots', 'none', 1),
  topic('checkpoints', 'none', 7),
  topic('fleet-journal', 'none', 7, { partitions: 1 }),
  topic('fleet-snapshots', 'none', 1, { partitions: 1 }),
  topic('fleet-checkpoints', 'none', 7, { partitions: 1 }),
  topic('alerts', 'service', 30),
  // The largest record of any input has to fit in with its place and the reason.
  topic('dlq', 'origin', 30, { maxBytes: 2_097_152 }),
]

/** Inputs of a service task in slice order. */
export const INPUT_TOPICS: readonly TopicKind[] = TOPICS.filter((t) => t.input).map((t) => t.kind)

export const DEFAULT_PREFIX = 'hs.'
export const DEFAULT_PARTITIONS = 12

export function topicName(kind: TopicKind, prefix: string = DEFAULT_PREFIX): string {
  return prefix + kind
}

/** The kind of a topic name, or null for a topic that is not ours. */
export function topicKind(name: string, prefix: string = DEFAULT_PREFIX): TopicKind | null {
  if (!name.startsWith(prefix)) return null
  const rest = name.slice(prefix.length)
  return TOPICS.find((t) => t.kind === rest)?.kind ?? null
}

export function topicSpec(kind: TopicKind): TopicSpec {
  const spec = TOPICS.find((t) => t.kind === kind)
  if (spec === undefined) throw new HsError('HS_INTERNAL', `no topic of kind ${kind}`)
  return spec
}
