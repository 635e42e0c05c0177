// Advice on documents that are right by themselves: what is probably not meant.
import { formatDuration } from '../contracts/duration.ts'
import { GUARD_DEFAULTS } from '../contracts/limits.ts'
import type { HealPolicy } from '../contracts/heal-policy.ts'
import type { PolicyDocument } from '../contracts/policy.ts'
import { selects } from '../contracts/policy-fields.ts'

export interface Advice {
  readonly document: PolicyDocument
  readonly path: readonly (string | number)[]
  readonly found: string
  readonly expected: string
  readonly hint: string | null
}

export function lintDocuments(documents: readonly PolicyDocument[]): readonly Advice[] {
  return documents.flatMap((document) => {
    const advice: Advice[] = []
    if (document.services.length === 0) {
      const hint = 'name services, or * for all of them'
      const path = ['spec', 'match']
      advice.push({ document, path, found: 'no service', expected: 'whom it is for', hint })
    }
    if (document.kind === 'HealPolicy') advice.push(...lintHeal(document, documents))
    return advice
  })
}

function lintHeal(policy: HealPolicy, all: readonly PolicyDocument[]): readonly Advice[] {
  const advice: Advice[] = []
  const cooldownMs = policy.cooldownMs ?? GUARD_DEFAULTS.cooldownMs
  const verifyMs = policy.verifyMs ?? GUARD_DEFAULTS.verifyMs
  if (cooldownMs < verifyMs) {
    advice.push({
      document: policy,
      path: ['spec', 'cooldown'],
      found: `a cool-down of ${formatDuration(cooldownMs)}`,
      expected: `at least the time an effect may take to show (${formatDuration(verifyMs)})`,
      hint: null,
    })
  }
  const acts = policy.mode === 'enforce' || policy.mode === 'canary'
  const guarded = all.some(
    (other) =>
      other.kind === 'GuardSet' &&
      policy.services.every((service) => selects(other.services, service)),
  )
  if (acts && !guarded) {
    advice.push({
      document: policy,
      path: ['spec', 'mode'],
      found: `${policy.mode} without a GuardSet beside it`,
      expected: 'limits that somebody chose',
      hint: 'the default guards apply; see docs/policies.md',
    })
  }
  return advice
}
