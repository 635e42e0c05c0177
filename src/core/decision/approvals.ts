// Approvals and the two-person rule: words of people on hs.operator about an incident. Each attempt
// needs them anew; who wrote the policy that asks for the act is its proposer and does not count.
import { type IncidentId, policyName, type PolicyName } from '../../contracts/ids.ts'
import type { OperatorRecord } from '../../contracts/records.ts'
import type { Incident } from '../incident/incident.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

interface Approval {
  readonly actor: string
  readonly verdict: 'approve' | 'deny'
  /** Of the incident when it was said: for the command after so many. */
  readonly attempt: number
  readonly atMs: number
  /** null: as long as the guards say. */
  readonly expiresAtMs: number | null
}

export interface Approvals {
  /** By incident: the last word of each person, in the order of their first. */
  readonly words: Map<string, Map<string, Approval>>
  /** Who wrote the policy in force; not of those that came into force before this was kept. */
  readonly authors: Map<PolicyName, string>
}

export interface ApprovalState {
  readonly needed: number
  /** Who approves, as they wrote their names. */
  readonly by: readonly string[]
  readonly deniedBy: string | null
  /** Who does not count, or null. */
  readonly proposer: string | null
  /** Log time at which the first of these words runs out, or null. */
  readonly untilMs: number | null
}

/** Words kept of one incident. */
const WORDS_MAX = 16

export function newApprovals(): Approvals {
  return { words: new Map(), authors: new Map() }
}

/** One person is one person, however the name is written. */
function personOf(actor: string): string {
  return actor.trim().toLowerCase()
}

/** Takes in an approval; the sentence says what became of it. */
export function noteApproval(
  { words }: Approvals,
  record: OperatorRecord,
  { incidents, nowMs }: { incidents: Iterable<Incident>; nowMs: number },
): string {
  const { verdict, actor, expires_at_ms: expiresAtMs, refers_to: refersTo } = record
  if (verdict !== 'approve' && verdict !== 'deny') return 'it says neither approve nor deny'
  const incident = find(incidents, refersTo)
  if (incident === undefined) return 'it refers to no incident that is open here'
  const said = words.get(incident.id) ?? new Map<string, Approval>()
  const person = personOf(actor)
  if (person === '') return 'it does not say who speaks'
  if (said.size >= WORDS_MAX && !said.has(person)) return 'too many have spoken already'
  said.set(person, { actor, verdict, attempt: incident.attempt, atMs: nowMs, expiresAtMs })
  words.set(incident.id, said)
  return verdict === 'approve' ? 'counts for the next act' : 'stops acts of this incident'
}

/** By the id of the incident, or of the command that is under way for it. */
function find(incidents: Iterable<Incident>, refersTo: string | null): Incident | undefined {
  for (const incident of incidents) {
    if (incident.id === refersTo || incident.command?.id === refersTo) return incident
  }
  return undefined
}

/** What stands for the next command of an incident. */
export function approvalState(
  { words, authors }: Approvals,
  incident: Pick<Incident, 'id' | 'attempt'>,
  at: {
    readonly policy: PolicyName
    readonly needed: number
    readonly goodForMs: number
    readonly nowMs: number
  },
): ApprovalState {
  const { policy, needed, goodForMs, nowMs } = at
  const proposer = authors.get(policy) ?? null
  const by: string[] = []
  let deniedBy: string | null = null
  let untilMs: number | null = null
  for (const [person, word] of words.get(incident.id) ?? []) {
    const endMs = word.expiresAtMs ?? word.atMs + goodForMs
    if (endMs <= nowMs) continue
    if (word.verdict === 'deny') deniedBy ??= word.actor
    else if (word.attempt !== incident.attempt) continue
    else if (proposer !== null && person === personOf(proposer)) continue
    else by.push(word.actor)
    untilMs = Math.min(untilMs ?? endMs, endMs)
  }
  return { needed, by, deniedBy, proposer, untilMs }
}

/** Forgets what was said of incidents that are not open any more. */
export function keepApprovals({ words }: Approvals, incidents: Iterable<Incident>): void {
  if (words.size === 0) return
  const open = new Set<IncidentId>()
  for (const { id } of incidents) open.add(id)
  const isOpen: ReadonlySet<string> = open
  for (const id of words.keys()) if (!isOpen.has(id)) words.delete(id)
}

export function saveApprovals({ words, authors }: Approvals, to: ImageWriter): void {
  to.int(words.size)
  for (const [incident, said] of words) {
    to.text(incident).int(said.size)
    for (const [person, { actor, verdict, attempt, atMs, expiresAtMs }] of said) {
      to.text(person).text(actor).text(verdict)
      to.int(attempt).number(atMs).numberOrNull(expiresAtMs)
    }
  }
  to.int(authors.size)
  for (const [policy, author] of authors) to.text(policy).text(author)
}

const VERDICTS = { approve: true, deny: true } as const

export function loadApprovals(from: ImageReader): Approvals {
  const words = from.list((): [string, Map<string, Approval>] => [
    from.text(),
    new Map(from.list(() => [from.text(), loadApproval(from)])),
  ])
  const authors = from.list((): [PolicyName, string] => [policyName(from.text()), from.text()])
  return { words: new Map(words), authors: new Map(authors) }
}

function loadApproval(from: ImageReader): Approval {
  return {
    actor: from.text(),
    verdict: from.oneOf(VERDICTS),
    attempt: from.int(),
    atMs: from.number(),
    expiresAtMs: from.numberOrNull(),
  }
}
