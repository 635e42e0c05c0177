// Checks over policies that are in force together (M18): pairs that can undo each other's work on
// one target inside their cool-downs are refused, with the circle, and so are longer circles of
// which each sets off the next; a policy that another one always stands before is told. Only what
// acts counts; who observes hurts nobody.
import { formatDuration } from '../../contracts/duration.ts'
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import { GUARD_DEFAULTS } from '../../contracts/limits.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import { compareText } from '../kernel/order.ts'
import { compilePolicy } from './compile-policy.ts'
import { FACTS, type FactName } from './fact-table.ts'
import { holdsWithin, partingFact, type Region, regionOf } from './region.ts'
import type { CompiledClause } from './trigger.ts'
import { type Call, handOf, undoes, wayOf } from './policy-effects.ts'

export interface SetProblem {
  readonly severity: 'error' | 'warning'
  /** Names of the policies it is about; the last one is the one to change. */
  readonly names: readonly string[]
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
  const pairs = problems.filter(({ severity }) => severity === 'error').map(({ names }) => names)
  return [...problems, ...circlesOf(acting, pairs)]
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

/** A service at which all act: its name, or `*`; null: none. */
function commonService(policies: readonly HealPolicy[]): string | null {
  const acts = (policy: HealPolicy, service: string): boolean =>
    ['canary', 'enforce'].includes(modeOf(policy, service))
  const all = policies.every(({ services }) => services.includes('*'))
  const named = policies.flatMap(({ services, modes }) => [...services, ...Object.keys(modes)])
  const selects = ({ services }: HealPolicy, name: string): boolean =>
    services.includes('*') || services.includes(name)
  const candidates = [...new Set(named.filter((name) => name !== '*')), ...(all ? ['*'] : [])]
  return (
    candidates.find((name) => {
      return policies.every((policy) => selects(policy, name) && acts(policy, name))
    }) ?? null
  )
}

function oscillation(a: Acting, b: Acting): SetProblem | null {
  const service = commonService([a.policy, b.policy])
  if (service === null) return null
  for (const one of a.calls) {
    for (const other of b.calls) {
      if (undoes(one, other)) {
        if (isApart([a, one], [b, other])) continue
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

/** A fact keeps them apart that neither of them moves. */
function isApart([a, one]: readonly [Acting, Call], [b, other]: readonly [Acting, Call]): boolean {
  const stays = (fact: FactName): boolean =>
    wayOf(one, fact) === null && wayOf(other, fact) === null && !isJudged(fact)
  return partingFact(a.region, b.region, stays) !== null
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
  return {
    severity: 'error',
    names: [a.policy.name, b.policy.name],
    found: circleText(service, [
      [a, one],
      [b, other],
    ]),
    expected: 'no two policies that can undo each other on one target',
    hint:
      'let one wait with `for` longer than the cool-down of the other, give them services of ' +
      'their own, or make them rungs of one ladder',
  }
}

type Link = readonly [Acting, Call]

function circleText(service: string, links: readonly Link[]): string {
  const at = service === '*' ? 'any service' : `service ${service}`
  const steps = [...links, ...links.slice(0, 1)].map(([{ policy }, { action }]) => {
    return `${policy.name} (${action})`
  })
  const cool = links.map(([{ cooldownMs }]) => formatDuration(cooldownMs)).join(' and ')
  return `a circle at ${at}, inside cool-downs of ${cool}: ${steps.join(' → ')}`
}

/** Longer circles than this are not looked for. */
const CIRCLE_MAX = 6

/**
 * Circles of three and more: what one does can make the trigger of the next come true, and so round
 * again, each before the first may act once more. Those with a pair in them that is told already
 * are left out; of each first policy the shortest one is told.
 */
function circlesOf(
  acting: readonly Acting[],
  pairs: readonly (readonly string[])[],
): readonly SetProblem[] {
  const links = acting.flatMap((one) => one.calls.map((call): Link => [one, call]))
  const told = new Set(pairs.map((names) => JSON.stringify([...names].sort(compareText))))
  const isTold = (a: Acting, b: Acting): boolean =>
    told.has(JSON.stringify([a.policy.name, b.policy.name].sort(compareText)))
  const next = links.map(([a, one]) => {
    return links.flatMap(([b, other], i) => {
      const isEdge =
        a !== b && handOf(one.action) !== handOf(other.action) && disturbs(one, b) && !isTold(a, b)
      return isEdge && !isApart([a, one], [b, other]) ? [i] : []
    })
  })
  const found = new Map<Acting, SetProblem>()
  for (const [start, [first]] of links.entries()) {
    const problem = found.has(first) ? null : circleFrom(start, { links, next })
    if (problem !== null) found.set(first, problem)
  }
  return [...found.values()]
}

/** The shortest circle of those from `start` on, breadth first; null: there is none. */
function circleFrom(
  start: number,
  { links, next }: { readonly links: readonly Link[]; readonly next: readonly number[][] },
): SetProblem | null {
  const seen = new Set<number>()
  let ways: readonly (readonly number[])[] = [[start]]
  for (let length = 1; length <= CIRCLE_MAX; length++) {
    const longer: (readonly number[])[] = []
    for (const way of ways) {
      for (const to of next[way.at(-1) ?? start] ?? []) {
        const problem = to === start && length > 2 ? closed(way, links) : null
        if (problem !== null) return problem
        if (to <= start || seen.has(to)) continue
        seen.add(to)
        longer.push([...way, to])
      }
    }
    ways = longer
  }
  return null
}

/** The circle as a problem, unless its policies have no service or no time in common. */
function closed(way: readonly number[], all: readonly Link[]): SetProblem | null {
  const links = way.flatMap((i) => all.slice(i, i + 1))
  const policies = links.map(([{ policy }]) => policy)
  const names = policies.map(({ name }) => name)
  const service = commonService(policies)
  const waits = policies.reduce((sum, { forMs }) => sum + forMs, 0)
  const isInside = links.every(([{ policy, cooldownMs }]) => waits - policy.forMs < cooldownMs)
  if (service === null || !isInside || new Set(names).size < names.length) return null
  return {
    severity: 'error',
    names,
    found: circleText(service, links),
    expected: 'no policies each of which can set off the next, and the last one the first',
    hint:
      'let one wait with `for` longer than the cool-down of another, give them services of their ' +
      'own, or make them rungs of one ladder',
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
