// Topics as they are against what they have to be (DESIGN.md section 4). A difference lets records
// be lost, refused or misread; advice is about surviving the loss of a broker. Settings of brokers
// are no business of this.
import type { TopicDescription, TopicSetup } from './ports.ts'

export interface TopicFinding {
  readonly topic: string
  readonly severity: 'missing' | 'differs' | 'advice'
  /** Kafka's name of the setting; `partitions`, `replicas`; null for a topic that is not there. */
  readonly field: string | null
  readonly found: string | null
  readonly expected: string | null
  /** What comes of it, one sentence. */
  readonly why: string
}

interface Rule {
  readonly field: string
  readonly why: string
  /** Default: the very same. */
  readonly fits?: (found: string, expected: string) => boolean
}

const atLeast = (found: string, expected: string): boolean => Number(found) >= Number(expected)

/** -1 is for ever. */
const keepsAsLong = (found: string, expected: string): boolean =>
  found === '-1' || (expected !== '-1' && Number(found) >= Number(expected))

const RULES: readonly Rule[] = [
  {
    field: 'cleanup.policy',
    why: 'compaction would take away what a replay needs, deletion what a view is made of',
  },
  {
    field: 'retention.ms',
    fits: keepsAsLong,
    why: 'records would be deleted that a replay still needs',
  },
  {
    field: 'message.timestamp.type',
    why: 'all time is the time at which the log took a record',
  },
  {
    field: 'compression.type',
    why: 'what agents write has to be measured by its real size',
  },
]

/** Sizes of batches: exact where agents write, so that nobody can send more than is looked for. */
function sizeRule({ config }: TopicSetup): Rule {
  const field = 'max.message.bytes'
  if (config['compression.type'] !== undefined)
    return { field, why: 'agents write here: batches are bounded on purpose' }
  return { field, fits: atLeast, why: 'a commit of a task would be refused as too large' }
}

/** `replicas`: the fewest of any of its partitions; null where that is not known. */
export function topicFindings(
  setup: TopicSetup,
  found: TopicDescription | null,
  replicas: number | null = null,
): readonly TopicFinding[] {
  const { topic } = setup
  if (found === null) {
    const why = 'whoever writes it is refused'
    return [{ topic, severity: 'missing', field: null, found: null, expected: null, why }]
  }
  return [
    ...partitionFindings(setup, found),
    ...[...RULES, sizeRule(setup)].flatMap((rule) => ruleFinding(rule, setup, found)),
    ...safetyFindings(found, replicas),
  ]
}

function partitionFindings(setup: TopicSetup, { partitions }: TopicDescription): TopicFinding[] {
  if (partitions === setup.partitions) return []
  return [
    {
      topic: setup.topic,
      severity: 'differs',
      field: 'partitions',
      found: String(partitions),
      expected: String(setup.partitions),
      why: 'the records of a service would lie in different partitions of different topics',
    },
  ]
}

function ruleFinding(rule: Rule, setup: TopicSetup, found: TopicDescription): TopicFinding[] {
  const expected = setup.config[rule.field]
  if (expected === undefined) return []
  const is = found.config[rule.field] ?? null
  const fits = rule.fits ?? ((a: string, b: string) => a === b)
  if (is !== null && fits(is, expected)) return []
  const { field, why } = rule
  return [{ topic: setup.topic, severity: 'differs', field, found: is, expected, why }]
}

function safetyFindings(
  { topic, config }: TopicDescription,
  replicas: number | null,
): TopicFinding[] {
  const inSync = Number(config['min.insync.replicas'] ?? 1)
  const findings: TopicFinding[] = []
  const advise = (field: string, is: string, expected: string, why: string): void => {
    findings.push({ topic, severity: 'advice', field, found: is, expected, why })
  }
  if (replicas !== null) {
    const minInSync = 'min.insync.replicas'
    if (inSync > replicas) {
      const why = 'nothing can be written at all'
      const expected = `at most ${replicas}`
      const is = String(inSync)
      findings.push({ topic, severity: 'differs', field: minInSync, found: is, expected, why })
    } else if (replicas < 3)
      advise('replicas', String(replicas), '3', 'with a broker lost, records are lost or refused')
    else if (inSync < 2)
      advise(minInSync, String(inSync), '2', 'what one broker alone acknowledged may be lost')
  }
  if (config['unclean.leader.election.enable'] === 'true')
    advise('unclean.leader.election.enable', 'true', 'false', 'acknowledged records may vanish')
  const bytes = config['retention.bytes'] ?? '-1'
  if (bytes !== '-1' && (config['cleanup.policy'] ?? '').includes('delete'))
    advise('retention.bytes', bytes, '-1', 'size may delete records before their time')
  return findings
}
