// What a role may do, asked of the brokers themselves (authorised operations of topics and of the
// cluster; requests that do nothing for groups and transactional ids), against the table of what it
// needs. The same question is asked at the start of a role, which refuses with the missing names.
import { createInspector, type GroupView, type Inspector } from '../../adapters/kafka/inspect.ts'
import type { KafkaOptions } from '../../adapters/kafka/options.ts'
import type { ClusterAccess } from '../../adapters/kafka/requests/inspection.ts'
import { type Access, accessOf, aclCommands, type Role } from '../../config/access.ts'
import { HsError } from '../../contracts/failure.ts'
import { TOPICS, topicName } from '../../contracts/topics.ts'
import { serviceTaskId, transactionalIdOf } from '../../runtime/journal.ts'
import { type Finding, fail, ok } from './finding.ts'

export interface RoleNames {
  readonly role: Role
  readonly prefix: string
  readonly group: string
  /** `User:NAME`, as the brokers know this client. */
  readonly principal: string
}

/** As the brokers call this client, where that can be told from its options. */
export function principalOf({ tls, sasl }: KafkaOptions): string {
  if (sasl !== undefined && sasl.mechanism !== 'OAUTHBEARER') return `User:${sasl.username}`
  return sasl === undefined && tls?.certFile === undefined ? 'User:ANONYMOUS' : 'User:NAME'
}

/** What is needed and not allowed. Errors: LogError. */
export async function missingAccess(
  inspector: Inspector,
  names: RoleNames,
): Promise<readonly Access[]> {
  const topics = TOPICS.map(({ kind }) => topicName(kind, names.prefix))
  const cluster = await inspector.access(topics)
  const missing: Access[] = []
  for (const need of accessOf(names.role, names)) {
    const operations = await refused(inspector, need, cluster)
    if (operations.length > 0) missing.push({ ...need, operations })
  }
  return missing
}

/** A group that may be described, though it may have nobody. */
function isKnown(group: GroupView | null): boolean {
  return group !== null
}

async function refused(
  inspector: Inspector,
  need: Access,
  cluster: ClusterAccess,
): Promise<Access['operations']> {
  const { resource, name, operations } = need
  if (resource === 'group') {
    const isMember = operations.includes('Read')
    const may = isMember ? inspector.mayJoin(name) : inspector.group(name).then(isKnown)
    return (await may) ? [] : operations
  }
  if (resource === 'transactional-id') {
    const id = transactionalIdOf(name, serviceTaskId(0))
    return (await inspector.mayTransact(id)) ? [] : operations
  }
  if (resource === 'cluster')
    return operations.filter((operation) => !cluster.operations.includes(operation))
  const topics = cluster.topics.filter((topic) =>
    need.pattern === 'prefixed' ? topic.name.startsWith(name) : topic.name === name,
  )
  return operations.filter((operation) =>
    topics.some((topic) => !topic.operations.includes(operation)),
  )
}

/** Resources with the same operations in one phrase. */
function spoken(missing: readonly Access[]): string {
  const phrases = new Map<string, string[]>()
  for (const { resource, pattern, name, operations } of missing) {
    const key = `${operations.join(' and ')} on ${resource}`
    phrases.set(key, [...(phrases.get(key) ?? []), `${name}${pattern === 'prefixed' ? '*' : ''}`])
  }
  return [...phrases].map(([key, names]) => `${key} ${names.join(', ')}`).join('; ')
}

/** One finding for everything that is missing, with the command that allows it. */
export function checkAccess(missing: readonly Access[], names: RoleNames): Finding {
  const { role, principal } = names
  if (missing.length === 0) return ok('access', `role ${role} may do what it needs`)
  return fail('access', `role ${role} may not ${spoken(missing)}`, allowing(missing, principal))
}

function allowing(missing: readonly Access[], principal: string): string {
  const lines = aclCommands(missing, principal).map((words) => `kafka-acls ${words.join(' ')}`)
  return `Allow it: ${lines.join(' ; ')}`
}

/**
 * Before a role starts: refuses naming what it may not do, or the topics that are missing. Errors:
 * HS_NO_ACCESS, HS_NO_GENESIS for missing topics, HS_CONFIG; LogError.
 */
export async function requireAccess(
  kafka: KafkaOptions,
  names: Omit<RoleNames, 'principal'>,
): Promise<void> {
  const who = { ...names, principal: principalOf(kafka) }
  const inspector = createInspector(kafka)
  try {
    const missing = await missingAccess(inspector, who)
    const { found, fix } = checkAccess(missing, who)
    if (missing.length > 0) throw new HsError('HS_NO_ACCESS', found, { fix: fix ?? '' })
    const absent = await absentTopics(inspector, who)
    if (absent.length === 0) return
    const what = `role ${who.role} needs topics that are missing: ${absent.join(', ')}`
    throw new HsError('HS_NO_GENESIS', what)
  } finally {
    inspector.close()
  }
}

async function absentTopics(inspector: Inspector, names: RoleNames): Promise<readonly string[]> {
  const needed = accessOf(names.role, names).filter(
    ({ resource, pattern }) => resource === 'topic' && pattern === 'literal',
  )
  const { topics } = await inspector.access(needed.map(({ name }) => name))
  return topics
    .filter(({ error }) => error === 'UNKNOWN_TOPIC_OR_PARTITION')
    .map(({ name }) => name)
}
