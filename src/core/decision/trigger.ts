// A compiled trigger as the rest of the core sees it, without the expression library behind it.
import type { Composition } from '../../contracts/policy-trigger.ts'
import type { FactName, FactValues } from './fact-table.ts'

/** What is wrong with a trigger; positions are UTF-16 code units in its text. */
export interface TriggerProblem {
  readonly message: string
  /** Of a composite: the condition that is meant, from 0. */
  readonly clause?: number
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

export interface Member {
  readonly fact: FactName
  readonly text: string
}

export interface CompiledClause {
  readonly text: string
  /** Facts it reads, in the order of first use. */
  readonly facts: readonly FactName[]
  readonly comparison: Comparison | null
  /** Of `"text" in fact`: what has to be in which list. */
  readonly member: Member | null
  /** undefined where CEL says error: a fact that counts is unknown, or the clause fails. */
  ask(values: FactValues): boolean | undefined
  /** True only when the clause is known to hold: what reads an unknown fact, or fails, does not. */
  holds(values: FactValues): boolean
}

/** How the clauses of a composite belong together in time (S0-54). */
export interface Over {
  readonly how: Composition
  readonly withinMs: number
}

/** A trigger ready to run. It holds when all clauses hold, or as `over` says. */
export interface Trigger {
  readonly text: string
  readonly clauses: readonly CompiledClause[]
  /** null: all clauses hold at once. */
  readonly over: Over | null
  /** Worst number of steps of one evaluation. */
  readonly cost: number
  readonly notes: readonly TriggerProblem[]
}

export type Compiled =
  | { readonly ok: true; readonly trigger: Trigger }
  | { readonly ok: false; readonly problem: TriggerProblem }
