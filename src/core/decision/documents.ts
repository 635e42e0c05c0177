// The documents in force: one version per kind and name, taken from records of hs.policies. A
// record that is older, repeated or wrong changes nothing; a wrong one is told about.
import { DETECTOR_DEFAULTS, GUARD_DEFAULTS } from '../../contracts/limits.ts'
import type { DetectorLimits, GuardLimits } from '../../contracts/limits.ts'
import { type HealPolicy, parsePolicy, type PolicyDocument } from '../../contracts/policy.ts'
import { selects } from '../../contracts/policy.ts'
import type { PolicyRecord, PolicyRef } from '../../contracts/records.ts'
import { encodeUtf8, utf8Size } from '../../contracts/utf8.ts'
import { hex } from '../kernel/canonical.ts'
import { sortedKeys } from '../kernel/order.ts'
import { compileTrigger } from './expression.ts'
import type { Trigger } from './trigger.ts'

/** A larger document does not come into force. */
export const DOCUMENT_BYTES_MAX = 262_144

/** A heal policy ready to be asked. */
export interface ReadyPolicy {
  readonly policy: HealPolicy
  readonly ref: PolicyRef
  readonly trigger: Trigger
}

interface Held {
  readonly version: number
  readonly sha256: string
  /** null: taken out of force; the version stays, so that an older record does not come back. */
  readonly document: PolicyDocument | null
  readonly ready: ReadyPolicy | null
}

export interface Documents {
  /** By kind and name. */
  readonly held: Map<string, Held>
  /** Resolved limits by service, emptied with every change. */
  readonly detectors: Map<string, DetectorLimits>
  readonly guards: Map<string, GuardLimits>
  /** Heal policies in force, in order of name; null = to be made anew. */
  policies: readonly ReadyPolicy[] | null
}

export function newDocuments(): Documents {
  return { held: new Map(), detectors: new Map(), guards: new Map(), policies: null }
}

const KINDS: readonly string[] = ['HealPolicy', 'DetectorSet', 'GuardSet']

/** What a record did: nothing (old, or of another kind), changed something, or was refused. */
export type DocumentChange =
  | { readonly done: 'ignored' }
  | { readonly done: 'changed' }
  | { readonly done: 'refused'; readonly problem: string; readonly inForce: number | null }

export function applyDocument(
  documents: Documents,
  record: PolicyRecord,
  sha256: (bytes: Uint8Array) => Uint8Array,
): DocumentChange {
  if (!KINDS.includes(record.kind)) return { done: 'ignored' }
  const key = `${record.kind}/${record.name}`
  const before = documents.held.get(key)
  if (before !== undefined && record.version <= before.version) return { done: 'ignored' }
  const taken = take(record, sha256)
  if (typeof taken === 'string') {
    const inForce = before?.document === undefined ? null : before.version
    return { done: 'refused', problem: taken, inForce }
  }
  documents.held.set(key, taken)
  documents.detectors.clear()
  documents.guards.clear()
  documents.policies = null
  return { done: 'changed' }
}

/** The document of a record, or why it cannot come into force. */
function take(record: PolicyRecord, sha256: (bytes: Uint8Array) => Uint8Array): Held | string {
  const { version, name, kind } = record
  if (!Number.isSafeInteger(version) || version < 1)
    return `version ${version} is not a count from 1`
  if (record.deleted) return { version, sha256: '', document: null, ready: null }
  const size = utf8Size(record.document)
  if (size > DOCUMENT_BYTES_MAX) return `${size} bytes, at most ${DOCUMENT_BYTES_MAX} are allowed`
  const digest = hex(sha256(encodeUtf8(record.document)))
  if (digest !== record.sha256) return `its SHA-256 is ${digest}, the record says ${record.sha256}`
  let value: unknown
  try {
    value = JSON.parse(record.document)
  } catch {
    return 'it is not JSON'
  }
  const parsed = parsePolicy(value, name)
  if (!parsed.ok) {
    const [first] = parsed.problems
    const field = [...(first?.path ?? []), ...(first?.key === null ? [] : [first?.key])].join('.')
    return `${field}: found ${first?.found}, expected ${first?.expected}`
  }
  const { document } = parsed
  if (document.kind !== kind || document.name !== name) {
    return `it is ${document.kind} "${document.name}", the record says ${kind} "${name}"`
  }
  const held = { version, sha256: digest, document }
  if (document.kind !== 'HealPolicy') return { ...held, ready: null }
  const compiled = compileTrigger(document.trigger)
  if (!compiled.ok) return `spec.trigger: ${compiled.problem.message}`
  const ref: PolicyRef = { name, version, sha256: digest }
  return { ...held, ready: { policy: document, ref, trigger: compiled.trigger } }
}

/** Heal policies in force, in order of name. */
export function policiesInForce(documents: Documents): readonly ReadyPolicy[] {
  documents.policies ??= sortedKeys(documents.held).flatMap((key) => {
    const ready = documents.held.get(key)?.ready ?? null
    return ready === null ? [] : [ready]
  })
  return documents.policies
}

/**
 * Limits of a service: the defaults, then every set for all services (`*`), then every set that
 * names it, each group in order of name; the later one wins.
 */
function resolve<L extends object>(
  documents: Documents,
  kind: 'DetectorSet' | 'GuardSet',
  { service, defaults }: { service: string; defaults: L },
): L {
  const sets = sortedKeys(documents.held).flatMap((key) => {
    const document = documents.held.get(key)?.document ?? null
    return document?.kind === kind && selects(document.services, service) ? [document] : []
  })
  const named = sets.filter(({ services }) => services.includes(service))
  const general = sets.filter(({ services }) => !services.includes(service))
  const limits = { ...defaults }
  for (const set of [...general, ...named]) Object.assign(limits, set.limits)
  return limits
}

export function detectorLimitsOf(documents: Documents, service: string): DetectorLimits {
  const held = documents.detectors.get(service)
  if (held !== undefined) return held
  const limits = resolve(documents, 'DetectorSet', { service, defaults: DETECTOR_DEFAULTS })
  documents.detectors.set(service, limits)
  return limits
}

export function guardLimitsOf(documents: Documents, service: string): GuardLimits {
  const held = documents.guards.get(service)
  if (held !== undefined) return held
  const limits = resolve(documents, 'GuardSet', { service, defaults: GUARD_DEFAULTS })
  documents.guards.set(service, limits)
  return limits
}

/** Versions and hashes; everything else follows from them. */
export function describeDocuments(documents: Documents): unknown {
  return sortedKeys(documents.held).map((key) => {
    const held = documents.held.get(key)
    return [key, held?.version ?? 0, held?.sha256 ?? '', held?.document !== null]
  })
}
