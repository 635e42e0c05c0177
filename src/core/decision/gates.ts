// Many policies at one instance: each stands behind one of its plain clauses, its gate, and gates
// are kept by fact: thresholds in order, texts by what they are compared with. A fact is read once,
// and only the policies behind open gates are asked in full; a calm instance costs a comparison per
// fact, however many policies there are.
import { type FactName, type FactValues, isTexts } from './fact-table.ts'
import type { CompiledClause, Comparison } from './trigger.ts'

/** Thresholds of one fact in one direction, the easiest first. */
interface Ladder {
  readonly fact: FactName
  readonly rises: boolean
  readonly steps: Step[]
}

interface Step {
  readonly at: number
  readonly isIn: boolean
  readonly policy: number
}

/** Texts of one fact: it is one of them, or has one of them. */
interface Words {
  readonly fact: FactName
  readonly policies: ReadonlyMap<string, readonly number[]>
}

type Gate =
  | { readonly kind: 'step'; readonly comparison: Comparison & { readonly literal: number } }
  | { readonly kind: 'word'; readonly fact: FactName; readonly text: string }

/** Facts that nearly always pass a gate: how much there is to judge by. */
const AMOUNTS = /^(?:service_)?(?:n|errors|instances|healthy|incarnation)(?:_|$)/
const NOBODY: readonly number[] = []

export class Gates {
  /** Policies without a gate. */
  private readonly always: readonly number[]
  private readonly ladders: readonly Ladder[]
  private readonly words: readonly Words[]
  private readonly found: number[] = []

  /** The clauses of each policy, all of which have to hold; null: it is always asked. */
  constructor(policies: readonly (readonly CompiledClause[] | null)[]) {
    const always: number[] = []
    const ladders = new Map<string, Ladder>()
    const words = new Map<FactName, Map<string, number[]>>()
    for (const [policy, clauses] of policies.entries()) {
      const gate = clauses === null ? null : gateOf(clauses)
      if (gate === null) always.push(policy)
      else if (gate.kind === 'step') {
        const { fact, op, literal: at } = gate.comparison
        const rises = op.startsWith('>')
        const key = `${rises ? '>' : '<'} ${fact}`
        const own = ladders.get(key) ?? { fact, rises, steps: [] }
        ladders.set(key, own)
        own.steps.push({ at, isIn: op.endsWith('='), policy })
      } else {
        const own = words.get(gate.fact) ?? new Map<string, number[]>()
        words.set(gate.fact, own)
        own.set(gate.text, [...(own.get(gate.text) ?? []), policy])
      }
    }
    this.always = always
    this.ladders = [...ladders.values()]
    for (const { rises, steps } of this.ladders) steps.sort((a, b) => easier(a, b, rises))
    this.words = [...words].map(([fact, of]) => ({ fact, policies: of }))
  }

  /** Policies whose gate is open, in their order; stands until the next call. */
  open(values: FactValues): readonly number[] {
    const { found, always } = this
    found.length = 0
    for (const ladder of this.ladders) climb(ladder, values, found)
    for (const { fact, policies } of this.words) {
      const value = values[fact]
      const texts = isTexts(value) ? value : [value]
      for (const text of texts) {
        if (typeof text === 'string') found.push(...(policies.get(text) ?? NOBODY))
      }
    }
    if (found.length === 0) return always
    found.push(...always)
    // A list can have the same text twice.
    return found.sort((a, b) => a - b).filter((policy, i) => policy !== found[i - 1])
  }
}

/** Order of the steps of a ladder: at the same threshold the one that is open on it comes first. */
function easier(a: Step, b: Step, rises: boolean): number {
  const order = rises ? a.at - b.at : b.at - a.at
  return order === 0 ? Number(b.isIn) - Number(a.isIn) : order
}

function climb({ fact, rises, steps }: Ladder, values: FactValues, found: number[]): void {
  const value = values[fact]
  if (typeof value !== 'number') return
  for (const { at, isIn, policy } of steps) {
    const isOpen = value === at ? isIn : rises ? value > at : value < at
    if (!isOpen) return
    found.push(policy)
  }
}

/** Of clauses that all have to hold, the one that is most seldom true, as far as it can be told. */
function gateOf(clauses: readonly CompiledClause[]): Gate | null {
  const gates = clauses.flatMap(({ comparison, member }): Gate[] => {
    if (member !== null) return [{ kind: 'word', ...member }]
    if (comparison === null || comparison.op === '!=') return []
    const { fact, op, literal } = comparison
    if (op === '==')
      return typeof literal === 'string' ? [{ kind: 'word', fact, text: literal }] : []
    return typeof literal === 'number' ? [{ kind: 'step', comparison: { fact, op, literal } }] : []
  })
  const isSeldom = (gate: Gate): boolean =>
    gate.kind === 'step' ? !AMOUNTS.test(gate.comparison.fact) : gate.text !== 'healthy'
  return (
    gates.find((gate) => gate.kind === 'word' && isSeldom(gate)) ??
    gates.find(isSeldom) ??
    gates[0] ??
    null
  )
}
