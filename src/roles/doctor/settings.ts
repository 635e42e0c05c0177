// Settings of the brokers that an operator has to think of, with what happens otherwise.
import type { BrokerConfig } from '../../adapters/kafka/inspect.ts'
import { type Finding, ok, warn } from './finding.ts'

interface Rule {
  readonly name: string
  /** Brokers that the rule is about: from this number on. */
  readonly fromBrokers: number
  readonly isGood: (value: string) => boolean
  readonly wanted: string
  readonly because: string
}

const atMost = (limit: number) => (value: string) => Number(value) <= limit
const atLeast = (limit: number) => (value: string) => Number(value) >= limit
const is = (wanted: string) => (value: string) => value === wanted

const DAY_MS = 86_400_000
/** As the worker asks for (runtime/host.ts). */
const SESSION_TIMEOUT_MS = 6_000
const TRANSACTION_TIMEOUT_MS = 5_000

const RULES: readonly Rule[] = [
  {
    name: 'group.min.session.timeout.ms',
    fromBrokers: 1,
    isGood: atMost(SESSION_TIMEOUT_MS),
    wanted: `at most ${SESSION_TIMEOUT_MS}`,
    because: 'a worker is not let into its group with a session shorter than that',
  },
  {
    name: 'group.max.session.timeout.ms',
    fromBrokers: 1,
    isGood: atLeast(SESSION_TIMEOUT_MS),
    wanted: `at least ${SESSION_TIMEOUT_MS}`,
    because: 'a worker is not let into its group with a session longer than that',
  },
  {
    name: 'transaction.max.timeout.ms',
    fromBrokers: 1,
    isGood: atLeast(TRANSACTION_TIMEOUT_MS),
    wanted: `at least ${TRANSACTION_TIMEOUT_MS}`,
    because: 'transactions of that length are refused',
  },
  {
    name: 'transaction.abort.timed.out.transaction.cleanup.interval.ms',
    fromBrokers: 1,
    isGood: atMost(10_000),
    wanted: 'at most 10000',
    because: 'what a dead worker left open holds readers back for this long on top of 5 s',
  },
  {
    name: 'transactional.id.expiration.ms',
    fromBrokers: 1,
    isGood: atLeast(DAY_MS),
    wanted: `at least ${DAY_MS}`,
    because: 'an idle task writes once an hour at the least and loses its producer id else',
  },
  {
    name: 'auto.create.topics.enable',
    fromBrokers: 1,
    isGood: is('false'),
    wanted: 'false',
    because: 'a mistyped or early client makes a topic with settings that are not ours',
  },
  {
    name: 'unclean.leader.election.enable',
    fromBrokers: 2,
    isGood: is('false'),
    wanted: 'false',
    because: 'acknowledged records may vanish, and every task that used them stops',
  },
  {
    name: 'transaction.state.log.replication.factor',
    fromBrokers: 3,
    isGood: atLeast(3),
    wanted: '3',
    because: 'with one broker gone no transaction can be committed',
  },
  {
    name: 'transaction.state.log.min.isr',
    fromBrokers: 3,
    isGood: atLeast(2),
    wanted: '2',
    because: 'a commit that was answered may be forgotten',
  },
  {
    name: 'offsets.topic.replication.factor',
    fromBrokers: 3,
    isGood: atLeast(3),
    wanted: '3',
    because: 'with one broker gone groups have no coordinator',
  },
]

export const BROKER_SETTINGS: readonly string[] = RULES.map(({ name }) => name)

/** Of one broker. */
export function checkBrokerConfig(
  node: number,
  config: BrokerConfig,
  brokerCount: number,
): readonly Finding[] {
  if (config === 'refused') {
    const found = `settings of broker ${node} may not be read by this client`
    const fix =
      'Run doctor with an account that may DescribeConfigs on the cluster (role operator), or ' +
      'compare by hand what docs/kafka.md says brokers have to be set to.'
    return [warn('settings', found, fix)]
  }
  const wrong = RULES.filter(({ name, fromBrokers, isGood }) => {
    const value = config[name]
    return brokerCount >= fromBrokers && value !== undefined && !isGood(value)
  })
  if (wrong.length === 0) return [ok('settings', `broker ${node} is set as it has to be`)]
  return wrong.map(({ name, wanted, because }) =>
    warn(
      'settings',
      `broker ${node} has ${name}=${config[name]}: ${because}`,
      `Set ${name} to ${wanted} in its server.properties.`,
    ),
  )
}
