// Checks over policies that are in force together (M18): pairs that can undo each other's work on
// one target inside their cool-downs are refused, with the circle; a policy that another one always
// stands before is told. Only what acts counts; who observes hurts nobody.
import { formatDuration } from '../../contracts/duration.ts'
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import { GUARD_DEFAULTS } from '../../contracts/limits.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import { compilePolicy } from './compile-policy.ts'
import { FACTS, type FactName } from './fact-table.ts'
import { holdsWithin, partingFact, type Region, regionOf } from './region.ts'
import type { CompiledClause } from './trigger.ts'
import { type Call, handOf, undoes, wayOf } from './policy-effects.ts'

export interface SetProblem {
  readonly severity: 'error' | 'warning'
  /** Names of the policies it is about; the last one is the one to change. */
  readonly names: readonly [string, string]
  readonly found: string
  readonly expected: string
  readonly hint: string | null
}

interface Acting extends Asking {
  readonly clauses: readonly CompiledClause[]
  /** Its clauses have to hold together. */
  readonly isWhole: boolean
  readonly region: Region
  readonly cooldownMs: number
}

/** A policy and everything it can ask for. */
export interface Asking {
  readonly policy: HealPolicy
  readonly calls: readonly Call[]
}

export function checkSet(policies: readonly HealPolicy[]): readonly SetProblem[] {
  return checkAsking(policies.map((policy) => ({ policy, calls: callsOf(policy) })))
}

export function checkAsking(asking: readonly Asking[]): readonly SetProblem[] {
  const acting = asking.flatMap(actingOf)
  const problems: SetProblem[] = []
  for (const [i, b] of acting.entries()) {
    for (const a of acting.slice(0, i)) {
      const problem = oscillation(a, b) ?? shadow(a, b) ?? shadow(b, a)
      if (problem !== null) problems.push(problem)
    }
  }
  return problems
}

function actingOf({ policy, calls }: Asking): readonly Acting[] {
  const compiled = compilePolicy(policy)
  if (!compiled.ok) return []
  const { clauses, over } = compiled.trigger
  const isWhole = over === null || over.how !== 'any'
  const cooldownMs = policy.cooldownMs ?? GUARD_DEFAULTS.cooldownMs
  const region = regionOf(isWhole ? clauses : [])
  return [{ policy, calls, clauses, isWhole, region, cooldownMs }]
}

/** Everything the policy can ask for. */
export function callsOf(policy: HealPolicy): readonly Call[] {
  return policy.plan.rungs.flatMap(({ steps }) => steps.flatMap(({ actions }) => actions))
}

/** A service at which both act: its name, or `*`; null: none. */
function commonService(a: HealPolicy, b: HealPolicy): string | null {
  const acts = (policy: HealPolicy, service: string): boolean =>
    ['canary', 'enforce'].includes(modeOf(policy, service))
  const all = [a, b].every(({ services }) => services.includes('*'))
  const named = [a, b].flatMap(({ services, modes }) => [...services, ...Object.keys(modes)])
  const selects = ({ services }: HealPolicy, name: string): boolean =>
    services.includes('*') || services.includes(name)
  const candidates = [...new Set(named.filter((name) => name !== '*')), ...(all ? ['*'] : [])]
  return (
    candidates.find((name) => {
      return [a, b].every((policy) => selects(policy, name) && acts(policy, name))
    }) ?? null
  )
}

function oscillation(a: Acting, b: Acting): SetProblem | null {
  const service = commonService(a.policy, b.policy)
  if (service === null) return null
  for (const one of a.calls) {
    for (const other of b.calls) {
      if (undoes(one, other)) {
        // The fact that keeps them apart has to be one that neither of them moves.
        const stays = (fact: FactName): boolean =>
          wayOf(one, fact) === null && wayOf(other, fact) === null && !isJudged(fact)
        if (partingFact(a.region, b.region, stays) !== null) continue
      } else if (
        !(disturbs(one, b) && disturbs(other, a) && handOf(one.action) !== handOf(other.action))
      ) {
        continue
      }
      if (isInsideCooldowns(a, b)) return circle(a, b, { one, other, service })
    }
  }
  return null
}

/** What is concluded from figures moves with them. */
function isJudged(fact: FactName): boolean {
  return ['health', 'detectors', 'notes', 'self_evident', 'probe', 'label'].includes(fact)
}

/** Whether the action can make the trigger come true: it moves a fact it asks for, that way. */
function disturbs(call: Call, { clauses }: Acting): boolean {
  return clauses.some(({ comparison, facts }) => {
    if (comparison === null) return facts.some((fact) => wayOf(call, fact) !== null)
    const way = wayOf(call, comparison.fact)
    if (way === null || typeof comparison.literal !== 'number') return false
    // How much there is to judge by is asked for by nearly everybody.
    if (isAmount(comparison.fact) && comparison.op.startsWith('>')) return false
    const wanted = comparison.op.startsWith('>')
      ? 'up'
      : comparison.op.startsWith('<')
        ? 'down'
        : way
    return way === 'either' || way === wanted
  })
}

const isAmount = (fact: FactName): boolean =>
  FACTS[fact].type === 'double' && /^(?:service_)?(?:n|errors)(?:_|$)/.test(fact)

/** After one has acted, the other can act before the first may act again, and the other way. */
function isInsideCooldowns(a: Acting, b: Acting): boolean {
  return a.policy.forMs < b.cooldownMs && b.policy.forMs < a.cooldownMs
}

function circle(
  a: Acting,
  b: Acting,
  { one, other, service }: { readonly one: Call; readonly other: Call; readonly service: string },
): SetProblem {
  const [first, second] = [a.policy.name, b.policy.name]
  const at = service === '*' ? 'any service' : `service ${service}`
  const steps = [
    `${first} (${one.action})`,
    `${second} (${other.action})`,
    `${first} (${one.action})`,
  ]
  const cool = [a, b].map(({ cooldownMs }) => formatDuration(cooldownMs)).join(' and ')
  return {
    severity: 'error',
    names: [first, second],
    found: `a circle at ${at}, inside cool-downs of ${cool}: ${steps.join(' → ')}`,
    expected: 'no two policies that can undo each other on one target',
    hint:
      'let one wait with `for` longer than the cool-down of the other, give them services of ' +
      'their own, or make them rungs of one ladder',
  }
}

/** `a` matches whenever `b` does, acts alike and comes first: then `b` never acts. */
function shadow(a: Acting, b: Acting): SetProblem | null {
  const [first, second] = [a.policy, b.policy]
  const isFirst = first.name < second.name
  const isEverywhere = second.services.every(
    (name) => first.services.includes('*') || first.services.includes(name),
  )
  const actsAtLeast = second.services.every((name) => rung(first, name) >= rung(second, name))
  const isSame = JSON.stringify(a.calls) === JSON.stringify(b.calls)
  const isSooner = first.forMs <= second.forMs && a.cooldownMs <= b.cooldownMs
  const isPlain = a.isWhole && b.isWhole && first.composite === null && second.composite === null
  const isOneWindow = first.evaluationMode === second.evaluationMode
  if (!isFirst || !isEverywhere || !actsAtLeast || !isSame || !isSooner) return null
  if (!isPlain || !isOneWindow || !holdsWithin(b.region, a.region)) return null
  return {
    severity: 'warning',
    names: [first.name, second.name],
    found: `${second.name} behind ${first.name}, which matches whenever it does and acts alike`,
    expected: 'a policy that can be the one that acts',
    hint: 'leave one of them out, or make the first one narrower',
  }
}

const RUNGS = ['observe', 'dry_run', 'canary', 'enforce']

const rung = (policy: HealPolicy, service: string): number => RUNGS.indexOf(modeOf(policy, service))
