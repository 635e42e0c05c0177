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

/** How far a topic is spread. */
export interface Spread {
  /** The fewest of any of its partitions. */
  readonly replicas: number
  /** Of the cluster. */
  readonly brokers: number
}

/** `spread` is null where it is not known. */
export function topicFindings(
  setup: TopicSetup,
  found: TopicDescription | null,
  spread: Spread | null = null,
): readonly TopicFinding[] {
  const { topic } = setup
  if (found === null) {
    const why = 'whoever writes it is refused'
    return [{ topic, severity: 'missing', field: null, found: null, expected: null, why }]
  }
  return [
    ...partitionFindings(setup, found),
    ...[...RULES, sizeRule(setup)].flatMap((rule) => ruleFinding(rule, setup, found)),
    ...(spread === null ? [] : spreadFindings(found, spread)),
    ...safetyFindings(found),
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

const MIN_IN_SYNC = 'min.insync.replicas'
const WANTED_REPLICAS = 3

function spreadFindings(
  { topic, config }: TopicDescription,
  { replicas, brokers }: Spread,
): readonly TopicFinding[] {
  const inSync = Number(config[MIN_IN_SYNC] ?? 1)
  if (inSync > replicas) {
    const what = { field: MIN_IN_SYNC, found: String(inSync), expected: `at most ${replicas}` }
    return [{ topic, severity: 'differs', ...what, why: 'nothing can be written at all' }]
  }
  const wanted = Math.min(WANTED_REPLICAS, brokers)
  if (replicas < wanted) {
    const what = { field: 'replicas', found: String(replicas), expected: String(wanted) }
    const why = 'with a broker lost, records are lost or refused'
    return [{ topic, severity: 'advice', ...what, why }]
  }
  if (replicas < WANTED_REPLICAS || inSync >= 2) return []
  const what = { field: MIN_IN_SYNC, found: String(inSync), expected: '2' }
  return [{ topic, severity: 'advice', ...what, why: 'what one broker acknowledged may be lost' }]
}

function safetyFindings({ topic, config }: TopicDescription): readonly TopicFinding[] {
  const findings: TopicFinding[] = []
  const advise = (field: string, expected: string, why: string): void => {
    const found = config[field] ?? null
    findings.push({ topic, severity: 'advice', field, found, expected, why })
  }
  const unclean = 'unclean.leader.election.enable'
  if (config[unclean] === 'true') advise(unclean, 'false', 'acknowledged records may vanish')
  const bytes = config['retention.bytes'] ?? '-1'
  if (bytes !== '-1' && (config['cleanup.policy'] ?? '').includes('delete'))
    advise('retention.bytes', '-1', 'size may delete records before their time')
  return findings
}
