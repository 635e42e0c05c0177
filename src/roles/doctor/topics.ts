// The topics of a cluster as they are: there, led, replicated; and their settings, judged by the
// rules of `healstream topics check`.
import type { ClusterAccess, TopicAccess } from '../../adapters/kafka/requests/inspection.ts'
import type { TopicFinding } from '../../runtime/topic-check.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Topics that are not there, or that have partitions without a leader or with replicas behind. */
export function checkTopics({ topics }: ClusterAccess): readonly Finding[] {
  const missing = topics.filter(({ error }) => error === 'UNKNOWN_TOPIC_OR_PARTITION')
  const there = topics.filter(({ error }) => error === 'NONE')
  const findings: Finding[] = []
  if (missing.length > 0) {
    const found = `missing: ${missing.map(({ name }) => name).join(', ')}`
    findings.push(fail('topics', found, 'Run `healstream init` once for this cluster.'))
  }
  findings.push(...namesOf(there, isLeaderless).map(leaderless))
  findings.push(...namesOf(there, isBehind).map(behind))
  if (findings.length > 0) return findings
  return there.length === 0
    ? []
    : [ok('topics', `all ${there.length} topics are there, with every replica in sync`)]
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

/** What every topic is set to: the findings of `topics check`, those that are alike in one. */
export function checkSettings(findings: readonly TopicFinding[]): readonly Finding[] {
  const alike = new Map<string, TopicFinding[]>()
  for (const finding of findings) {
    const { field, found, expected } = finding
    const key = JSON.stringify([field, found, expected])
    alike.set(key, [...(alike.get(key) ?? []), finding])
  }
  return [...alike.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined || first.severity === 'missing') return []
    const { field, found, expected, why, severity } = first
    const names = group.map(({ topic }) => topic).join(', ')
    const what = `${field} is ${found ?? 'not set'}, not ${expected}: ${why} (${names})`
    const fix =
      field === 'partitions'
        ? 'The number of partitions is fixed at creation: restore it, or use another prefix.'
        : `Set ${field} of these topics to ${expected} (kafka-configs --alter).`
    return [severity === 'differs' ? fail('topics', what, fix) : warn('topics', what, fix)]
  })
}
