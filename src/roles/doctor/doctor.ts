// `healstream doctor`: one check after the other, from what everything rests on to what rests on
// it. Nothing is changed; a check that cannot be made is a finding too.
import { createInspector, type Inspector } from '../../adapters/kafka/inspect.ts'
import { createKafkaLog } from '../../adapters/kafka/kafka-log.ts'
import { addressText, type KafkaOptions } from '../../adapters/kafka/options.ts'
import type { RegistryAccess } from '../../adapters/serde/registry-http.ts'
import type { Role } from '../../config/access.ts'
import { DEFAULT_PARTITIONS, TOPICS, topicName } from '../../contracts/topics.ts'
import { topicSetups } from '../../runtime/init.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { LogAdmin } from '../../runtime/ports.ts'
import { topicFindings } from '../../runtime/topic-check.ts'
import { checkAccess, missingAccess, principalOf } from './access.ts'
import {
  type Answered,
  checkBootstrap,
  checkListeners,
  checkSize,
  checkVersions,
  isAnswered,
} from './brokers.ts'
import { checkClock } from './clock.ts'
import { fail, type Finding } from './finding.ts'
import { checkNode } from './node.ts'
import { reach } from './reach.ts'
import { checkRegistry } from './registry.ts'
import { BROKER_SETTINGS, checkBrokerConfig } from './settings.ts'
import { checkSettings, checkTopics } from './topics.ts'

export interface DoctorOptions {
  readonly kafka: KafkaOptions
  readonly prefix: string
  readonly group: string
  /** null: what a role may do is not asked. */
  readonly role: Role | null
  /** null: none is named, so none is asked. */
  readonly registry: RegistryAccess | null
  readonly nodeVersion: string
}

export interface Report {
  readonly findings: readonly Finding[]
  /** Some broker answered. */
  readonly isReached: boolean
}

/** What is asked with, and of whom. */
interface Visit {
  readonly options: DoctorOptions
  readonly inspector: Inspector
  readonly admin: LogAdmin
  readonly bootstrap: Answered
}

/** Errors: HS_CONFIG for an address that is none. */
export async function examine(options: DoctorOptions): Promise<Report> {
  const inspector = createInspector(options.kafka)
  try {
    const reached = await Promise.all(
      options.kafka.brokers.map((address) => reach(inspector, address)),
    )
    const findings = [checkNode(options.nodeVersion), ...checkBootstrap(reached)]
    const bootstrap = reached.find(isAnswered)
    if (bootstrap === undefined) return { findings, isReached: false }
    const listeners = await examineListeners(inspector, bootstrap)
    findings.push(...listeners.findings)
    if (listeners.isUsable) findings.push(...(await examineLog(options, inspector, bootstrap)))
    return { findings, isReached: true }
  } finally {
    inspector.close()
  }
}

async function examineListeners(
  inspector: Inspector,
  bootstrap: Answered,
): Promise<{ readonly findings: readonly Finding[]; readonly isUsable: boolean }> {
  const advertised = await Promise.all(
    bootstrap.answer.brokers.map(async (broker) => {
      const address = addressText(broker)
      const isKnown = address === bootstrap.address
      return { node: broker.node, reached: isKnown ? bootstrap : await reach(inspector, address) }
    }),
  )
  const answered = advertised.map(({ reached }) => reached).filter(isAnswered)
  return {
    findings: [
      checkSize(bootstrap.answer),
      ...checkListeners(bootstrap, advertised),
      ...answered.map(({ address, answer }) => checkVersions(address, answer)),
    ],
    isUsable: answered.length === advertised.length,
  }
}

/** What can be asked only where every broker is reached. */
async function examineLog(
  options: DoctorOptions,
  inspector: Inspector,
  bootstrap: Answered,
): Promise<readonly Finding[]> {
  const log = createKafkaLog(options.kafka)
  try {
    const visit: Visit = { options, inspector, admin: log.admin(), bootstrap }
    const findings: Finding[] = []
    for (const [check, make] of CHECKS) findings.push(...(await attempt(check, () => make(visit))))
    return findings
  } finally {
    await log.close()
  }
}

const CHECKS: readonly (readonly [string, (visit: Visit) => Promise<readonly Finding[]>])[] = [
  ['topics', examineTopics],
  ['access', examineAccess],
  ['settings', examineSettings],
  ['registry', examineRegistry],
  ['clock', examineClock],
]

/** A question that got no answer is a finding of its own. */
async function attempt(
  check: string,
  make: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await make()
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    const fix = 'Look at the brokers, whether they run well, and run doctor again.'
    return [fail(check, `could not be asked: ${error.message}`, fix)]
  }
}

async function examineTopics({ options, inspector, admin }: Visit): Promise<readonly Finding[]> {
  const cluster = await inspector.access(TOPICS.map(({ kind }) => topicName(kind, options.prefix)))
  const readable = cluster.topics.filter(
    ({ error, operations }) => error === 'NONE' && operations.includes('DescribeConfigs'),
  )
  const described = await admin.describeTopics(readable.map(({ name }) => name))
  const partitions = cluster.topics.find(
    ({ name }) => name === topicName('journal', options.prefix),
  )?.partitions.length
  const setups = topicSetups(options.prefix, partitions ?? DEFAULT_PARTITIONS)
  const found = readable.flatMap(({ name, partitions: own }, i) => {
    const setup = setups.find(({ topic }) => topic === name)
    const replicas = Math.min(...own.map((one) => one.replicas.length))
    const spread = { replicas, brokers: cluster.brokers.length }
    return setup === undefined ? [] : topicFindings(setup, described[i] ?? null, spread)
  })
  return [...checkTopics(cluster), ...checkSettings(found)]
}

async function examineRegistry({ options }: Visit): Promise<readonly Finding[]> {
  return options.registry === null ? [] : await checkRegistry(options.registry, options.prefix)
}

async function examineAccess({ options, inspector }: Visit): Promise<readonly Finding[]> {
  const { role, prefix, group } = options
  if (role === null) return []
  const names = { role, prefix, group, principal: principalOf(options.kafka) }
  return [checkAccess(await missingAccess(inspector, names), names)]
}

async function examineSettings({ inspector, bootstrap }: Visit): Promise<readonly Finding[]> {
  const { brokers } = bootstrap.answer
  const findings: Finding[] = []
  for (const { node } of brokers) {
    const config = await inspector.brokerConfig(node, BROKER_SETTINGS)
    findings.push(...checkBrokerConfig(node, config, brokers.length))
  }
  return findings
}

async function examineClock({ options, inspector, admin }: Visit): Promise<readonly Finding[]> {
  const { topics } = await inspector.access([topicName('signals', options.prefix)])
  const places = topics.flatMap(({ name, error, partitions }) =>
    error === 'NONE' ? partitions.map(({ partition }) => ({ topic: name, partition })) : [],
  )
  const { clock } = options.kafka
  return [await checkClock({ inspector, admin, clock, places })]
}
