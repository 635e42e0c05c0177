// The topics of a cluster as they are: there, led, replicated. What their settings have to be says
// `healstream topics check`, whose findings doctor shows among its own.
import type { ClusterAccess, TopicAccess } from '../../adapters/kafka/requests/inspection.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Topics that are not there, or that have partitions without a leader or with replicas behind. */
export function checkTopics({ topics, brokers }: ClusterAccess): readonly Finding[] {
  const missing = topics.filter(({ error }) => error === 'UNKNOWN_TOPIC_OR_PARTITION')
  const there = topics.filter(({ error }) => error === 'NONE')
  const findings: Finding[] = []
  if (missing.length > 0) {
    const found = `missing: ${missing.map(({ name }) => name).join(', ')}`
    findings.push(fail('topics', found, 'Run `healstream init` once for this cluster.'))
  }
  findings.push(...namesOf(there, isLeaderless).map(leaderless))
  findings.push(...namesOf(there, isBehind).map(behind))
  const wanted = Math.min(3, brokers.length)
  const thin = there.filter(({ partitions }) =>
    partitions.some(({ replicas }) => replicas.length < wanted),
  )
  if (thin.length > 0) {
    const found = `fewer than ${wanted} replicas: ${thin.map(({ name }) => name).join(', ')}`
    const todo = `Add replicas with kafka-reassign-partitions, ${wanted} for each partition.`
    findings.push(warn('topics', found, todo))
  }
  if (findings.length > 0) return findings
  return there.length === 0 ? [] : [ok('topics', `all ${there.length} topics have their replicas`)]
}

const isLeaderless = (topic: TopicAccess): boolean =>
  topic.partitions.some(({ leader }) => leader < 0)
const isBehind = (topic: TopicAccess): boolean =>
  topic.partitions.some(({ replicas, inSync }) => inSync.length < replicas.length)

/** One list of names, or nothing. */
function namesOf(
  topics: readonly TopicAccess[],
  test: (topic: TopicAccess) => boolean,
): readonly string[] {
  const names = topics.filter(test).map(({ name }) => name)
  return names.length === 0 ? [] : [names.join(', ')]
}

const leaderless = (names: string): Finding =>
  fail('topics', `partitions without a leader: ${names}`, 'Start the brokers that hold them.')
const behind = (names: string): Finding =>
  warn('topics', `replicas behind: ${names}`, 'Look whether a broker is down or slow.')

/** `min.insync.replicas` against the replicas there are, by topic. */
export function checkInSync(
  { topics }: ClusterAccess,
  minInSync: ReadonlyMap<string, number>,
): readonly Finding[] {
  const loose: string[] = []
  const stiff: string[] = []
  for (const { name, partitions } of topics) {
    const replicas = Math.min(...partitions.map((partition) => partition.replicas.length))
    const min = minInSync.get(name)
    if (min === undefined || partitions.length === 0 || replicas === 1) continue
    if (min >= replicas) stiff.push(name)
    else if (min < 2) loose.push(name)
  }
  const findings: Finding[] = []
  if (loose.length > 0) {
    const found = `min.insync.replicas is 1: ${loose.join(', ')}`
    const todo = 'Set it to 2: with 1, an answered record is gone with its only broker.'
    findings.push(warn('topics', found, todo))
  }
  if (stiff.length > 0) {
    const found = `min.insync.replicas is as large as the replicas: ${stiff.join(', ')}`
    const todo = 'Set it to one less: now nothing can be written while one broker is down.'
    findings.push(warn('topics', found, todo))
  }
  return findings
}
