// A policy in words: what it reads, when it matches, what it then asks for and within which limits;
// and what it would make of an instance, from the facts that are known of it.
import { formatDuration } from '../../contracts/duration.ts'
import type { GuardSet } from '../../contracts/guard-set.ts'
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import { GUARD_DEFAULTS } from '../../contracts/limits.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import { selects } from '../../contracts/policy-fields.ts'
import { compilePolicy } from '../../core/decision/compile-policy.ts'
import { FACTS, type FactValues, valuesOf } from '../../core/decision/fact-table.ts'
import { callsOf } from '../../core/decision/policy-set.ts'

export interface Explained {
  readonly reads: readonly { readonly fact: string; readonly meaning: string }[]
  /** Sentences, in order. */
  readonly sentences: readonly string[]
  readonly limits: readonly {
    readonly limit: string
    readonly value: string
    readonly from: string
  }[]
}

export function explainPolicy(policy: HealPolicy, guards: readonly GuardSet[]): Explained {
  const compiled = compilePolicy(policy)
  const clauses = compiled.ok ? compiled.trigger.clauses : []
  const facts = [...new Set(clauses.flatMap((clause) => clause.facts))]
  return {
    reads: facts.map((fact) => ({ fact, meaning: FACTS[fact].text })),
    sentences: sentencesOf(
      policy,
      clauses.map(({ text }) => text),
    ),
    limits: limitsOf(policy, guards),
  }
}

function sentencesOf(policy: HealPolicy, clauses: readonly string[]): readonly string[] {
  const { services, composite, evaluationMode, forMs, modes } = policy
  const whom = services.includes('*') ? 'every service' : services.join(', ') || 'no service'
  const rungs = Object.entries(modes).map(([service, mode]) => `${mode} at ${service}`)
  const rung = [`${policy.mode}${rungs.length > 0 ? ' elsewhere' : ''}`, ...rungs].join(', ')
  const when =
    composite === null
      ? `when ${clauses.join(' and ')}`
      : `when ${policy.trigger} within ${formatDuration(composite.withinMs)}`
  const long =
    evaluationMode === 'window'
      ? `over the window of ${formatDuration(forMs)}`
      : forMs === 0
        ? 'at once'
        : `without a break for ${formatDuration(forMs)}`
  const actions = callsOf(policy).map(({ action }) => action)
  return [
    `Looks at the instances of ${whom}; mode ${rung}.`,
    `Matches ${when}, ${long}.`,
    `Asks for ${[...new Set(actions)].join(', ')}.`,
  ]
}

function limitsOf(policy: HealPolicy, guards: readonly GuardSet[]): Explained['limits'] {
  const services = policy.services.includes('*') ? ['*'] : policy.services
  const sets = guards.filter((set) => services.some((service) => selects(set.services, service)))
  const ordered = [...sets].sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1))
  const own: Partial<Record<string, number | null>> = {
    cooldownMs: policy.cooldownMs,
    commandExpiryMs: policy.expiryMs,
    verifyMs: policy.verifyMs,
  }
  return Object.entries(GUARD_DEFAULTS).flatMap(([limit, standard]) => {
    let value: unknown = standard
    let from = 'default'
    for (const set of ordered) {
      const given: unknown = Reflect.get(set.limits, limit)
      if (given !== undefined) [value, from] = [given, `GuardSet ${set.name}`]
    }
    const mine = own[limit] ?? null
    if (mine !== null) [value, from] = [mine, 'the policy']
    return [{ limit, value: shown(limit, value), from }]
  })
}

/** Sets for all services come before those that name some. */
const rankOf = ({ services }: GuardSet): number => (services.includes('*') ? 0 : 1)

function shown(limit: string, value: unknown): string {
  const isTime = limit.endsWith('Ms') && typeof value === 'number'
  return isTime ? formatDuration(value) : JSON.stringify(value)
}

export interface Verdict {
  readonly service: string
  readonly instance: string
  /** Rung of the policy at the service. */
  readonly mode: string
  readonly holds: boolean
  readonly clauses: readonly { readonly text: string; readonly holds: boolean | null }[]
}

/** `facts`: those that are known; a clause that reads another one is unknown. */
export function verdictOn(
  policy: HealPolicy,
  at: { readonly service: string; readonly instance: string; readonly facts: Partial<FactValues> },
): Verdict | null {
  const compiled = compilePolicy(policy)
  if (!compiled.ok || !selects(policy.services, at.service)) return null
  const values = valuesOf(at.facts)
  const clauses = compiled.trigger.clauses.map((clause) => {
    return { text: clause.text, holds: clause.ask(values) ?? null }
  })
  const isAny = compiled.trigger.over?.how === 'any'
  const truths = clauses.map(({ holds }) => holds === true)
  const holds = isAny ? truths.includes(true) : !truths.includes(false)
  const mode = modeOf(policy, at.service)
  return { service: at.service, instance: at.instance, mode, holds, clauses }
}
