// What each role has to be allowed to do on the brokers: one table, printed by `healstream acls`
// for Kafka's kafka-acls, checked by `healstream doctor` and at the start of a role. Reading or
// writing a topic implies that it may be described; DescribeConfigs goes with both, because who
// writes must know how large a batch may be, and who reads whether offsets may be missing.
import { INPUT_TOPICS, TOPICS, type TopicKind, topicName } from '../contracts/topics.ts'

export const ROLES = ['worker', 'agent', 'projector', 'notifier', 'operator'] as const
export type Role = (typeof ROLES)[number]

/** Kafka's names of operations on resources. */
export type Operation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs'

export interface Access {
  readonly resource: 'topic' | 'group' | 'transactional-id' | 'cluster'
  /** `prefixed`: everything that begins with the name. */
  readonly pattern: 'literal' | 'prefixed'
  readonly name: string
  readonly operations: readonly Operation[]
}

export interface AccessNames {
  readonly prefix: string
  /** Consumer group of the workers. */
  readonly group: string
}

/** Kafka's own name of the cluster as a resource. */
const CLUSTER = 'kafka-cluster'

interface Needs {
  readonly reads: readonly TopicKind[]
  readonly writes: readonly TopicKind[]
  readonly more: (names: AccessNames) => readonly Access[]
}

/** Journals and snapshots: what a task's state is made of. */
const STATE_TOPICS: readonly TopicKind[] = [
  'journal',
  'snapshots',
  'checkpoints',
  'fleet-journal',
  'fleet-snapshots',
  'fleet-checkpoints',
]
const OUTPUT_TOPICS: readonly TopicKind[] = [
  'commands',
  'incidents',
  'health',
  'registry',
  'observations',
  'fleet',
  'alerts',
  'dlq',
]

const NEEDS: Readonly<Record<Role, Needs>> = {
  worker: {
    reads: [...INPUT_TOPICS, 'observations', ...STATE_TOPICS],
    writes: [...STATE_TOPICS, ...OUTPUT_TOPICS],
    more: ({ prefix, group }) => [
      { resource: 'group', pattern: 'literal', name: group, operations: ['Read'] },
      transactions(prefix),
    ],
  },
  agent: {
    reads: ['commands', 'registry', 'journal'],
    writes: ['telemetry', 'signals', 'results', 'service-events'],
    more: () => [],
  },
  projector: {
    reads: TOPICS.map(({ kind }) => kind),
    writes: ['policies'],
    more: () => [],
  },
  notifier: {
    reads: ['journal', 'alerts', 'incidents'],
    writes: [],
    // Its members' group, and those that keep how far each sink has got.
    more: ({ group }) => {
      const name = `${group}-notifier`
      return [{ resource: 'group', pattern: 'prefixed', name, operations: ['Read'] }]
    },
  },
  operator: {
    reads: [],
    writes: ['policies', 'operator', 'journal', 'fleet-journal'],
    more: ({ prefix, group }) => [
      { resource: 'group', pattern: 'literal', name: group, operations: ['Describe'] },
      {
        resource: 'topic',
        pattern: 'prefixed',
        name: prefix,
        operations: ['Read', 'Create', 'Describe', 'DescribeConfigs'],
      },
      transactions(prefix),
      {
        resource: 'cluster',
        pattern: 'literal',
        name: CLUSTER,
        operations: ['Describe', 'DescribeConfigs'],
      },
    ],
  },
}

/** Transactional ids of tasks begin with the prefix of the topics. */
function transactions(prefix: string): Access {
  return { resource: 'transactional-id', pattern: 'prefixed', name: prefix, operations: ['Write'] }
}

/** What a role needs, topics in the order of their table. */
export function accessOf(role: Role, names: AccessNames): readonly Access[] {
  const { reads, writes, more } = NEEDS[role]
  const topics = TOPICS.flatMap(({ kind }): Access[] => {
    const operations: readonly Operation[] = [
      ...(reads.includes(kind) ? (['Read'] as const) : []),
      ...(writes.includes(kind) ? (['Write'] as const) : []),
    ]
    if (operations.length === 0) return []
    const name = topicName(kind, names.prefix)
    const all = [...operations, 'DescribeConfigs' as const]
    return [{ resource: 'topic', pattern: 'literal', name, operations: all }]
  })
  return [...topics, ...more(names)]
}

/**
 * Arguments of kafka-acls that allow it, one line for all resources with the same operations; what
 * comes before (`--bootstrap-server`, `--command-config`) is the reader's.
 */
export function aclCommands(access: readonly Access[], principal: string): readonly string[][] {
  const lines = new Map<string, { readonly head: readonly string[]; readonly named: string[] }>()
  for (const { resource, pattern, name, operations } of access) {
    const key = `${resource} ${pattern} ${operations.join(' ')}`
    const head = ['--add', '--allow-principal', principal]
      .concat(operations.flatMap((operation) => ['--operation', operation]))
      .concat(pattern === 'prefixed' ? ['--resource-pattern-type', 'prefixed'] : [])
    const line = lines.get(key) ?? { head, named: [] }
    line.named.push(...(resource === 'cluster' ? ['--cluster'] : [`--${resource}`, name]))
    lines.set(key, line)
  }
  return [...lines.values()].map(({ head, named }) => [...head, ...named])
}
