// A compiled trigger as the rest of the core sees it, without the expression library behind it.
import type { FactName, FactValues } from './fact-table.ts'

/** What is wrong with a trigger; positions are UTF-16 code units in its text. */
export interface TriggerProblem {
  readonly message: string
  readonly start: number
  readonly end: number
  readonly hint: string | null
}

/** A clause that compares one fact with one literal. */
export interface Comparison {
  readonly fact: FactName
  readonly op: '<' | '<=' | '>' | '>=' | '==' | '!='
  readonly literal: number | string | boolean
}

export interface CompiledClause {
  readonly text: string
  /** Facts it reads, in the order of first use. */
  readonly facts: readonly FactName[]
  readonly comparison: Comparison | null
  /** True only when the clause is known to hold: what reads an unknown fact, or fails, does not. */
  holds(values: FactValues): boolean
}

/** A trigger ready to run. It holds when all clauses hold. */
export interface Trigger {
  readonly text: string
  readonly clauses: readonly CompiledClause[]
  /** Worst number of steps of one evaluation. */
  readonly cost: number
  readonly notes: readonly TriggerProblem[]
}

export type Compiled =
  | { readonly ok: true; readonly trigger: Trigger }
  | { readonly ok: false; readonly problem: TriggerProblem }
